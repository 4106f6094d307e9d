"""Tie processes together: ask whether an owner is still there, remove what it left, end a child."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
from pathlib import Path

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def alive(process: int) -> bool:
    """Return whether a process of this machine has that number, whoever owns it."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def end_with_parent(number: signal.Signals = signal.SIGINT) -> None:
    """Have the kernel send this process a signal when its parent is killed (Linux; elsewhere nothing).

    It is for the ``preexec_fn`` of a `subprocess.Popen`: who is killed can stop nothing itself.
    """
    set_parent_death_signal = 1
    if _libc:
        _libc.prctl(set_parent_death_signal, number)


def sweep(home: Path) -> None:
    """Remove the folders in ``home`` whose owners are gone; a name begins with the owner's number."""
    for folder in home.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdecimal() and not alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
