"""How long each line of a language or of a system gets fixes: the data is in support.json.

This module knows the names of images and dates, but no engine; the caller chooses the day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from helpers.host.errors import WorkbookError

DAYS_A_MONTH = 365.25 / 12
_DATA = Path(__file__).with_name("support.json")
_DEFAULT_DEBIAN = {"18": "12", "20": "12", "22": "12", "24": "12", "26": "13"}  # of official Node images
_DISTROLESS = "distroless for Node on Debian"
_NODE_TAG = re.compile(r"(?:.*/)?node:(\d+)(?:[.\d]*)(-.*)?")
_SYSTEM_TAG = re.compile(r"(?:.*/)?(debian|alpine):(3\.\d+|\d+|[a-z]+)\b.*")
_UBUNTU_TAG = re.compile(r"(?:.*/)?ubuntu:(\d\d\.\d\d|[a-z]+)\b.*")
_LANGUAGES = {"python": "Python", "golang": "Go", "php": "PHP", "ruby": "Ruby"}
_LANGUAGE_TAG = re.compile(
    r"(?:(?:docker\.io|public\.ecr\.aws/docker)/)?(?:library/)?(python|golang|php|ruby)"
    r":(\d+\.\d+)(?:\.\d+)*(-.*)?"
)
_DOTNET_TAG = re.compile(r"mcr\.microsoft\.com/dotnet/(?:core/)?[a-z-]+:(\d+)(\.\d+)?(?:\.\d+)*(-.*)?")
_DISTROLESS_NAME = re.compile(r"gcr\.io/distroless/nodejs(\d+)(?:-debian(\d+))?(?::.*)?")


@dataclass(frozen=True)
class Line:
    """A line of releases of one product: from the day of its release to its last day of fixes.

    ``end`` is None when the last day is not known yet; ``until`` then says what decides it. ``extended``
    is the last day of fixes by another team, such as Debian's long-term support.
    """

    product: str
    name: str
    source: str
    released: date | None = None
    end: date | None = None
    extended: date | None = None
    until: str = ""
    codename: str = ""

    def __str__(self) -> str:
        return f"{self.product} {self.name}"

    def supported(self, on: date) -> bool:
        """Whether the line gets fixes on that day; its last day counts."""
        return (self.released is None or self.released <= on) and (self.end is None or on <= self.end)

    def months_left(self, on: date) -> float:
        """Return the months of support that are left: negative after the end, infinite without one."""
        return float("inf") if self.end is None else (self.end - on).days / DAYS_A_MONTH

    def phrase(self, on: date) -> str:
        """Return a phrase that says until when the line is supported, or since when it is not."""
        if self.end is None:
            return f"{self} is supported until {self.until}"
        if on <= self.end:
            return f"{self} is supported until {self.end}"
        longer = self.extended is not None and on <= self.extended
        added = f"; long-term support ends on {self.extended}" if longer else ""
        return f"{self} is past its end of life since {self.end}{added}"


def lines(product: str) -> tuple[Line, ...]:
    """Return the known lines of a product, such as ``Node`` or ``Debian``, oldest first."""
    return tuple(line for line in _all() if line.product == product)


def line(product: str, name: str) -> Line:
    """Return a line by its name. Raises `WorkbookError` with the known names for any other name."""
    for found in lines(product):
        if name in (found.name, found.codename):
            return found
    known = ", ".join(found.name for found in lines(product))
    raise WorkbookError(f"The schedule here has no {product} {name}; it has the lines {known}.")


def lines_of(image: str) -> list[Line]:
    """Return the lines of languages and systems that an image is made of, according to its name.

    ``node:24-trixie-slim`` is made of Node 24 and Debian 13. A name without versions (``latest``), an
    unknown line and other images give an empty list.
    """
    name = image.partition("@")[0]
    if found := _DISTROLESS_NAME.fullmatch(name):
        debian = found[2] or "13"
        return _known(("Node", found[1]), ("Debian", debian), (_DISTROLESS, debian))
    if found := _NODE_TAG.fullmatch(name):
        return _known(("Node", found[1]), _system(found[1], found[2] or ""))
    if found := _LANGUAGE_TAG.fullmatch(name):
        return _known((_LANGUAGES[found[1]], found[2]), *_systems(found[3] or ""))
    if found := _DOTNET_TAG.fullmatch(name):
        release = found[1] if int(found[1]) >= 5 else f"{found[1]}{found[2]}"
        return _known((".NET", release), *_systems(found[3] or ""))
    if found := _UBUNTU_TAG.fullmatch(name):
        return _known(("Ubuntu", found[1]))
    if found := _SYSTEM_TAG.fullmatch(name):
        return _known((found[1].title(), found[2]))
    return []


def ended(images: Iterable[str], on: date) -> list[Line]:
    """Return the lines of these images, each once, that no longer get fixes on that day."""
    found = dict.fromkeys(line for image in images for line in lines_of(image))
    return [line for line in found if not line.supported(on)]


def _system(node: str, variant: str) -> tuple[str, str]:
    if alpine := re.match(r"-alpine([\d.]*)", variant):
        return "Alpine", alpine[1]
    codename = re.match(r"-(?!slim)([a-z]+)", variant)
    return "Debian", codename[1] if codename else _DEFAULT_DEBIAN.get(node, "")


def _systems(variant: str) -> list[tuple[str, str]]:
    """Return the systems that words of a variant name, such as ``-fpm-alpine3.20`` or ``-jammy``."""
    words = variant.split("-")
    alpine = [("Alpine", word.removeprefix("alpine")) for word in words if word.startswith("alpine")]
    return [*alpine, *((product, word) for word in words for product in ("Debian", "Ubuntu"))]


def _known(*wanted: tuple[str, str]) -> list[Line]:
    return [
        found
        for product, name in wanted
        for found in lines(product)
        if name and name in (found.name, found.codename)
    ]


@cache
def _all() -> tuple[Line, ...]:
    data = json.loads(_DATA.read_text(encoding="utf-8"))
    return tuple(_line(row, data["sources"]) for row in data["lines"])


def _line(row: dict[str, Any], sources: dict[str, str]) -> Line:
    facts = row | {"source": sources[row["source"]]}
    facts |= {day: date.fromisoformat(row[day]) for day in ("released", "end", "extended") if day in row}
    return Line(**facts)
