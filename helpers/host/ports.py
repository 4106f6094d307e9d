"""Find a port of loopback that nobody listens on."""

from __future__ import annotations

import socket


def free() -> int:
    """Return its number; it is the caller's as long as nobody else takes it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
