"""A line of Node is supported up to and including its last day, and what is left is in months."""

from datetime import date, timedelta

import pytest

from helpers.claims import node_lines
from helpers.claims.node_lines import NodeLineError


@pytest.mark.parametrize("number", node_lines.SCHEDULE)
def test_the_last_day_is_supported_and_the_next_is_not(number):
    line = node_lines.line(number)
    assert line.supported(line.released)
    assert line.supported(line.end)
    assert not line.supported(line.end + timedelta(days=1))
    assert not line.supported(line.released - timedelta(days=1))


def test_node_20_was_over_when_this_workbook_was_made():
    assert not node_lines.line(20).supported(date(2026, 11, 26))
    assert node_lines.line(24).supported(date(2026, 11, 26))


def test_months_are_counted_down_to_the_last_day_and_below_zero():
    line = node_lines.line(22)
    assert line.months_left(line.end) == 0
    assert line.months_left(date(2026, 4, 30)) == pytest.approx(12, abs=0.05)
    assert line.months_left(date(2027, 7, 30)) == pytest.approx(-3, abs=0.05)


@pytest.mark.parametrize("version", ["20.18.0", "v20.19.5", "20"])
def test_a_version_tells_its_line(version):
    assert node_lines.line_of(version).number == 20


@pytest.mark.parametrize("version", ["", "lts", "node:20", "200.1.0", "20-alpine"])
def test_what_tells_no_known_line_is_refused_in_a_sentence(version):
    with pytest.raises(NodeLineError, match=r"\.$"):
        node_lines.line_of(version)
