"""The rules of the pipeline claims, with figures on both sides of their bounds."""

import pytest

from helpers import claims
from helpers.claims import Day, Verdict, Waits
from helpers.claims.figures import Spread


def day(kept: float, empty: float | None = None) -> Day:
    return Day(counted=60.0, empty=kept if empty is None else empty, kept=kept)


@pytest.mark.parametrize(
    ("naive", "small", "verdict"),
    [
        (day(60), day(6), Verdict.HOLDS),
        (day(48.1), day(4.9), Verdict.HOLDS),
        (day(71.9), day(7.1), Verdict.HOLDS),
        (day(47.9), day(6), Verdict.FAILS),
        (day(60), day(4.7), Verdict.CONDITION),
        (day(57), day(7.3), Verdict.FAILS),
        (day(0.5, 60), day(0.1, 6), Verdict.CONDITION),
        (day(0.5, 48.1), day(0.1, 7.1), Verdict.CONDITION),
        (day(0.45, 22), day(0.05, 2.5), Verdict.CONDITION),
        (day(0.45, 20), day(0.05, 2.5), Verdict.CONDITION),
        (day(0.45, 19.9), day(0.05, 2.5), Verdict.FAILS),
    ],
)
def test_p1_compares_what_moves_with_what_the_article_counts(naive, small, verdict):
    assert claims.daily_transfer(naive, small).verdict is verdict


def test_p1_says_whether_the_gigabytes_hold_or_only_their_ratio():
    gigabytes = claims.daily_transfer(day(0.4, 60), day(0.1, 6)).condition
    ratio = claims.daily_transfer(day(0.4, 22), day(0.1, 2)).condition
    assert gigabytes.endswith("as runners of a CI service often are")
    assert ratio == f"{gigabytes}, and the ratio counts, not the gigabytes"


def test_p1_shows_both_ways_of_counting():
    figures = claims.daily_transfer(day(0.444, 22), day(0.05, 2.5)).figures
    assert "naive: 444 MB to a node that keeps its layers, 22.0 GB to empty nodes" in figures


ALIKE = Spread((0.5, 0.6, 0.55))


def waits(pull: tuple[float, ...], start: Spread = ALIKE, stored: int = 100) -> Waits:
    return Waits(Spread(pull), start, stored)


NAIVE = waits((6.0, 7.0, 9.0), stored=500)


@pytest.mark.parametrize(
    ("small", "verdict"),
    [
        (waits((0.6, 0.7, 1.0)), Verdict.CONDITION),
        (waits((0.6, 0.7, 1.0), Spread((0.2, 0.3, 0.25))), Verdict.HOLDS),
        (waits((0.6, 0.7, 1.0), Spread((0.2, 0.3, 0.51))), Verdict.CONDITION),
        (waits((0.6, 0.7, 1.0), Spread((0.4, 0.4, 0.4))), Verdict.CONDITION),
        (waits((0.6, 0.7, 6.0)), Verdict.FAILS),
        (waits((5.0, 5.5, 5.9)), Verdict.FAILS),
        (waits((4.0, 4.6, 5.9)), Verdict.CONDITION),
        (waits((0.6, 0.7, 1.0), stored=499), Verdict.CONDITION),
        (waits((0.6, 0.7, 1.0), stored=500), Verdict.FAILS),
    ],
)
def test_p2_wants_pull_start_and_storage(small, verdict):
    assert claims.start_and_storage(NAIVE, small).verdict is verdict


def test_p2_says_what_is_missing():
    assert "pulled clearly faster" in claims.start_and_storage(NAIVE, waits((6.0, 7.0))).because
    assert "cheaper to keep" in claims.start_and_storage(NAIVE, waits((0.6,), stored=900)).because
