"""Times measured several times: their median and their range, from repeats that take turns.

It runs what it is given and knows nothing of builds or containers.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The values of one measurement, in the order they were taken; at least one."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value; of an even number, the mean of the two in the middle."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(self.values)

    def __str__(self) -> str:
        return f"{self.median:.1f} s ({self.low:.1f}\N{EN DASH}{self.high:.1f})"


def in_turns(repeats: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, Spread]:
    """Take every measurement ``repeats`` times, one of each a round (A B A B), and return the spreads.

    What drifts on the machine in the meantime so falls on all of them alike.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; take each measurement at least once.")
    rounds = [{name: measure() for name, measure in measures.items()} for _ in range(repeats)]
    return {name: Spread(tuple(values[name] for values in rounds)) for name in measures}
