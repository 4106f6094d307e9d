"""What is in a finished image: layers, files, waste, packages, secrets, attack surface."""
