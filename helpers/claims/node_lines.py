"""How long each line of Node gets fixes.

It knows the release schedule and dates, no images; the date to judge by is the caller's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from helpers.host.errors import WorkbookError

DAYS_A_MONTH = 365.25 / 12


class NodeLineError(WorkbookError):
    """A name tells no line of Node, or one that the schedule here does not have."""


@dataclass(frozen=True)
class Line:
    """A major version of Node with long-term support, from its release to its last day of fixes."""

    number: int
    released: date
    end: date

    def supported(self, on: date) -> bool:
        """Return whether the line gets fixes on that day; its last day counts."""
        return self.released <= on <= self.end

    def months_left(self, on: date) -> float:
        """Return the months of support that are left, negative when it is over."""
        return (self.end - on).days / DAYS_A_MONTH


# https://github.com/nodejs/Release, schedule.json as of 2026-07-02: "start" and "end".
SCHEDULE = {
    line.number: line
    for line in (
        Line(20, date(2023, 4, 18), date(2026, 4, 30)),
        Line(22, date(2024, 4, 24), date(2027, 4, 30)),
        Line(24, date(2025, 5, 6), date(2028, 4, 30)),
        Line(26, date(2026, 5, 5), date(2029, 4, 30)),
    )
}


def line(number: int) -> Line:
    """Return a line of the schedule. Raises `NodeLineError` that names those there are."""
    if number not in SCHEDULE:
        known = ", ".join(map(str, SCHEDULE))
        raise NodeLineError(f"The schedule here has no Node {number}; it has the lines {known}.")
    return SCHEDULE[number]


def line_of(version: str) -> Line:
    """Return the line of a version (``v20.18.0``). Raises `NodeLineError` when it tells none."""
    found = re.match(r"v?(\d+)(\.|$)", version)
    if not found:
        raise NodeLineError(f"{version!r} is no version of Node; give one such as v24.1.0.")
    return line(int(found[1]))
