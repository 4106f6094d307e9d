"""B1 wants a mix that bites and a pin that holds; a line of Node gets fixes up to its last day."""

from datetime import date

import pytest

from helpers import claims
from helpers.claims import Mismatch, PinTest, Verdict, support
from helpers.claims.pins import release_line_of
from helpers.host.errors import WorkbookError

BITES = Mismatch(mixed_ran=False, agreed_ran=True)
HARMLESS = Mismatch(mixed_ran=True, agreed_ran=True)
BROKEN = Mismatch(mixed_ran=False, agreed_ran=False)
GOOD = PinTest(by_tag=("20.18.0", "20.19.5"), by_digest=("20.18.0", "20.18.0"), refused=True)


OVER = (support.line("Node", "20"), support.line("Debian", "12"))


def judged(lines=BITES, libcs=HARMLESS, pin=GOOD, *, minors=BITES, ended=()):
    return claims.base_pins(minors, lines, libcs, pin, ended=ended)


def test_it_holds_when_lines_bite_a_digest_keeps_the_base_and_nothing_else_is_needed():
    assert judged().verdict is Verdict.HOLDS


def test_a_line_without_support_is_a_condition():
    judgement = judged(ended=OVER)
    assert judgement.verdict is Verdict.CONDITION
    assert (
        "the pin is moved off what gets no more fixes: Node 20 (since 2026-04-30) and" in judgement.why
    )
    assert "C library" not in judgement.condition


@pytest.mark.parametrize("minors", [HARMLESS, BROKEN])
def test_minor_versions_that_do_no_harm_are_a_condition(minors):
    judgement = judged(minors=minors)
    assert judgement.verdict is Verdict.CONDITION
    assert judgement.condition == "the two versions are of different lines"


def test_two_c_libraries_that_bite_are_a_condition():
    judgement = judged(libcs=BITES)
    assert judgement.verdict is Verdict.CONDITION
    assert judgement.condition == "the stages agree on the C library too"


def test_an_addon_that_runs_nowhere_says_nothing_of_c_libraries():
    assert judged(libcs=BROKEN).verdict is Verdict.HOLDS


def test_it_is_not_tested_when_the_image_runs_on_no_line():
    assert judged(lines=BROKEN).verdict is Verdict.UNTESTED


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"lines": HARMLESS}, "no harm"),
        ({"pin": PinTest(("20.18.0", "20.18.0"), ("20.18.0", "20.18.0"), refused=True)}, "did not move"),
        ({"pin": PinTest(("20.18.0", "20.19.5"), ("20.18.0", "20.19.5"), refused=True)}, "not keep"),
        ({"pin": PinTest(("20.18.0", "20.19.5"), ("20.18.0", "20.18.0"), refused=False)}, "not refused"),
    ],
)
def test_it_does_not_hold_when_one_thing_is_not_seen(fault, word):
    judgement = judged(**fault, ended=OVER)
    assert judgement.verdict is Verdict.FAILS
    assert word in judgement.because


def test_the_figures_say_what_was_seen():
    figures = judged(libcs=BITES).figures
    assert "two lines of Node: mixed does not run, agreed runs" in figures
    assert "the tag gave Node 20.18.0 then 20.19.5, the digest 20.18.0 then 20.18.0" in figures


def test_node_20_was_over_when_this_workbook_was_made():
    assert not support.line("Node", "20").supported(date(2026, 11, 26))
    assert support.line("Node", "24").supported(date(2026, 11, 26))


def test_months_are_counted_down_to_the_last_day_and_below_zero():
    line = support.line("Node", "22")
    assert line.months_left(line.end) == 0
    assert line.months_left(date(2026, 4, 30)) == pytest.approx(12, abs=0.05)
    assert line.months_left(date(2027, 7, 30)) == pytest.approx(-3, abs=0.05)


@pytest.mark.parametrize("version", ["20.18.0", "v20.19.5", "20"])
def test_a_version_tells_its_line(version):
    assert release_line_of(version).name == "20"


@pytest.mark.parametrize("version", ["", "lts", "node:20", "200.1.0", "20-alpine"])
def test_what_tells_no_known_line_is_refused_in_a_sentence(version):
    with pytest.raises(WorkbookError, match=r"\.$"):
        release_line_of(version)
