"""The paths of the checkout, of the sample app, and of the folder in which the workbook keeps its files.

This module creates only that folder and temporary ones. It does not know about Docker.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from helpers.host.errors import WorkbookError

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_APP = ROOT / "sample_app"
DOCKERFILES = SAMPLE_APP / "dockerfiles"
ENGINE = ROOT / ".engine"
_MADE = ".made-by-the-workbook"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_MOST_LINKS = 255  # on the way to one file, as BuildKit counts
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def state(part: str = "") -> Path:
    """Return the folder for downloads, caches and results; it is made if it does not exist.

    The environment variable ``WORKBOOK_STATE`` names it; otherwise it is ``.workbook`` in the checkout.
    For a read-only checkout it is a folder for this checkout in the user's cache (``$XDG_CACHE_HOME``,
    else ``~/.cache``). ``part`` is a sub-folder. Raises `WorkbookError` when it cannot be made.
    """
    home = _home()
    folder = home / part
    with writing(folder):
        if not home.exists():
            home.mkdir(parents=True, exist_ok=True)
            (home / _MADE).touch()
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_state() -> None:
    """Remove the folder of `state`. Raises `WorkbookError` when the workbook did not make the folder."""
    home = _home()
    if not home.exists():
        return
    if os.environ.get("WORKBOOK_STATE") and not (home / _MADE).exists():
        raise WorkbookError(
            f"{home} stays: it was there before the workbook used it (WORKBOOK_STATE); delete in it "
            "what you no longer need."
        )
    shutil.rmtree(home, ignore_errors=True)


def _home() -> Path:
    if named := os.environ.get("WORKBOOK_STATE"):
        return Path(named)
    own = ROOT / ".workbook"
    if os.access(own if own.exists() else ROOT, os.W_OK | os.X_OK):
        return own
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.home may raise
    checkout = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:10]
    return Path(cache) / f"docker-workbook-{checkout}"


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a full or closed disk, while the block writes to ``folder``, into a `WorkbookError`."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise WorkbookError(
                f"There is no room left for {folder}; free some, or set WORKBOOK_STATE to a folder on "
                "another disk, and run it again."
            ) from None
        if error.errno in _CLOSED:
            raise WorkbookError(
                f"Cannot write to {folder} ({error.strerror}); set WORKBOOK_STATE to a folder you own."
            ) from None
        raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock an existing folder against other threads and processes until the block ends."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Yield an empty folder, and remove it at the end. Raises `WorkbookError` if it cannot be made."""
    try:
        made = tempfile.TemporaryDirectory(prefix="workbook-", ignore_cleanup_errors=True)
    except OSError as error:
        raise WorkbookError(
            f"No temporary folder can be made ({error.strerror or error}); free some room, or set "
            "TMPDIR to a folder you own, and run it again."
        ) from None
    with made as folder:
        yield Path(folder)


def inside(folder: Path, path: str) -> Path | None:
    """Return the file or folder behind a path below ``folder``, following links like the builder.

    The result never leaves ``folder``: an absolute link starts from ``folder``, and ``..`` stops there.
    So a link that leads out of the folder on this machine leads elsewhere, or to nothing, in a build.
    Returns None when the path leads to nothing.
    """
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
            target = os.readlink(here)  # noqa: PTH115 - a Path would drop parts of the text
            links += 1
            if links > _MOST_LINKS:
                return None
            at = Path() if target.startswith("/") else at
            waiting += target.split("/")[::-1]
    return folder / at if (folder / at).exists() else None
