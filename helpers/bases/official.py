"""The published figures of the official images; official.json holds the data with its sources.

This module asks no engine, and none of the figures was measured here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DATA = Path(__file__).with_name("official.json")


@dataclass(frozen=True)
class Official:
    """An official image as published: its Node, the day it is of, its bytes, its system packages.

    ``compressed`` is what a registry holds, ``on_disk`` what is unpacked; None where nobody published
    it. ``differs`` says what differs in its stand-in, and why.
    """

    name: str
    node: str
    of: str
    sources: tuple[str, ...]
    differs: str
    compressed: int | None = None
    on_disk: int | None = None
    packages: int | None = None


@cache
def images() -> dict[str, Official]:
    """Return the official images of which figures are published, by name."""
    rows = json.loads(_DATA.read_text(encoding="utf-8"))["images"]
    return {row["name"]: Official(**{**row, "sources": tuple(row["sources"])}) for row in rows}
