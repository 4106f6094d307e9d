"""The shipments API of sample_app in Python, with FastAPI."""

VERSION = "1.0.0"
