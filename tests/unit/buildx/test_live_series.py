"""One line for a series of builds."""

import re
import time

import pytest

from helpers.buildx import live, live_series


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setattr(live, "in_notebook", lambda: False)


def test_each_build_is_told_with_its_number_and_the_last_line_counts_them(capsys):
    with live_series.line("experiment", 2) as told:
        told("naive, cold")
        told("alpine, cold")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("experiment: 1 of 2 · naive, cold · ")
    assert lines[1].startswith("experiment: 2 of 2 · alpine, cold · ")
    assert lines[2].startswith("experiment: 2 builds in ")


def test_a_series_that_breaks_off_says_where_and_lets_the_error_pass(capsys):
    def break_off():
        with live_series.line("experiment", 5) as told:
            told("naive, cold")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert "experiment: stopped at 1 of 5" in capsys.readouterr().err


def test_in_a_notebook_the_clocks_of_the_build_and_of_the_series_tick(monkeypatch):
    shown = []
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr(live_series, "_surface", lambda _: lambda text, done: shown.append((text, done)))
    with live_series.line("experiment", 2) as told:
        time.sleep(0.6)
        assert not shown
        told("naive, cold")
        time.sleep(1.6)
        told("alpine, cold")
        time.sleep(0.4)
    assert shown.pop()[0].startswith("experiment: 2 builds in ")
    clocks = r"experiment: (\d) of 2 · (?:naive|alpine), cold, for (\d+) s · (\d+) s in all"
    told = [tuple(map(int, re.fullmatch(clocks, text).groups())) for text, _ in shown]
    assert [done for _, done in shown] == [number - 1 for number, _, _ in told]
    own = {number: [clock for which, clock, _ in told if which == number] for number in (1, 2)}
    assert own[1][0] == 0 < own[1][-1]
    assert own[2][0] == 0
    whole = [clock for _, _, clock in told]
    assert whole == sorted(whole)
    assert whole[-1] >= 2
