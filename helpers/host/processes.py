"""End child processes and close resources together with the process that owns them; wait for events."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def alive(process: int) -> bool:
    """Whether a process of this machine has that number, whoever owns it.

    A process that has ended does not count, even if nobody has asked for its exit code yet.
    """
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _ended(process)


def _ended(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (OSError, IndexError):  # not Linux
        return False


def wait_for(holds: Callable[[], object], seconds: float, every: float = 0.05) -> bool:
    """Call ``holds`` every ``every`` seconds until it returns a true value; return whether it did.

    ``holds`` is called at least once. The wait ends after ``seconds``. An error of ``holds`` is raised.
    """
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def end_with_parent(number: signal.Signals = signal.SIGINT) -> None:
    """Let the kernel send this process a signal when its parent is killed (only on Linux).

    It is for the ``preexec_fn`` of a `subprocess.Popen`, because a killed parent cannot stop its child
    itself. The child obeys Ctrl-C even if its parent ignores it, as under ``nohup``.
    """
    set_parent_death_signal = 1
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _libc:
        _libc.prctl(set_parent_death_signal, number)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back a Ctrl-C until the block ends, for work that must not be interrupted.

    A second Ctrl-C interrupts it, in case the work hangs. Outside the main thread, where no Ctrl-C
    arrives, this does nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []

    def take(number: int, frame: FrameType | None) -> None:
        held.append((number, frame))
        if len(held) > 1 and callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if len(held) == 1 and callable(before):
            before(*held[0])


def sweep(home: Path) -> None:
    """Remove the folders in ``home`` whose owner has ended; a name begins with its process number."""
    for folder in home.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdecimal() and not alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


class Closing(ABC):
    """An object that is closed when its ``with`` block ends, even after an exception."""

    @abstractmethod
    def close(self) -> None:
        """Release all resources; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
