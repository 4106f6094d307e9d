"""The frontier of size and start, and a container's own memory in the engine's figures."""

import pytest

from helpers.lesson import howlow as howlow_lesson
from helpers.measure import howlow


def test_on_the_frontier_is_what_no_other_beats_in_size_and_start_together():
    points = {"plain": (131, 0.5), "bundled": (124, 0.4), "packed": (36, 0.6), "slow": (41, 0.8)}
    assert howlow.pareto_front(points) == ["bundled", "packed"]


@pytest.mark.parametrize(
    ("points", "names"),
    [
        ({"a": (1, 1), "b": (1, 1)}, ["a", "b"]),
        ({"a": (1, 1), "b": (1, 2)}, ["a"]),
        ({"a": (2, 1), "b": (1, 1)}, ["b"]),
        ({"a": (1, 2), "b": (2, 1)}, ["a", "b"]),
        ({"a": (5, 5)}, ["a"]),
    ],
)
def test_equals_do_not_beat_each_other_and_better_in_one_beats_equal_in_the_other(points, names):
    assert howlow.pareto_front(points) == names


def test_own_memory_is_anonymous_pages_and_memory_files_but_not_the_cache_of_files():
    version2 = {"active_anon": 3, "inactive_anon": 20, "active_file": 500, "file": 900, "shmem": 20}
    assert howlow.own_memory({"memory_stats": {"stats": version2}}) == 23


def test_with_cgroup_v1_the_whole_group_counts():
    version1 = {
        "active_anon": 1,
        "inactive_anon": 1,
        "total_active_anon": 4,
        "total_inactive_anon": 80,
        "total_active_file": 500,
    }
    assert howlow.own_memory({"memory_stats": {"stats": version1}}) == 84


def test_cpu_time_is_counted_in_seconds():
    assert howlow.cpu_seconds({"cpu_stats": {"cpu_usage": {"total_usage": 340_000_000}}}) == 0.34


def test_the_goals_are_told_with_their_bounds():
    told = " ".join(howlow_lesson.goals()["an image that"])
    assert "30 MB" in told
    assert "50 MB" in told
    assert "0.5 s" in told
