"""The rules for the claims about the pipeline, P1 and P2."""

from __future__ import annotations

from helpers.claims.figures import Day, Spread, Waits
from helpers.claims.model import Judgement, Verdict, about, at_least_about
from helpers.host.tables import MB, in_mb

DEPLOYS = 50
NAIVE_GB, SMALL_GB = 60.0, 6.0
CLEARLY = 1.5  # times faster, by the medians, with ranges that do not overlap


def daily_transfer(naive: Day, small: Day) -> Judgement:
    """P1: 50 deploys a day of the naive image move about 60 GB, those of the small one about 6 GB.

    The claim has a condition when only empty nodes show the gigabytes, or at least the ratio of ten.
    Runners of a CI service often are such nodes.
    """
    figures = "; ".join(
        f"{name}: {_gb(day.kept)} to a node that keeps its layers, {_gb(day.empty)} to empty nodes"
        for name, day in (("naive", naive), ("small", small))
    )
    if about(naive.kept, NAIVE_GB) and about(small.kept, SMALL_GB):
        return Judgement("P1", Verdict.HOLDS, figures, "The whole image crosses at each deploy.")
    condition = "every deploy meets an empty node, as runners of a CI service often are"
    if about(naive.empty, NAIVE_GB) and about(small.empty, SMALL_GB):
        because = "A node that keeps its layers pulls only what is new."
        return Judgement("P1", Verdict.CONDITION, figures, because, condition)
    because = (
        "The article multiplies size on disk by deploys. What crosses is compressed, and only the "
        "layers that the node lacks."
    )
    if at_least_about(naive.empty / small.empty, NAIVE_GB / SMALL_GB):
        condition += ", and the ratio counts, not the gigabytes"
        return Judgement("P1", Verdict.CONDITION, figures, because, condition)
    return Judgement("P1", Verdict.FAILS, figures, because)


def start_and_storage(naive: Waits, small: Waits) -> Judgement:
    """P2: the small image is pulled and started clearly faster, and takes less room in a registry."""
    figures = (
        f"pull on an empty node: {naive.pull} against {small.pull}; start once pulled: {naive.start} "
        f"against {small.start}; kept: {in_mb(naive.stored)} against {in_mb(small.stored)}"
    )
    pulls, starts = clearly_faster(naive.pull, small.pull), clearly_faster(naive.start, small.start)
    if not pulls or small.stored >= naive.stored:
        missed = "pulled clearly faster" if not pulls else "cheaper to keep"
        return Judgement("P2", Verdict.FAILS, figures, f"The small image is not {missed}.")
    if starts:
        because = "Pull, start and storage are all better for the small image."
        return Judgement("P2", Verdict.HOLDS, figures, because)
    condition = "the pod lands on a node that does not have the image yet"
    because = "Storage is cheaper in any case. But once an image is pulled, both start alike."
    return Judgement("P2", Verdict.CONDITION, figures, because, condition)


def clearly_faster(slow: Spread, fast: Spread) -> bool:
    """Whether the ranges do not overlap and the medians differ by the factor `CLEARLY`."""
    return fast.high < slow.low and slow.median >= CLEARLY * fast.median


def _gb(value: float) -> str:
    return f"{value:.1f} GB" if value >= 1 else in_mb(value * 1000 * MB)
