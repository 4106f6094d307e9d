"""Follow links inside a folder as the builder does, which never leaves the folder that it was given.

A link with an absolute path leads on from that folder, and ``..`` stops there; so a link that leads out
on this machine leads to nothing, or to something else, in a build.
"""

from __future__ import annotations

import os
from pathlib import Path

_MOST_LINKS = 255


def inside(folder: Path, path: str) -> Path | None:
    """Return what a path below a folder leads to, all links followed; None where it leads to nothing."""
    waiting, at, links = path.split("/")[::-1], Path(), 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            at = at.parent
        elif part not in ("", "."):
            here = folder / at / part
            if not here.is_symlink():
                at /= part
                continue
            target = os.readlink(here)  # noqa: PTH115 - a Path drops what it thinks superfluous
            links += 1
            if links > _MOST_LINKS:
                return None
            at = Path() if target.startswith("/") else at
            waiting += target.split("/")[::-1]
    return folder / at if (folder / at).exists() else None
