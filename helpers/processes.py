"""Ask whether a process that owned something is still there, so that what it left can be taken away."""

from __future__ import annotations

import os


def alive(process: int) -> bool:
    """Return whether a process of this machine has that number, whoever owns it."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
