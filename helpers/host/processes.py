"""Tie things to the process that owns them: end its children, close its things. Wait for something."""

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
    """Return whether a process of this machine has that number, whoever owns it.

    One that has ended counts as gone, also where nobody has asked for its exit code yet.
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
    """Ask again and again, ``every`` so many seconds, until ``holds`` says yes; return whether it did.

    ``holds`` is called at least once; the wait ends after ``seconds``. An error of ``holds`` is raised.
    """
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def end_with_parent(number: signal.Signals = signal.SIGINT) -> None:
    """Have the kernel send this process a signal when its parent is killed (Linux; elsewhere nothing).

    It is for the ``preexec_fn`` of a `subprocess.Popen`: who is killed can stop nothing itself. The
    child heeds Ctrl-C even where its parent was started to ignore it, as ``nohup`` does.
    """
    set_parent_death_signal = 1
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _libc:
        _libc.prctl(set_parent_death_signal, number)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back a Ctrl-C until the block ends, for work that must be done whole or not at all.

    A second one comes through, in case the work hangs. In another thread than the main one, which no
    Ctrl-C reaches, it does nothing.
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
    """Remove the folders in ``home`` whose owners are gone; a name begins with the owner's number."""
    for folder in home.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdecimal() and not alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


class Closing(ABC):
    """A thing that is closed when its ``with`` block ends, also after an exception."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held; a second time does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
