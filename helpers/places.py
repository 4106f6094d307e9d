"""Where things are: the checkout, the sample app, and the folder for what the workbook keeps.

It creates nothing but that one folder, and never looks at Docker.
"""

from __future__ import annotations

import os
from pathlib import Path

from helpers.errors import WorkbookError

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_APP = ROOT / "sample_app"
DOCKERFILES = SAMPLE_APP / "dockerfiles"
ENGINE = ROOT / ".engine"


class PlaceError(WorkbookError):
    """A folder that the workbook needs cannot be used."""


def state(part: str = "") -> Path:
    """Return the folder for downloads, caches and results, made when missing.

    It is ``.workbook`` in the checkout, or what the environment variable ``WORKBOOK_STATE`` names.
    ``part`` is a sub-folder of it. Raises `PlaceError` when it cannot be made.
    """
    folder = Path(os.environ.get("WORKBOOK_STATE", ROOT / ".workbook")) / part
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlaceError(
            f"Cannot write to {folder} ({error.strerror}); set WORKBOOK_STATE to a folder you own."
        ) from error
    return folder
