"""A report on any project with a Dockerfile, for lesson 12 and for ``python -m helpers examine``."""
