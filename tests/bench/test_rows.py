"""The benchmark's rows: their runs, ratios, goals and exponents, and what is kept of other topics."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.claims.figures import Spread
from helpers.host.errors import WorkbookError
from tests.bench import __main__ as bench
from tests.bench import rows, typed
from tests.bench.rows import Row, Side


def taking(*seconds):
    """Return a measurement that gives these seconds, one a call."""
    given = iter(seconds)
    return lambda: next(given)


def a_row(figure: str, *seconds: float, peer: float | None = None) -> Row:
    theirs = None if peer is None else Side("tar", Spread((peer,)))
    return Row(figure, "s", Side(rows.OURS, Spread(seconds)), theirs)


def test_a_row_has_the_median_the_range_and_the_ratio_of_both_sides():
    row = rows.compare(
        "a figure",
        taking(3.0, 1.0, 2.0),
        ("by hand", taking(8.0, 4.0, 10.0)),
        runs=3,
        goal=("at least 4 times faster", lambda mine, theirs: 4 * mine <= theirs),
    )
    assert row.to_dict() == {
        "figure": "a figure",
        "unit": "s",
        "project": {"name": "workbook", "runs": 3, "median": 2.0, "min": 1.0, "max": 3.0},
        "peer": {"name": "by hand", "runs": 3, "median": 8.0, "min": 4.0, "max": 10.0},
        "ratio": 0.25,
        "goal": "at least 4 times faster",
        "holds": True,
    }
    assert row.raw() == {"project": [3.0, 1.0, 2.0], "peer": [8.0, 4.0, 10.0]}
    assert str(row) == (
        "a figure: workbook 1.000 s (median 2.000, at most 3.000, 3 runs) | "
        "by hand 4.000 s (median 8.000, at most 10.000, 3 runs) | "
        "ratio 0.250 | at least 4 times faster: holds"
    )


@pytest.mark.parametrize(("mine", "holds"), [(1.02, True), (1.03, False)])
def test_a_goal_is_judged_by_the_fastest_runs(mine, holds):
    goal = ("at most 1.02 times", lambda ours, theirs: ours / theirs <= 1.02)
    row = rows.compare("f", taking(9.0, mine, 9.0), ("p", taking(8.0, 8.0, 1.0)), 3, goal)
    assert row.holds is holds
    assert str(row).endswith("holds" if holds else "does not hold")


def test_a_limit_must_be_kept_by_every_run():
    assert rows.single("memory", "MB", [10, 200], at_most=200).holds
    row = rows.single("memory", "MB", [10, 201], at_most=200)
    assert row.holds is False
    assert row.to_dict()["peer"] is None
    assert row.to_dict()["ratio"] is None
    assert "ratio" not in str(row)


def test_a_row_without_a_goal_judges_nothing():
    row = rows.compare("f", taking(1.0), ("p", taking(1.0)), 1)
    assert row.holds is None
    assert row.to_dict()["goal"] is None


@pytest.mark.parametrize(("power", "holds"), [(1, True), (2, False)])
def test_growth_is_the_exponent_between_the_two_largest_sizes(power, holds):
    sized = [(n, a_row(f"{n}", n**power * 1e-4, peer=n * 1e-3)) for n in (1000, 10, 100)]
    sized[1] = (10, a_row("10", 7.0, peer=7.0))  # a fixed cost that hides the growth
    row = rows.growth("files", sized, at_most=1.1)
    assert row.project.spread.median == pytest.approx(power)
    assert row.peer.spread.median == pytest.approx(1)
    assert row.holds is holds
    assert row.figure == "files, 100 to 1,000"


def test_small_values_keep_their_digits():
    assert a_row("f", 0.001234567).to_dict()["project"]["median"] == 0.00123
    assert a_row("f", 123.456789).to_dict()["project"]["median"] == 123.4568


def test_commands_are_joined_by_pipes():
    assert typed.run(("printf", "b\\na\\nb\\n"), ("sort", "-u"), ("wc", "-l")).strip() == "2"


def test_a_command_that_fails_anywhere_in_the_pipe_is_an_error():
    for commands in ((("false",), ("cat",)), (("echo", "a"), ("false",))):
        with pytest.raises(WorkbookError, match="`false` failed with code 1"):
            typed.run(*commands)


def test_a_topic_run_alone_leaves_the_rows_of_the_others(tmp_path, monkeypatch):
    engine = SimpleNamespace(description="Engine X")
    monkeypatch.setattr(bench.bases, "find", lambda *_: SimpleNamespace(note="a base"))
    goal = ("faster", lambda mine, theirs: mine < theirs)

    def topic(*seconds):
        return lambda _: iter(
            [rows.compare(f"row {seconds[0]}", taking(*seconds), ("by hand", taking(5, 5)), 2, goal)]
        )

    monkeypatch.setattr(bench, "TOPICS", {"one": topic(1.0, 2.0), "two": topic(3.0, 4.0)})
    bench.run(["two"], engine, tmp_path)
    bench.run(["one"], engine, tmp_path)
    bench.run(["one"], engine, tmp_path)
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [(row["topic"], row["figure"], row["engine"]) for row in kept] == [
        ("one", "row 1.0", "Engine X"),
        ("two", "row 3.0", "Engine X"),
    ]
    raw = json.loads((tmp_path / "raw.json").read_text())
    assert raw["row 1.0"] == {"project": [1.0, 2.0], "peer": [5, 5]}
    assert set(raw) == {"row 1.0", "row 3.0"}
    assert Path(tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")


def test_a_topic_that_is_none_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "nothing"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "no topic nothing" in capsys.readouterr().err
