"""One row of the benchmark: the runs of the workbook and of its peer, their ratio, the goal.

It measures the time of what it is given, in turns, and does not know what that is. Sides are compared by
their fastest runs: what else goes on in a machine only ever adds to a time, and on the machine of the
committed results it adds up to a third (the reasoning of the standard library's ``timeit``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from helpers import claims
from helpers.claims import figures
from helpers.claims.figures import Spread

OURS = "workbook"

Goal = Callable[[float, float], bool]


@dataclass(frozen=True)
class Side:
    """What one side was called, and its values in the order they were taken; at least one."""

    name: str
    spread: Spread

    def to_dict(self) -> dict[str, Any]:
        """Return the side as `results.json` has it."""
        return {
            "name": self.name,
            "runs": len(self.spread.values),
            "median": _digits(self.spread.median),
            "min": _digits(self.spread.low),
            "max": _digits(self.spread.high),
        }


@dataclass(frozen=True)
class Row:
    """One figure. ``holds`` is None where no goal is set, ``peer`` where nothing does the same work."""

    figure: str
    unit: str
    project: Side
    peer: Side | None = None
    goal: str = ""
    holds: bool | None = None

    @property
    def ratio(self) -> float | None:
        """The project's smallest value ÷ the peer's; None without a peer, or with one of nought."""
        theirs = self.peer.spread.low if self.peer else 0.0
        return self.project.spread.low / theirs if theirs else None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as `results.json` has it, without engine, bases and date."""
        return {
            "figure": self.figure,
            "unit": self.unit,
            "project": self.project.to_dict(),
            "peer": self.peer.to_dict() if self.peer else None,
            "ratio": None if self.ratio is None else _digits(self.ratio),
            "goal": self.goal or None,
            "holds": self.holds,
        }

    def raw(self) -> dict[str, list[float]]:
        """Return every run of the sides."""
        sides = {"project": self.project, "peer": self.peer}
        return {name: list(side.spread.values) for name, side in sides.items() if side}

    def __str__(self) -> str:
        sides = [_shown(side, self.unit) for side in (self.project, self.peer) if side]
        ratio = [] if self.ratio is None else [f"ratio {self.ratio:.3f}"]
        return f"{self.figure}: {' | '.join([*sides, *ratio, *self._verdict()])}"

    def _verdict(self) -> list[str]:
        if self.holds is None:
            return []
        return [f"{self.goal}: {claims.Verdict.HOLDS if self.holds else claims.Verdict.FAILS}"]


def _digits(value: float) -> float:
    """Keep four digits after the point, and three that say something of a small value."""
    return round(value, 4) if abs(value) >= 0.1 else float(f"{value:.3g}")


def _shown(side: Side, unit: str) -> str:
    low, middle, high = side.spread.low, side.spread.median, side.spread.high
    runs = len(side.spread.values)
    more = f" (median {middle:.3f}, at most {high:.3f}, {runs} runs)" if runs > 1 else " (1 run)"
    return f"{side.name} {low:.3f} {unit}{more}"


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Return a measurement: the seconds that ``work`` takes."""

    def measure() -> float:
        begun = time.monotonic()
        work()
        return time.monotonic() - begun

    return measure


def compare(
    figure: str,
    project: Callable[[], float],
    peer: tuple[str, Callable[[], float]],
    runs: int,
    goal: tuple[str, Goal] | None = None,
) -> Row:
    """Measure the seconds of both sides in turns; ``goal`` is words and a test of the fastest runs."""
    name, theirs = peer
    taken = figures.interleaved(runs, {"project": project, "peer": theirs})
    words, test = goal or ("", None)
    holds = test(taken["project"].low, taken["peer"].low) if test else None
    return Row(figure, "s", Side(OURS, taken["project"]), Side(name, taken["peer"]), words, holds)


def single(figure: str, unit: str, values: Sequence[float], at_most: float) -> Row:
    """Return a row without a peer, whose goal is a limit that the largest value keeps."""
    found = Spread(tuple(values))
    return Row(
        figure, unit, Side(OURS, found), goal=f"at most {at_most:g} {unit}", holds=found.high <= at_most
    )


def growth(figure: str, rows: Sequence[tuple[int, Row]], at_most: float) -> Row:
    """Return how the cost grows with the size: the exponent between the two largest sizes measured.

    1 says that the cost grows as the size does, 2 as its square.
    """
    (small, before), (large, after) = sorted(rows, key=lambda sized: sized[0])[-2:]

    def exponent(side: Callable[[Row], Side | None]) -> float:
        one, other = side(before), side(after)
        if one is None or other is None:
            raise ValueError(f"{figure}: a side was measured at one size only.")
        return math.log(other.spread.low / one.spread.low) / math.log(large / small)

    ours = Side(OURS, Spread((exponent(lambda row: row.project),)))
    theirs = None
    if after.peer:
        theirs = Side(after.peer.name, Spread((exponent(lambda row: row.peer),)))
    words, holds = f"at most {at_most:g}", ours.spread.low <= at_most
    return Row(f"{figure}, {small:,} to {large:,}", "exponent", ours, theirs, words, holds)
