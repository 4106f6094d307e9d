"""The API of the sample app in other languages, and the contract that all of them keep."""

from pathlib import Path

FOLDER = Path(__file__).parent
