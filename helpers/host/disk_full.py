"""Recognise from a program's message that a disk is full: the engine's, or this machine's.

This module looks at no disk: the message names the place.
"""

from __future__ import annotations

import re

ENGINE_FULL = (
    "The engine's disk is full; free some room (`docker system df` shows what takes it) and run it "
    "again."
)
_FULL = re.compile(
    r"no space left on device|\bENOSPC\b|disk quota exceeded|enough free space", re.IGNORECASE
)
# The files that buildx writes on this machine, first under a temporary name: its notes on builders, and
# the metadata.
_CLIENT = re.compile(
    r"(?:write|open|rename|create) "
    r"(?:(?P<notes>/.*)/(?:activity|refs|defaults|instances)(?:/.*)?/\.tmp-[^/]+"
    r"|(?P<folder>/.*)/\.tmp-metadata\.json[^/]*): "
    r"(?P<why>no space left on device|disk quota exceeded|read-only file system|permission denied)"
)


def is_full(words: str) -> bool:
    """Whether a program's message says that its disk is full."""
    return _FULL.search(words) is not None


def engine_is_full(words: str) -> bool:
    """Whether the message of an engine, or of a program in it, says that the engine's disk is full."""
    return is_full(words) and client_trouble(words) is None


def explained(words: str, otherwise: str) -> str:
    """Return the sentence about a full engine disk if ``words`` say so, else ``otherwise``."""
    return ENGINE_FULL if engine_is_full(words) else otherwise


def client_trouble(words: str) -> str | None:
    """Return a sentence if ``words`` say that Docker's client could not write here, else None."""
    found = _CLIENT.search(words)
    if found is None:
        return None
    folder, variable = (
        (found["notes"], "BUILDX_CONFIG") if found["notes"] else (found["folder"], "TMPDIR")
    )
    if found["why"] in ("no space left on device", "disk quota exceeded"):
        return f"Docker's client found no room in {folder} on this machine; free some and run it again."
    return (
        f"Docker's client cannot write to {folder} ({found['why']}); set {variable} to a folder you own "
        "and run it again."
    )
