"""The rules for the claims about sizes, S1 to S6.

They judge by the uncompressed size, which `docker images` showed when the article was written. When only
the compressed size meets a claim, that is the condition. Disk usage, which newer engines show, is not a
figure of the article and does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helpers.claims.figures import Size
from helpers.claims.model import Judgement, Verdict, about, at_least_about, at_most_about
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
        because = "Uncompressed, it lies inside the range; a pull moves far less."
        return Judgement("S1", Verdict.HOLDS, str(naive), because)
    side = "below" if naive.uncompressed / MB < low else "above"
    return Judgement("S1", Verdict.FAILS, str(naive), f"Uncompressed, it lies {side} the range.")


def naive_contents(composition: Mapping[str, int]) -> Judgement:
    """S2: everything that the article names is in the image; ``composition`` is bytes by category."""
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
    """S3: the Alpine image is about 120 MB, and about ten times smaller than the naive one.

    The claim has a condition when only the ratio is about ten; the size with the larger ratio is used.
    """
    full = naive.uncompressed / alpine.uncompressed
    packed = naive.compressed / alpine.compressed
    figures = f"{alpine}; {full:.1f}x smaller uncompressed, {packed:.1f}x compressed"
    size_holds = about(alpine.uncompressed / MB, ALPINE_MB)
    if size_holds and at_least_about(full, TIMES_SMALLER):
        because = "Uncompressed, size and ratio are about as claimed."
        return Judgement("S3", Verdict.HOLDS, figures, because)
    missed = f"Uncompressed, the image is {'' if size_holds else 'not '}about {ALPINE_MB:.0f} MB"
    times, how = max((full, "uncompressed"), (packed, "compressed"))
    if at_least_about(times, TIMES_SMALLER):
        condition = f"only the ratio counts, and both sizes are {how}"
        because = f"{missed}; the {how} sizes come closest to {TIMES_SMALLER:.0f}x."
        return Judgement("S3", Verdict.CONDITION, figures, because, condition)
    because = f"{missed}, and it is not about ten times smaller by either size."
    return Judgement("S3", Verdict.FAILS, figures, because)


def copied_files(named: Sequence[str], crossed: Sequence[str]) -> Judgement:
    """S4: the final image has no file of the builder outside the paths that ``COPY`` named.

    ``named`` are those paths; ``crossed`` are the files that the builder made and the final image has.
    """
    strays = [file for file in crossed if not file.startswith(tuple(named))]
    figures = f"{len(crossed)} files crossed, {len(strays)} of them not named ({', '.join(named)})"
    if crossed and not strays:
        because = "Every file that crossed lies under a path that the COPY names."
        return Judgement("S4", Verdict.HOLDS, figures, because)
    if not crossed:
        return Judgement("S4", Verdict.UNTESTED, figures, "Nothing crossed at all.")
    return Judgement("S4", Verdict.FAILS, figures, f"It holds {strays[0]}, which no COPY names.")


def distroless_size(alpine: Size, as_written: Size, pruned: Size) -> Judgement:
    """S5: the article's own file gives 60-80 MB, and less than Alpine, because the size "drops"."""
    figures = f"as written: {as_written}; pruned: {pruned}; Alpine: {alpine}"
    low, high = DISTROLESS_MB
    drops = as_written.uncompressed < alpine.uncompressed
    if drops and low <= as_written.uncompressed / MB <= high:
        return Judgement(
            "S5", Verdict.HOLDS, figures, "Uncompressed, the article's file gives what it says."
        )
    if drops and low <= as_written.compressed / MB <= high:
        because = "Uncompressed, the article's file misses the range."
        return Judgement("S5", Verdict.CONDITION, figures, because, "the size is the compressed one")
    because = (
        "Uncompressed, the article's file misses 60-80 MB."
        if drops
        else "Uncompressed, the article's file is larger than Alpine: it ships the devDependencies."
    )
    return Judgement("S5", Verdict.FAILS, figures, because + _way_out(pruned, high))


def _way_out(pruned: Size, high: float) -> str:
    if pruned.uncompressed / MB <= high:
        return " Pruned, it reaches the range."
    if pruned.compressed / MB <= high:
        return " Pruned, it stays under 80 MB compressed, though not uncompressed."
    return " Pruned, it misses the range as well."


def title_sizes(naive: Size, best: Size) -> Judgement:
    """S6: from about 1 GB to about 50 MB or less, both uncompressed."""
    before, after = TITLE_MB
    figures = f"naive: {naive}; smallest: {best}"
    if not at_least_about(naive.uncompressed / MB, before):
        return Judgement("S6", Verdict.FAILS, figures, "The start is no gigabyte.")
    if at_most_about(best.uncompressed / MB, after):
        return Judgement("S6", Verdict.HOLDS, figures, "Uncompressed, both ends hold.")
    if at_most_about(best.compressed / MB, after):
        condition = "the gigabyte is uncompressed and the 50 MB are compressed"
        because = "It compares two kinds of size: what lies unpacked and what a registry moves."
        return Judgement("S6", Verdict.CONDITION, figures, because, condition)
    return Judgement("S6", Verdict.FAILS, figures, "No variant here comes near 50 MB.")
