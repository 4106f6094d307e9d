"""The goals below the article's 50 MB: how small an image gets, and how fast it starts.

These are the workbook's own goals, not claims of the article. A `Goal` is shown but not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from helpers.claims.figures import Size, Spread
from helpers.host.tables import MB, in_mb

SMALLEST_MB = 30.0
SMALL_MB = 50.0
LATER_SECONDS = 0.5


class Reached(StrEnum):
    """The result of a measurement for a goal, the best first."""

    YES = "reached"
    OPEN = "too close to call"
    NO = "missed"


@dataclass(frozen=True)
class Goal:
    """A goal, whether it is reached, the variant that reaches it (or None), and the figures."""

    goal: str
    reached: Reached
    variant: str | None
    figures: str

    def __repr__(self) -> str:
        by = f" by {self.variant}" if self.variant else ""
        return f"{self.goal}\n  {self.reached}{by}\n  measured {self.figures}"

    def _repr_html_(self) -> str:
        mark = {Reached.YES: "✓", Reached.NO: "✗", Reached.OPEN: "?"}[self.reached]
        by = f" by <b>{escape(self.variant)}</b>" if self.variant else ""
        return (
            f"<p><b>{escape(self.goal)}</b><br>{mark} {self.reached}{by}<br>"
            f"measured: {escape(self.figures)}</p>"
        )


def smallest_image(sizes: Mapping[str, Size]) -> Goal:
    """Goal 1: an image has `SMALLEST_MB` or less on disk; all in ``sizes`` passed the app's checks."""
    goal = f"At most {SMALLEST_MB:.0f} MB on disk, and it answers as the others do."
    best = min(sizes, key=lambda name: sizes[name].uncompressed)
    reached = sizes[best].uncompressed <= SMALLEST_MB * MB
    return Goal(
        goal, Reached.YES if reached else Reached.NO, best if reached else None, str(sizes[best])
    )


def small_and_quick_image(
    sizes: Mapping[str, Size],
    starts: Mapping[str, Spread],
    cpu: Mapping[str, Spread],
    plain: str,
) -> Goal:
    """Goal 2: below `SMALL_MB` on disk, started at most `LATER_SECONDS` of CPU after ``plain``.

    ``starts`` holds the seconds to the first answer, and ``cpu`` the CPU seconds until then, one value
    for each round. The CPU seconds decide, because a busy machine delays every start. When the engine
    does not count CPU time, ``cpu`` is empty and the seconds decide. Two images are compared round by
    round. With five rounds or more, the smallest and the largest difference do not count. When the other
    rounds disagree, the goal is too close to call. If several variants reach the goal, the smallest is
    named.
    """
    bound = f"at most {LATER_SECONDS} s of CPU more than plain Node until the first answer"
    goal = f"Below {SMALL_MB:.0f} MB on disk, and {bound}."
    small = sorted((n for n in starts if sizes[n].uncompressed < SMALL_MB * MB), key=_by(sizes))
    if not small:
        best = min(sizes, key=_by(sizes))
        return Goal(goal, Reached.NO, None, f"the smallest has {sizes[best]}")
    rank = list(Reached)
    deciding = cpu or starts
    verdicts = {name: _in_time(deciding[name], deciding[plain]) for name in small}
    best = min(small, key=lambda name: rank.index(verdicts[name]))
    took = [
        (f"{cpu[n].median:.2f} s of CPU, " if cpu else "") + f"{starts[n].median:.2f} s in all"
        for n in (best, plain)
    ]
    figures = (
        f"{best}: {in_mb(sizes[best].uncompressed)} on disk; its start {'; plain Node '.join(took)}"
        + ("" if cpu else "; the time in all decides, for this engine counts no CPU of a container")
    )
    return Goal(goal, verdicts[best], best if verdicts[best] is Reached.YES else None, figures)


def _by(sizes: Mapping[str, Size]) -> Callable[[str], int]:
    return lambda name: sizes[name].uncompressed


def _in_time(cpu: Spread, plain: Spread) -> Reached:
    later = sorted(a - b for a, b in zip(cpu.values, plain.values, strict=True))
    inner = later[1:-1] if len(later) >= 5 else later
    if inner[-1] <= LATER_SECONDS:
        return Reached.YES
    return Reached.NO if inner[0] > LATER_SECONDS else Reached.OPEN
