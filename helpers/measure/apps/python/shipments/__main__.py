"""Serve the API; uvicorn lets requests in flight end when it is told to stop."""

from __future__ import annotations

import os
import sys

import uvicorn

from shipments.api import app


def integer(name: str, most: int, fallback: int) -> int:
    """Read a setting from the environment; it must lie between 0 and ``most``."""
    text = os.environ.get(name, str(fallback))
    if not text.isdecimal() or int(text) > most:
        sys.exit(f"Invalid configuration: {name} must be an integer from 0 to {most}, not {text!r}.")
    return int(text)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="0.0.0.0",  # noqa: S104 - of the container
        port=integer("PORT", 65_535, 3000),
        timeout_graceful_shutdown=max(1, integer("SHUTDOWN_GRACE_MS", 60_000, 8000) // 1000),
    )
