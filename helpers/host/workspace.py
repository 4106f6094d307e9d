"""A copy of a project to build from and to edit, so that the original is never changed.

The copy lies in the workbook's folder and is removed when its owner closes it. The copies of killed
processes are removed when the next copy is made. This module builds nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path

from helpers.host import paths, processes
from helpers.host.errors import WorkbookError
from helpers.host.processes import Closing

FAKE_SECRET = "sk_fake_NOT_A_REAL_KEY_workbook_lesson_only"  # noqa: S105
Ignore = Callable[[str, list[str]], Iterable[str]]
_LEFT_OUT = shutil.ignore_patterns(
    "node_modules", "dist", "coverage", ".git", ".env", ".env.local", "*.log"
)


class Workspace(Closing):
    """A working copy at ``path``. Use it as a context manager; otherwise it is removed with the process.

    The folder that holds ``path`` belongs to the workspace, and is removed with it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._finalizer = weakref.finalize(self, shutil.rmtree, path.parent, ignore_errors=True)

    def close(self) -> None:
        """Remove the copy."""
        self._finalizer()

    def write(self, name: str, text: str) -> Path:
        """Write a file of the copy, replacing an existing one; return its path."""
        file = self._inside(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, name: str, old: str, new: str) -> Path:
        """Replace ``old``. Raises `WorkbookError` unless the file contains it exactly once."""
        file = self._inside(name)
        if not file.is_file():
            raise WorkbookError(f"There is no file {name} in the working copy; check the name.")
        text = file.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise WorkbookError(
                f"{old!r} stands in {name} {text.count(old)} times; give a text that stands once."
            )
        file.write_text(text.replace(old, new), encoding="utf-8")
        return file

    def _inside(self, name: str) -> Path:
        file = (self.path / name).resolve()
        if not file.is_relative_to(self.path.resolve()):
            raise WorkbookError(f"{name} lies outside the working copy; name a file inside it.")
        return file


def _first_reason(error: OSError) -> str:
    """Return the first reason; `shutil.copytree` collects one for each file."""
    if isinstance(error, shutil.Error):
        return str(error.args[0][0][2])
    return str(error)


def copy(
    source: Path = paths.SAMPLE_APP, *, with_secret: bool = False, ignore: Ignore = _LEFT_OUT
) -> Workspace:
    """Copy a project, without what its tools make (``node_modules``, ``dist``, ``.git``, logs).

    ``ignore`` replaces this choice; `shutil.copytree` calls it with a folder and its names.
    ``with_secret`` adds an ``.env.local`` with an obviously fake key, like one in a developer's folder.
    Raises `WorkbookError` when ``source`` is not a folder or there is no room.
    """
    if not source.is_dir():
        raise WorkbookError(f"There is no project folder at {source}; check the path.")
    home = paths.state("copies")
    processes.sweep(home)
    path = home / f"{os.getpid()}-{secrets.token_hex(3)}" / source.name
    try:
        shutil.copytree(source, path, ignore=ignore, symlinks=True)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise WorkbookError(
            f"{source} could not be copied to {path.parent}: {_first_reason(error)}; make room there or "
            "look at what may be read, and run it again."
        ) from error
    except KeyboardInterrupt:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    workspace = Workspace(path)
    if with_secret:
        workspace.write(".env.local", f"# fake, made for the lesson\nPAYMENT_API_KEY={FAKE_SECRET}\n")
    return workspace
