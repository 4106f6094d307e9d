"""What a claim is, and what a judgement of it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape

ABOUT = 0.15


class Verdict(StrEnum):
    """What a measurement says of a claim."""

    HOLDS = "holds"
    CONDITION = "holds with a condition"
    FAILS = "does not hold"


TEXTS: Mapping[str, str] = {
    "S1": "The naive image lands between 900 MB and 1.3 GB.",
    "S2": "It carries the runtime with npm, every devDependency, sources and what COPY . . swept in.",
    "S3": "Multi-stage Alpine lands at about 120 MB: 10x smaller, no application code changed.",
    "S4": "COPY --from=builder takes only what it names; the rest of the builder is discarded.",
    "S5": "Distroless drops to about 60-80 MB.",
    "S6": "The title: from 1 GB to 50 MB.",
    "T1": "Installing before copying sources confines invalidation to real dependency changes.",
    "T2": "A well-ordered Dockerfile turns a 3-minute build into a 20-second one (9x).",
    "T3": "Cache: poor for naive, good for the two multi-stage files.",
    "X1": "Without .dockerignore, COPY . . copies node_modules, .git, .env and 200 MB of fixtures.",
    "X2": "The minimal ignore list is node_modules, .git, .env*, dist, *.log.",
    "B1": "Building on one Node version and running on another bites; pin both stages to one digest.",
    "B2": "docker build --target builder gives a debug-friendly image from the same file.",
    "V1": "Distroless holds only the runtime: no shell, no package manager, no bash.",
    "V2": "There is no docker exec ... bash for debugging in distroless.",
    "V3": "Fewer CVEs: the surface is large for naive, smaller for Alpine, minimal for distroless.",
    "P1": "1.2 GB over 50 deploys a day is 60 GB of transfer; 120 MB is 6 GB.",
    "P2": "Smaller images start pods faster and cost less to store.",
}

LESSONS: Mapping[str, str] = {
    "S1": "01_naive",
    "S2": "01_naive",
    "S3": "02_multistage",
    "S4": "02_multistage",
    "S5": "03_distroless",
    "S6": "03_distroless",
    "T1": "04_cache",
    "T2": "04_cache",
    "T3": "04_cache",
    "X1": "05_context",
    "X2": "05_context",
    "B1": "06_pinning",
    "B2": "07_stages",
    "V1": "03_distroless",
    "V2": "07_stages",
    "V3": "08_surface",
    "P1": "09_pipeline",
    "P2": "09_pipeline",
}


@dataclass(frozen=True)
class Judgement:
    """A claim's id, the verdict, the figures it rests on, and the reason in a sentence or two."""

    claim: str
    verdict: Verdict
    figures: str
    because: str

    def __repr__(self) -> str:
        return (
            f"{self.claim}: {TEXTS[self.claim]}\n"
            f"  verdict  {self.verdict}\n"
            f"  measured {self.figures}\n"
            f"  because  {self.because}"
        )

    def _repr_html_(self) -> str:
        mark = {Verdict.HOLDS: "✓", Verdict.CONDITION: "≈", Verdict.FAILS: "✗"}[self.verdict]
        rows = [
            ("claim", f"<b>{self.claim}</b> {escape(TEXTS[self.claim])}"),
            ("verdict", f"<b>{mark} {self.verdict}</b>"),
            ("measured", escape(self.figures)),
            ("because", escape(self.because)),
        ]
        cells = "".join(
            f'<tr><th style="text-align:left">{name}</th><td style="text-align:left">{text}</td></tr>'
            for name, text in rows
        )
        return f"<table>{cells}</table>"


def about(value: float, claimed: float) -> bool:
    """Whether a value is what the article says, to `ABOUT` on either side."""
    return abs(value - claimed) <= claimed * ABOUT
