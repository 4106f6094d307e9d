"""The rules of L1 and L2, with figures on both sides of each bound."""

import pytest

from helpers import claims
from helpers.claims import Size, Tools, Verdict

NONE = Tools([], [], [])
FULL = Tools(["/usr/bin/gcc"], ["/usr/bin/apt"], ["/bin/sh"])


def sizes(**factors):
    return {
        name: (Size(int(1e9), int(4e8)), Size(int(1e9 / factor), int(1e8)))
        for name, factor in factors.items()
    }


@pytest.mark.parametrize(
    ("factors", "verdict"),
    [
        ({"Go": 100, "Python": 10.1}, Verdict.HOLDS),
        ({"Go": 100, "Python": 9.9}, Verdict.CONDITION),
        ({"Go": 9.9, "Python": 2}, Verdict.FAILS),
        ({}, Verdict.UNTESTED),
    ],
)
def test_l1_is_judged_by_the_factor_of_each_language(factors, verdict):
    assert claims.smaller_by_language(sizes(**factors)).verdict is verdict


def test_l1_names_the_languages_that_reach_it_and_those_that_do_not():
    judgement = claims.smaller_by_language(sizes(Go=100, Python=5))
    assert judgement.condition == "the language is Go"
    assert "Python" in judgement.because
    assert "Go 100.0x on disk, 4.0x compressed" in judgement.figures


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (NONE, Verdict.HOLDS),
        (Tools([], ["/usr/bin/apt"], []), Verdict.CONDITION),
        (Tools([], [], ["/bin/sh"]), Verdict.CONDITION),
        (Tools(["/usr/bin/gcc"], [], []), Verdict.FAILS),
    ],
)
def test_l2_fails_by_a_compiler_and_has_a_condition_by_other_tools(after, verdict):
    judgement = claims.build_image_left_behind({"Go": (FULL, NONE), "Python": (FULL, after)})
    assert judgement.verdict is verdict
    assert (verdict is Verdict.HOLDS) or "Python" in judgement.because


def test_l2_is_not_tested_when_nothing_was_built():
    assert claims.build_image_left_behind({}).verdict is Verdict.UNTESTED
