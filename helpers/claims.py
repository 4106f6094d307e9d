"""The ledger: what the article claims, and the rule by which a measurement judges each claim.

A rule takes figures and returns a `Judgement`; it measures nothing. Its bounds stand here, in code, and
the tests try figures on both sides of each. "About" is 15 % to either side: the article rounds to
10 MB, and a point release of Node moves an image by a few per cent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

MB = 1_000_000  # as Docker prints sizes
ABOUT = 0.15

NAIVE_MB = (900.0, 1300.0)
ALPINE_MB = 120.0
DISTROLESS_MB = (60.0, 80.0)
TITLE_MB = (1000.0, 50.0)
TIMES_SMALLER = 10.0


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


@dataclass(frozen=True)
class Size:
    """An image's size in bytes, on disk (uncompressed) and on the wire (compressed)."""

    uncompressed: int
    compressed: int

    def __str__(self) -> str:
        return f"{_mb(self.uncompressed)} on disk, {_mb(self.compressed)} on the wire"


def judge_s1(naive: Size) -> Judgement:
    """S1: the naive image's uncompressed size lies in the article's range."""
    low, high = NAIVE_MB
    inside = low <= naive.uncompressed / MB <= high
    if inside:
        because = "The size on disk lies inside the article's range; what a pull moves is far less."
        return Judgement("S1", Verdict.HOLDS, str(naive), because)
    side = "below" if naive.uncompressed / MB < low else "above"
    return Judgement("S1", Verdict.FAILS, str(naive), f"The size on disk lies {side} the range.")


def judge_s2(composition: Mapping[str, int]) -> Judgement:
    """S2: each passenger that the article names takes bytes; ``composition`` is bytes a category."""
    missing = [name for name in PASSENGERS if not composition.get(name)]
    carried = ", ".join(f"{name} {_mb(size)}" for name, size in composition.items() if size)
    if missing:
        because = f"Not on board: {', '.join(missing)}."
        return Judgement("S2", Verdict.FAILS, carried, because)
    because = "Everything that the article names is on board, though the largest part is none of it: "
    largest = max(composition, key=lambda name: composition[name])
    if largest in PASSENGERS:
        because = "Everything that the article names is on board; the largest part is "
    return Judgement("S2", Verdict.HOLDS, carried, because + largest + ".")


PASSENGERS = (
    "Node runtime",
    "npm",
    "devDependencies",
    "app build output",
    "app sources and tests",
    "secrets swept in (.env*)",
)


def judge_s3(naive: Size, alpine: Size) -> Judgement:
    """S3: the Alpine image is about 120 MB, and the naive one about ten times its size or more."""
    times = naive.uncompressed / alpine.uncompressed
    on_wire = naive.compressed / alpine.compressed
    figures = f"{alpine}; {times:.1f}x smaller on disk, {on_wire:.1f}x on the wire"
    size_holds = _about(alpine.uncompressed / MB, ALPINE_MB)
    ratio_holds = times >= TIMES_SMALLER * (1 - ABOUT)
    if size_holds and ratio_holds:
        return Judgement("S3", Verdict.HOLDS, figures, "Size and ratio are both about as claimed.")
    if ratio_holds or times >= TIMES_SMALLER / 2:
        missed = [
            *([] if size_holds else [f"the image is not about {ALPINE_MB:.0f} MB"]),
            *([] if ratio_holds else ["the ratio falls short of 10"]),
        ]
        because = f"The order of magnitude is right, the figures are round: {' and '.join(missed)}."
        return Judgement("S3", Verdict.CONDITION, figures, because)
    return Judgement("S3", Verdict.FAILS, figures, "The image is not even five times smaller.")


def judge_s4(named: Sequence[str], crossed: Sequence[str]) -> Judgement:
    """S4: no file of the builder is in the final image outside the paths that ``COPY`` named.

    ``named`` are those paths; ``crossed`` the files that the builder made and the final image has.
    """
    strays = [file for file in crossed if not file.startswith(tuple(named))]
    figures = f"{len(crossed)} files crossed, {len(strays)} of them not named ({', '.join(named)})"
    if crossed and not strays:
        because = "Every file that crossed lies under a path that the COPY names."
        return Judgement("S4", Verdict.HOLDS, figures, because)
    because = f"It holds {strays[0]}, which no COPY names." if strays else "Nothing crossed at all."
    return Judgement("S4", Verdict.FAILS, figures, because)


def judge_s5(alpine: Size, as_written: Size, pruned: Size) -> Judgement:
    """S5: the article's own file gives 60-80 MB on disk, and less than Alpine, since it "drops"."""
    figures = f"as written: {as_written}; pruned: {pruned}; Alpine: {alpine}"
    low, high = DISTROLESS_MB
    drops = as_written.uncompressed < alpine.uncompressed
    if drops and low <= as_written.uncompressed / MB <= high:
        return Judgement("S5", Verdict.HOLDS, figures, "The article's file gives what it says.")
    if drops and low <= as_written.compressed / MB <= high:
        because = "It holds for what a registry moves, not for what `docker images` shows."
        return Judgement("S5", Verdict.CONDITION, figures, because)
    because = (
        "The article's file misses 60-80 MB on disk."
        if drops
        else "The article's file ships the devDependencies and comes out larger than Alpine."
    )
    return Judgement("S5", Verdict.FAILS, figures, because + _way_out(pruned, high))


def _way_out(pruned: Size, high: float) -> str:
    if pruned.uncompressed / MB <= high:
        return " Pruned, it reaches the range."
    if pruned.compressed / MB <= high:
        return " Pruned, it stays under 80 MB on the wire, though not on disk."
    return " Pruned, it misses the range as well."


def judge_s6(naive: Size, best: Size) -> Judgement:
    """S6: from about 1 GB to about 50 MB or less, disk compared with disk."""
    before, after = TITLE_MB
    figures = f"naive: {naive}; smallest: {best}"
    if naive.uncompressed / MB < before * (1 - ABOUT):
        return Judgement("S6", Verdict.FAILS, figures, "The start is no gigabyte.")
    if best.uncompressed / MB <= after * (1 + ABOUT):
        return Judgement("S6", Verdict.HOLDS, figures, "Both ends hold on disk.")
    if best.compressed / MB <= after * (1 + ABOUT):
        because = "Only if disk is compared with wire: the 50 MB are what a registry moves."
        return Judgement("S6", Verdict.CONDITION, figures, because)
    return Judgement("S6", Verdict.FAILS, figures, "No variant here comes near 50 MB.")


def judge_v1(shells: Sequence[str], package_managers: Sequence[str], shell_ran: bool) -> Judgement:
    """V1: the image holds no shell and no package manager, and none can be started in it."""
    found = [*shells, *package_managers]
    figures = f"{len(shells)} shells, {len(package_managers)} package managers"
    if not found and not shell_ran:
        because = "None lies in its file system, and `docker exec … sh` finds none to run."
        return Judgement("V1", Verdict.HOLDS, figures, because)
    what = ", ".join(found) or "a shell that answered"
    return Judgement("V1", Verdict.FAILS, figures, f"It holds {what}.")


def _about(value: float, claimed: float) -> bool:
    return abs(value - claimed) <= claimed * ABOUT


def _mb(size: int) -> str:
    megabytes = size / MB
    return f"{megabytes:,.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"
