"""The figures that a measurement gives to a rule, and the taking of measurements in turns.

A lesson fills in the figures. This module knows neither how they are measured nor how a claim is judged.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from helpers.host.tables import in_mb


@dataclass(frozen=True)
class Spread:
    """The values of one measurement, at least one, in the order in which they were taken."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value; for an even number of values, the mean of the two middle ones."""
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


def interleaved(repeats: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, Spread]:
    """Take every measurement ``repeats`` times, once in each round (A B A B), and return the spreads.

    When the machine slows down, it slows down all of them alike. Raises ValueError when ``repeats`` is
    less than 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; take each measurement at least once.")
    rounds = [{name: measure() for name, measure in measures.items()} for _ in range(repeats)]
    return {name: Spread(tuple(values[name] for values in rounds)) for name in measures}


@dataclass(frozen=True)
class Size:
    """An image's size in bytes: the sum of its layers, uncompressed and compressed."""

    uncompressed: int
    compressed: int

    def __str__(self) -> str:
        return f"{in_mb(self.uncompressed)} uncompressed, {in_mb(self.compressed)} compressed"


class Installs(NamedTuple):
    """How many install steps ran in the builds of one scenario, and how many there were."""

    ran: int
    of: int

    def __str__(self) -> str:
        return f"{self.ran} of {self.of}"


@dataclass(frozen=True)
class Mismatch:
    """Whether an image ran when its stages differed in one thing, and when they agreed."""

    mixed_ran: bool
    agreed_ran: bool

    @property
    def bites(self) -> bool:
        """Whether the difference alone kept the image from running."""
        return self.agreed_ran and not self.mixed_ran

    def __str__(self) -> str:
        words = {True: "runs", False: "does not run"}
        return f"mixed {words[self.mixed_ran]}, agreed {words[self.agreed_ran]}"


@dataclass(frozen=True)
class PinTest:
    """The versions of Node in images built before and after a tag moved, by tag and by digest.

    ``refused`` is True when the builder refused a digest that the registry does not have.
    """

    by_tag: tuple[str, str]
    by_digest: tuple[str, str]
    refused: bool

    @property
    def tag_moved(self) -> bool:
        """Whether the same tag gave two different versions of Node."""
        return self.by_tag[0] != self.by_tag[1]

    @property
    def kept(self) -> bool:
        """Whether the digest gave the same version of Node twice."""
        return self.by_digest[0] == self.by_digest[1]


@dataclass(frozen=True)
class Exposure:
    """The programs that can be started in an image's container, and what its process may change.

    ``shells`` and ``package_managers`` are paths. ``node`` is the version of the Node that ran a program
    from outside. ``writable`` counts the paths that the process may write to, by owner and mode.
    ``stand_in`` is True when the image's base is a stand-in.
    """

    shells: Sequence[str]
    package_managers: Sequence[str]
    shell_starts: bool
    node: str
    root: bool
    writable: int
    stand_in: bool

    def __str__(self) -> str:
        who = "root" if self.root else "a user of its own"
        return (
            f"{len(self.shells)} shells, {len(self.package_managers)} package managers; "
            f"its process runs as {who} and may write {self.writable:,} paths"
        )


@dataclass(frozen=True)
class Day:
    """The GB that an image's deploys move in a day to one node, by three ways of counting.

    ``counted`` counts the whole image on disk each time, as the article does. ``empty`` counts a pull
    onto an empty node each time. ``kept`` counts one first pull, then redeploys after source edits.
    """

    counted: float
    empty: float
    kept: float


@dataclass(frozen=True)
class Waits:
    """An image's seconds for a pull on an empty node and for a start once pulled, and its bytes kept."""

    pull: Spread
    start: Spread
    stored: int


@dataclass(frozen=True)
class Tools:
    """The paths of the tools in an image with which one could build or install something."""

    compilers: Sequence[str]
    package_managers: Sequence[str]
    shells: Sequence[str]

    def __str__(self) -> str:
        return (
            f"{len(self.compilers)} compilers, {len(self.package_managers)} package managers, "
            f"{len(self.shells)} shells"
        )
