"""One line for a series of builds."""

import pytest

from helpers import live, live_series


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
