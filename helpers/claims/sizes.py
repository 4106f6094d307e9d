"""The rules of the size claims, S1 to S6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helpers.claims.figures import Size
from helpers.claims.model import ABOUT, Judgement, Verdict, about
from helpers.host.tables import MB, in_mb

NAIVE_MB = (900.0, 1300.0)
ALPINE_MB = 120.0
DISTROLESS_MB = (60.0, 80.0)
TITLE_MB = (1000.0, 50.0)
TIMES_SMALLER = 10.0


def naive_size(naive: Size) -> Judgement:
    """S1: the naive image's uncompressed size lies in the article's range."""
    low, high = NAIVE_MB
    inside = low <= naive.uncompressed / MB <= high
    if inside:
        because = "The size on disk lies inside the article's range; what a pull moves is far less."
        return Judgement("S1", Verdict.HOLDS, str(naive), because)
    side = "below" if naive.uncompressed / MB < low else "above"
    return Judgement("S1", Verdict.FAILS, str(naive), f"The size on disk lies {side} the range.")


def naive_contents(composition: Mapping[str, int]) -> Judgement:
    """S2: each passenger that the article names takes bytes; ``composition`` is bytes a category."""
    missing = [name for name in PASSENGERS if not composition.get(name)]
    carried = ", ".join(f"{name} {in_mb(size)}" for name, size in composition.items() if size)
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


def alpine_size(naive: Size, alpine: Size) -> Judgement:
    """S3: the Alpine image is about 120 MB, and the naive one about ten times its size or more."""
    times = naive.uncompressed / alpine.uncompressed
    on_wire = naive.compressed / alpine.compressed
    figures = f"{alpine}; {times:.1f}x smaller on disk, {on_wire:.1f}x on the wire"
    size_holds = about(alpine.uncompressed / MB, ALPINE_MB)
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


def copied_files(named: Sequence[str], crossed: Sequence[str]) -> Judgement:
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


def distroless_size(alpine: Size, as_written: Size, pruned: Size) -> Judgement:
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


def title_sizes(naive: Size, best: Size) -> Judgement:
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
