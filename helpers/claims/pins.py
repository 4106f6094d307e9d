"""The rule of B1, on Node's versions across stages and on pins, and how long a line of Node gets fixes.

The day to judge by is the caller's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from helpers.claims.figures import Mismatch, PinTest
from helpers.claims.model import Judgement, Verdict
from helpers.host.errors import WorkbookError

DAYS_A_MONTH = 365.25 / 12


def base_pins(
    lines: Mismatch, libcs: Mismatch, pin: PinTest, *, line: int, supported: bool
) -> Judgement:
    """B1: two lines of Node bite, and a digest keeps the base where a tag does not.

    The conditions are what one digest does not give: one C library across stages on two images, and
    fixes for a ``line`` that is no longer ``supported``.
    """
    figures = (
        f"two lines of Node: {lines}; two C libraries: {libcs}; the tag gave Node "
        f"{' then '.join(pin.by_tag)}, the digest {' then '.join(pin.by_digest)}; "
        f"a wrong digest was {'refused' if pin.refused else 'built'}"
    )
    faults = [
        *([] if lines.bites else ["two lines of Node did no harm here"]),
        *([] if pin.tag_moved else ["the tag did not move"]),
        *([] if pin.kept else ["the digest did not keep the base"]),
        *([] if pin.refused else ["a wrong digest was not refused"]),
    ]
    if faults:
        because = f"Not seen as claimed: {'; '.join(faults)}."
        return Judgement("B1", Verdict.FAILS, figures, because)
    because = "It bites, and a digest keeps the base where a tag does not."
    conditions = [
        *(["the C library must agree as well, whatever the version"] if libcs.bites else []),
        *([] if supported else [f"Node {line} gets no more fixes, so a pin on it has to be moved"]),
    ]
    if conditions:
        because += f" But {'; '.join(conditions)}."
        return Judgement("B1", Verdict.CONDITION, figures, because)
    return Judgement("B1", Verdict.HOLDS, figures, because)


@dataclass(frozen=True)
class ReleaseLine:
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
        ReleaseLine(20, date(2023, 4, 18), date(2026, 4, 30)),
        ReleaseLine(22, date(2024, 4, 24), date(2027, 4, 30)),
        ReleaseLine(24, date(2025, 5, 6), date(2028, 4, 30)),
        ReleaseLine(26, date(2026, 5, 5), date(2029, 4, 30)),
    )
}


def release_line(number: int) -> ReleaseLine:
    """Return a line of the schedule. Raises `WorkbookError`, which names the known ones, for another."""
    if number not in SCHEDULE:
        known = ", ".join(map(str, SCHEDULE))
        raise WorkbookError(f"The schedule here has no Node {number}; it has the lines {known}.")
    return SCHEDULE[number]


def release_line_of(version: str) -> ReleaseLine:
    """Return the line of a version (``v20.18.0``). Raises `WorkbookError` for what is no version."""
    found = re.match(r"v?(\d+)(\.|$)", version)
    if not found:
        raise WorkbookError(f"{version!r} is no version of Node; give one such as v24.1.0.")
    return release_line(int(found[1]))
