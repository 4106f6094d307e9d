"""Find a text in the loose objects of a Git repository, where its history lies compressed.

It reads files and needs no Git. What Git has packed (``objects/pack``) it does not open.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38,62}\Z")


def holding(repository: Path, text: str) -> list[str]:
    """Return the paths of the objects that hold a text, relative to the ``.git`` folder given."""
    objects = repository / "objects"
    files = (f for f in sorted(objects.glob("??/*")) if _OBJECT.match(f.relative_to(objects).as_posix()))
    return [f.relative_to(repository).as_posix() for f in files if text.encode() in _content(f)]


def _content(file: Path) -> bytes:
    try:
        return zlib.decompress(file.read_bytes())
    except (OSError, zlib.error):
        return b""
