"""B1 wants a mix that bites and a pin that holds, and names what one digest does not give."""

import pytest

from helpers import claims
from helpers.claims import Mismatch, PinTest, Verdict

BITES = Mismatch(mixed_ran=False, agreed_ran=True)
HARMLESS = Mismatch(mixed_ran=True, agreed_ran=True)
BROKEN = Mismatch(mixed_ran=False, agreed_ran=False)
GOOD = PinTest(by_tag=("20.18.0", "20.19.5"), by_digest=("20.18.0", "20.18.0"), refused=True)


def judged(lines=BITES, libcs=HARMLESS, pin=GOOD, *, supported=True):
    return claims.judge_b1(lines, libcs, pin, line=20, supported=supported)


def test_it_holds_when_lines_bite_a_digest_keeps_the_base_and_nothing_else_is_needed():
    assert judged().verdict is Verdict.HOLDS


def test_a_line_without_support_is_a_condition():
    judgement = judged(supported=False)
    assert judgement.verdict is Verdict.CONDITION
    assert "Node 20 gets no more fixes" in judgement.because
    assert "C library" not in judgement.because


def test_two_c_libraries_that_bite_are_a_condition():
    judgement = judged(libcs=BITES)
    assert judgement.verdict is Verdict.CONDITION
    assert "C library" in judgement.because
    assert "fixes" not in judgement.because


def test_an_addon_that_runs_nowhere_says_nothing_of_c_libraries():
    assert judged(libcs=BROKEN).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"lines": HARMLESS}, "no harm"),
        ({"lines": BROKEN}, "no harm"),
        ({"pin": PinTest(("20.18.0", "20.18.0"), ("20.18.0", "20.18.0"), refused=True)}, "did not move"),
        ({"pin": PinTest(("20.18.0", "20.19.5"), ("20.18.0", "20.19.5"), refused=True)}, "not keep"),
        ({"pin": PinTest(("20.18.0", "20.19.5"), ("20.18.0", "20.18.0"), refused=False)}, "not refused"),
    ],
)
def test_it_does_not_hold_when_one_thing_is_not_seen(fault, word):
    judgement = judged(**fault, supported=False)
    assert judgement.verdict is Verdict.FAILS
    assert word in judgement.because


def test_the_figures_say_what_was_seen():
    figures = judged(libcs=BITES).figures
    assert "two lines of Node: mixed does not run, agreed runs" in figures
    assert "the tag gave Node 20.18.0 then 20.19.5, the digest 20.18.0 then 20.18.0" in figures
