"""What is in a finished image: layers, files, waste, packages, secrets, attack surface."""

from helpers.engine import ImageError
from helpers.image.filesystem import File, Files, Waste
from helpers.image.image import Image, ImageFacts, find, instruction

__all__ = ["File", "Files", "Image", "ImageError", "ImageFacts", "Waste", "find", "instruction"]
