"""The claims on trial, and the parts of a judgement on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from helpers.host import tables

ABOUT = 0.2


class Verdict(StrEnum):
    """The result of a measurement for a claim; ``UNTESTED`` when nobody measured its subject."""

    HOLDS = "holds"
    CONDITION = "holds with a condition"
    FAILS = "does not hold"
    UNTESTED = "not tested here"

    @property
    def mark(self) -> str:
        """The sign before the verdict in tables and on the board."""
        return {"HOLDS": "✓", "CONDITION": "≈", "FAILS": "✗", "UNTESTED": "?"}[self.name]


class Claim(NamedTuple):
    """One claim: its id, its text, the lesson that judges it, and a few words for it."""

    id: str
    text: str
    lesson: str
    short: str


CLAIMS: Mapping[str, Claim] = {
    claim.id: claim
    for claim in (
        Claim(
            "S1",
            "The naive image lands between 900 MB and 1.3 GB.",
            "01_naive",
            "naive: 0.9 to 1.3 GB",
        ),
        Claim(
            "S2",
            "It carries the runtime with npm, every devDependency, sources and what COPY . . swept in.",
            "01_naive",
            "naive carries it all",
        ),
        Claim(
            "S3",
            "Multi-stage Alpine lands at about 120 MB: 10x smaller, no application code changed.",
            "02_multistage",
            "Alpine is 10x smaller",
        ),
        Claim(
            "S4",
            "COPY --from=builder takes only what it names; the rest of the builder is discarded.",
            "02_multistage",
            "only what is named crosses",
        ),
        Claim(
            "S5",
            "Distroless drops to about 60-80 MB.",
            "03_distroless",
            "distroless: 60 to 80 MB",
        ),
        Claim("S6", "The title: from 1 GB to 50 MB.", "03_distroless", "from 1 GB to 50 MB"),
        Claim(
            "T1",
            "Installing before copying sources confines invalidation to real dependency changes.",
            "04_cache",
            "install before the sources",
        ),
        Claim(
            "T2",
            "A well-ordered Dockerfile turns a 3-minute build into a 20-second one (9x).",
            "04_cache",
            "good order is 9x faster",
        ),
        Claim(
            "T3",
            "Cache: poor for naive, good for the two multi-stage files.",
            "04_cache",
            "more stages, better cache",
        ),
        Claim(
            "X1",
            "Without .dockerignore, COPY . . copies node_modules, .git, .env and 200 MB of fixtures.",
            "05_context",
            "COPY . . takes everything",
        ),
        Claim(
            "X2",
            "'At a minimum', the ignore list is node_modules, .git, .env*, dist, *.log.",
            "05_context",
            "five lines to ignore",
        ),
        Claim(
            "B1",
            "Building on one Node version and running on another bites; pin both stages to one digest.",
            "06_pinning",
            "one Node, one digest",
        ),
        Claim(
            "B2",
            "docker build --target builder gives a debug-friendly image from the same file.",
            "07_stages",
            "debug in the builder",
        ),
        Claim(
            "V1",
            "Distroless holds only the runtime: no shell, no package manager, no bash.",
            "03_distroless",
            "distroless has no shell",
        ),
        Claim(
            "V2",
            "There is no docker exec ... bash for debugging in distroless.",
            "07_stages",
            "no exec into distroless",
        ),
        Claim(
            "V3",
            "Fewer CVEs: the surface is large for naive, smaller for Alpine, minimal for distroless.",
            "08_surface",
            "fewer CVEs, less surface",
        ),
        Claim(
            "P1",
            "1.2 GB over 50 deploys a day is 60 GB of transfer; 120 MB is 6 GB.",
            "09_pipeline",
            "60 GB a day become 6",
        ),
        Claim(
            "P2",
            "Smaller images start pods faster and cost less to store.",
            "09_pipeline",
            "smaller starts faster",
        ),
        Claim(
            "L1",
            "10x smaller, in every language.",
            "14_languages",
            "10x smaller in any language",
        ),
        Claim(
            "L2",
            "Your build image runs in production only if you let it.",
            "14_languages",
            "the builder stays home",
        ),
    )
}


@dataclass(frozen=True)
class Judgement:
    """A claim's id, the verdict, the figures behind it, and the reason in a sentence or two.

    ``condition`` completes "It holds if …". Raises ValueError when a verdict with a condition lacks one,
    or another verdict has one.
    """

    claim: str
    verdict: Verdict
    figures: str
    because: str
    condition: str = ""

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.CONDITION) != bool(self.condition):
            raise ValueError(f"{self.claim} {self.verdict}, so its condition is not {self.condition!r}.")

    @property
    def why(self) -> str:
        """The condition, if any, and the reason."""
        return f"It holds if {self.condition}. {self.because}" if self.condition else self.because

    def __repr__(self) -> str:
        return (
            f"{self.claim}: {CLAIMS[self.claim].text}\n"
            f"  verdict  {self.verdict}\n"
            f"  measured {self.figures}\n"
            f"  why      {self.why}"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("claim", f"{self.claim} {CLAIMS[self.claim].text}"),
            ("verdict", f"{self.verdict.mark} {self.verdict}"),
            ("measured", self.figures),
            ("why", self.why),
        ]
        return tables.html_of(rows, named=True)


def about(value: float, claimed: float) -> bool:
    """Whether a value is the article's value, give or take `ABOUT`."""
    return at_least_about(value, claimed) and at_most_about(value, claimed)


def at_least_about(value: float, claimed: float) -> bool:
    """Whether a value is the article's value or more, or at most `ABOUT` less."""
    return value >= claimed * (1 - ABOUT)


def at_most_about(value: float, claimed: float) -> bool:
    """Whether a value is the article's value or less, or at most `ABOUT` more."""
    return value <= claimed * (1 + ABOUT)
