"""This machine, without Docker: errors, folders, processes, locks, downloads."""
