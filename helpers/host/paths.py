"""Where things are: the checkout, the sample app, and the folder for what the workbook keeps.

It creates nothing but that one folder and temporary ones, and never looks at Docker.
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
_MOST_LINKS = 255  # on one way, as BuildKit counts
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def state(part: str = "") -> Path:
    """Return the folder for downloads, caches and results, made when missing.

    It is what the environment variable ``WORKBOOK_STATE`` names, else ``.workbook`` in the checkout, or
    in a checkout that may only be read a folder of this checkout's own in the user's cache
    (``$XDG_CACHE_HOME``, else ``~/.cache``). ``part`` is a sub-folder of it. Raises `WorkbookError` when
    it cannot be made.
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
    """Remove that folder with all in it. Raises `WorkbookError` for one that was there before us."""
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
    """Turn the refusal of a disk, while the block writes to ``folder``, into a `WorkbookError`."""
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
    """Hold a folder that is there against other threads and processes until the block ends."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Give an empty folder that is gone afterwards. Raises `WorkbookError` where none can be made."""
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
    """Return what a path below a folder leads to, all links followed as the builder follows them.

    It never leaves ``folder``: a link with an absolute path leads on from there, and ``..`` stops there.
    So a link that leads out on this machine leads to nothing, or to something else, in a build. None
    where it leads to nothing.
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
            target = os.readlink(here)  # noqa: PTH115 - a Path drops what it thinks superfluous
            links += 1
            if links > _MOST_LINKS:
                return None
            at = Path() if target.startswith("/") else at
            waiting += target.split("/")[::-1]
    return folder / at if (folder / at).exists() else None
