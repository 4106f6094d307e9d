"""Make the slides of lessons as `make slides` does, into a folder of a test's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from helpers.host import paths

WIDTH, HEIGHT = 1280, 720  # pixels of a slide, as docs/slides/nbconvert.py sets them
_SETTINGS = paths.ROOT / "docs/slides/nbconvert.py"


def write(lessons: Iterable[Path], folder: Path) -> None:
    """Write ``NAME.html`` of each lesson into the folder. Raises `CalledProcessError` where one fails."""
    command = [sys.executable, "-m", "nbconvert", "--config", str(_SETTINGS), "--log-level=ERROR"]
    command += ["--output-dir", str(folder), *map(str, lessons)]
    subprocess.run(command, cwd=paths.ROOT, check=True)
