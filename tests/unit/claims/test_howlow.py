"""The goals below the article's 50 MB, with figures on both sides of each bound."""

import pytest

from helpers import claims
from helpers.claims import Reached, Size
from helpers.claims.figures import Spread
from helpers.host.tables import MB

PLAIN = Spread((0.5,) * 7)


def sizes(**megabytes: float) -> dict[str, Size]:
    return {name: Size(round(mb * MB), round(mb * MB / 2)) for name, mb in megabytes.items()}


def judge(megabytes, cpu):
    busy = {name: Spread((5.0,) * 7) for name in cpu}
    return claims.small_and_quick_image(sizes(**megabytes), busy, cpu, "plain")


def later(*seconds: float) -> Spread:
    return Spread(tuple(0.5 + s for s in seconds))


@pytest.mark.parametrize(
    ("mb", "reached"), [(28.3, Reached.YES), (30, Reached.YES), (30.000001, Reached.NO)]
)
def test_the_smallest_reaches_the_first_goal_at_30_mb_and_not_a_byte_above(mb, reached):
    goal = claims.smallest_image(sizes(plain=131, small=mb))
    assert goal.reached is reached
    assert goal.variant == ("small" if reached is Reached.YES else None)


@pytest.mark.parametrize(
    ("mb", "reached"), [(49.999999, Reached.YES), (50, Reached.NO), (131, Reached.NO)]
)
def test_the_second_goal_is_for_images_below_50_mb(mb, reached):
    starts = {"plain": PLAIN, "small": PLAIN}
    goal = judge({"plain": 131, "small": mb}, starts)
    assert goal.reached is reached


@pytest.mark.parametrize(
    ("differences", "reached"),
    [
        ((0.1, 0.2, 0.3), Reached.YES),
        ((0.5, 0.5, 0.5), Reached.YES),
        ((0.51, 0.6, 0.7), Reached.NO),
        ((0.4, 0.5, 0.6), Reached.OPEN),
    ],
)
def test_the_start_is_judged_only_where_the_rounds_agree(differences, reached):
    rounds = later(*differences)
    starts = {"plain": Spread((0.5,) * 3), "small": rounds}
    goal = judge({"plain": 131, "small": 40}, starts)
    assert goal.reached is reached
    assert goal.variant == ("small" if reached is Reached.YES else None)


@pytest.mark.parametrize(
    ("differences", "reached"),
    [
        ((0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 9.0), Reached.YES),
        ((0.1, 0.1, 0.1, 0.1, 0.1, 9.0, 9.0), Reached.OPEN),
        ((0.1, 1.2, 1.2, 1.2, 1.2, 1.2, 9.0), Reached.NO),
    ],
)
def test_one_hiccup_of_the_machine_decides_nothing_and_two_leave_it_open(differences, reached):
    starts = {"plain": PLAIN, "small": later(*differences)}
    goal = judge({"plain": 131, "small": 40}, starts)
    assert goal.reached is reached


def test_a_slow_round_is_slow_for_both_so_rounds_are_compared_and_not_medians():
    plain = Spread((0.5, 3.0, 0.5, 3.0, 0.5))
    starts = {"plain": plain, "small": Spread(tuple(s + 0.2 for s in plain.values))}
    goal = judge({"plain": 131, "small": 40}, starts)
    assert goal.reached is Reached.YES


def test_cpu_seconds_decide_since_a_busy_machine_delays_what_it_likes():
    megabytes, cpu = sizes(plain=131, small=40), {"plain": PLAIN, "small": later(*[0.1] * 7)}
    starts = {"plain": Spread((2.0,) * 7), "small": Spread((9.0,) * 7)}
    goal = claims.small_and_quick_image(megabytes, starts, cpu, "plain")
    assert goal.reached is Reached.YES
    starts, cpu = cpu, {"plain": PLAIN, "small": later(*[0.9] * 7)}
    assert claims.small_and_quick_image(megabytes, starts, cpu, "plain").reached is Reached.NO


def test_where_the_engine_counts_no_cpu_the_time_in_all_decides_and_that_is_said():
    starts = {"plain": PLAIN, "small": later(*[0.1] * 7)}
    goal = claims.small_and_quick_image(sizes(plain=131, small=40), starts, {}, "plain")
    assert goal.reached is Reached.YES
    assert "0.60 s in all; plain Node 0.50 s in all; the time in all decides" in goal.figures
    starts["small"] = later(*[0.9] * 7)
    goal = claims.small_and_quick_image(sizes(plain=131, small=40), starts, {}, "plain")
    assert goal.reached is Reached.NO


def test_the_smallest_of_those_in_time_is_named_not_the_smallest_of_all():
    starts = {"plain": PLAIN, "tiny": later(*[1.2] * 7), "small": later(*[0.1] * 7), "big": PLAIN}
    goal = judge({"plain": 131, "tiny": 28, "small": 36, "big": 41}, starts)
    assert (goal.reached, goal.variant) == (Reached.YES, "small")
    assert "36 MB on disk" in goal.figures
    assert goal.figures.endswith("0.60 s of CPU, 5.00 s in all; plain Node 0.50 s of CPU, 5.00 s in all")


@pytest.mark.parametrize(
    ("goal", "mark"),
    [(claims.smallest_image(sizes(a=20)), "✓"), (claims.smallest_image(sizes(a=90)), "✗")],
)
def test_a_notebook_shows_a_goal_with_its_mark_and_its_figures(goal, mark):
    assert mark in goal._repr_html_()
    assert goal.reached in repr(goal)
    assert "MB on disk" in repr(goal)
