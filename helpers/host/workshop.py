"""A place to make files in: scratch folders, locks, and commands that end with the process.

When a workshop is closed (Ctrl-C, an error), it stops its commands and stops waiting for locks. So no
half-made file and no process remains.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import math
import os
import shutil
import signal
import subprocess
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from helpers.host import disk_full, paths, processes
from helpers.host.errors import WorkbookError

_POLL_SECONDS = 0.05
_LINE = 160  # characters of a command's error message that a sentence quotes


class WorkshopError(WorkbookError):
    """A command of the workshop failed or took too long."""


class NoRoomError(WorkshopError):
    """A command of the workshop found this machine's disk full."""


class StoppedError(WorkshopError):
    """The workshop was closed before the work was done."""


class Workshop:
    """A folder to work in, safely shared by threads and processes.

    ``folder`` keeps the finished files. Scratch folders lie inside it, so that a rename moves a finished
    file to its place.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._closed = threading.Event()

    def close(self) -> None:
        """End all running commands, and stop waiting for locks."""
        self._closed.set()

    def check(self) -> None:
        """Raise `StoppedError` if the workshop is closed; for loops that can stop half-way."""
        if self._closed.is_set():
            raise StoppedError("The preparation was stopped before it was done; run it again.")

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty folder, and remove it at the end, with all folders of ended processes."""
        parent = self.folder / "scratch"
        with paths.writing(self.folder):
            parent.mkdir(parents=True, exist_ok=True)
            processes.sweep(parent)
            path = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of that name against other threads and other processes."""
        path = self.folder / "locks" / name.replace("/", "+")
        with paths.writing(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        with file:
            processes.wait_for(lambda: self._locks(file), math.inf, every=_POLL_SECONDS)
            yield

    def _locks(self, file: IO[str]) -> bool:
        self.check()
        return _try_lock(file)

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> str:
        """Run a command to its end and return what it printed.

        ``environment`` is added to the process's environment. Raises `WorkshopError` with the command's
        own reason when it fails or takes longer than ``seconds``, and `StoppedError` when the workshop
        is closed.
        """
        self.check()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as complaints:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=complaints,
                start_new_session=True,
                preexec_fn=functools.partial(processes.end_with_parent, signal.SIGKILL),
                umask=0o022,
            )
            code = self._wait(process, seconds)
            if code:
                raise self._failure(command, complaints, code)
            out.seek(0)
            return out.read()

    def _failure(self, command: Sequence[str], complaints: IO[str], code: int) -> WorkshopError:
        complaints.seek(0)
        lines = [line.strip() for line in complaints if line.strip()]
        if any(map(disk_full.is_full, lines)):
            return NoRoomError(
                f"`{_shown(command)}` found no room on this machine's disk ({self.folder}, or "
                f"{tempfile.gettempdir()} for temporary files); free some and run it again."
            )
        return WorkshopError(f"`{_shown(command)}` failed: {_reason(lines, code)}")

    def _wait(self, process: subprocess.Popen[bytes], seconds: float | None) -> int:
        deadline = time.monotonic() + seconds if seconds else None
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_POLL_SECONDS)
                self.check()
                if deadline and time.monotonic() > deadline:
                    raise WorkshopError(
                        f"`{_shown(process.args)}` was stopped after {seconds:.0f} seconds; "
                        "try again when the network is better."
                    )
        finally:
            _end(process)


def _shown(command: object) -> str:
    words = [command] if isinstance(command, str) else list(command)  # type: ignore[call-overload]
    return " ".join(Path(word).name if index == 0 else word for index, word in enumerate(words[:3]))


def _reason(lines: list[str], code: int) -> str:
    """Return the most useful lines: the first two errors, else the last line."""
    errors = [line for line in lines if line.lower().startswith(("e:", "error", "npm err"))]
    telling = errors[:2] or lines[-1:] or [f"exit code {code}"]
    return "; ".join(textwrap.shorten(line, _LINE, placeholder=" …") for line in telling)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
