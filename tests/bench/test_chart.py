"""The benchmark's chart says how many goals hold, and its labels cover no other."""

from __future__ import annotations

import functools
import itertools

from tests.bench import chart

CAPTION = "2 cores, Docker Engine 26.1.5"


def side(name, value):
    return {"name": name, "median": value, "min": 0.9 * value, "max": 1.2 * value}


@functools.cache
def benched():
    figures = [
        ("`import helpers` in a new process", 0.041, 0.03, "at most 0.3 s in all"),
        ("a fully cached build of distroless_pruned", 0.18, 0.16, "at most 0.15 s more"),
        ("a cold build of eight steps without network", 5.4, 5.2, "at most 1.02 times"),
        ("the compressed size of an image of 1,200 MB", 7.1, 41.0, "at least 5 times faster"),
        ("the compressed size of an image of 1,200 MB, and a push", 7.1, 13.2, "faster"),
        ("every file of every layer of that image, and the waste", 3.4, 4.1, "at most 1.5 times"),
        ("stand-ins for 3 bases from nothing", 70.0, 55.0, "at most 1.5 times"),
        ("an image of 100,000 files, listed", 3.0, 2.0, None),
    ]
    rows = [
        {
            "figure": figure,
            "unit": "s",
            "project": side("workbook", ours),
            "peer": side("by hand", theirs),
            "goal": goal,
            "holds": None if goal is None else ours < 1.02 * theirs or "cached" in figure,
        }
        for figure, ours, theirs, goal in figures
    ]
    memory = {"figure": "memory", "unit": "MB", "project": side("workbook", 61.0), "peer": None}
    rows.append({**memory, "goal": "at most 200 MB", "holds": True})
    return chart.bench(rows, CAPTION)


def test_the_title_counts_the_goals_that_hold_and_the_words_repeat_it():
    drawn = benched()
    assert "5 of 8 goals for speed and memory hold" in drawn.alt
    assert CAPTION in drawn.alt


def test_no_label_covers_another():
    figure = benched().figure
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for labels in (axes.texts, axes.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
