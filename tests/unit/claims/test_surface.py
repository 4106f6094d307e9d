"""The rules of the claims on the attack surface, with figures on both sides of each bound."""

from dataclasses import replace

import pytest

from helpers import claims
from helpers.claims import Exposure, Verdict


def counts(naive, alpine, distroless, pruned):
    return dict(
        zip(
            (*claims.SURFACE_ORDER, claims.SURFACE_PRUNED),
            (naive, alpine, distroless, pruned),
            strict=True,
        )
    )


COMMANDS = counts(798, 276, 1, 1)
WRITTEN_BREAKS = counts(289, 83, 289, 83)
FEWER = counts(900, 4, 3, 3)


def test_v3_holds_where_everything_falls_and_a_scanner_says_so_too():
    judged = claims.attack_surface({"commands": COMMANDS, "setuid": counts(13, 0, 0, 0)}, FEWER)
    assert judged.verdict is Verdict.HOLDS
    assert "CVEs 900 → 4 → 3 (pruned 3)" in judged.figures


@pytest.mark.parametrize("measures", [{}, {"npm packages": WRITTEN_BREAKS}], ids=["falls", "breaks"])
def test_v3_is_not_tested_where_no_scanner_counted(measures):
    judged = claims.attack_surface({"commands": COMMANDS} | measures, None)
    assert judged.verdict is Verdict.UNTESTED
    assert "not counted here" in judged.figures
    assert "because no scanner was installed" in judged.because


def test_v3_needs_a_condition_where_only_the_pruned_file_keeps_the_order():
    judged = claims.attack_surface({"commands": COMMANDS, "npm packages": WRITTEN_BREAKS}, FEWER)
    assert judged.verdict is Verdict.CONDITION
    assert "breaks the order in npm packages; pruned" in judged.because
    assert judged.condition == "the devDependencies are pruned"


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (counts(10, 10, 9, 9), Verdict.HOLDS),
        (counts(10, 9, 9, 9), Verdict.HOLDS),
        (counts(9, 10, 8, 8), Verdict.FAILS),
        (counts(10, 8, 9, 9), Verdict.FAILS),
        (counts(10, 10, 10, 10), Verdict.FAILS),
        (counts(10, 8, 9, 8), Verdict.CONDITION),
        (counts(10, 8, 8, 9), Verdict.FAILS),
        (counts(414, None, 10, 10), Verdict.HOLDS),
        (counts(10, None, 10, 10), Verdict.FAILS),
        (counts(10, None, 11, 9), Verdict.CONDITION),
    ],
)
def test_v3_takes_equal_steps_and_unknown_counts_but_no_rise(numbers, verdict):
    assert claims.attack_surface({"it": numbers}, FEWER).verdict is verdict


@pytest.mark.parametrize(
    ("cves", "verdict"),
    [
        (counts(900, 4, 4, 4), Verdict.HOLDS),
        (counts(900, 3, 4, 4), Verdict.CONDITION),
        (counts(4, 4, 4, 3), Verdict.HOLDS),
        (counts(4, 4, 4, 4), Verdict.FAILS),
        (counts(4, 0, 9, 5), Verdict.FAILS),
    ],
)
def test_v3_asks_a_scanner_for_fewer_cves_than_naive_and_no_more_than_alpine(cves, verdict):
    judged = claims.attack_surface({"commands": COMMANDS}, cves)
    assert judged.verdict is verdict
    if verdict is Verdict.CONDITION:
        assert "the fewest in alpine" in judged.because
        assert judged.condition == "it is compared with naive"


def test_v3_shows_an_unknown_count_as_a_question_mark():
    assert (
        "OS packages 414 → ? → 10 (pruned 10)"
        in claims.attack_surface({"OS packages": counts(414, None, 10, 10)}, None).figures
    )


SEALED = Exposure((), (), shell_starts=False, node="", root=False, writable=0, stand_in=False)


def test_v1_holds_where_nothing_is_left_to_attack():
    assert claims.distroless_tools(SEALED).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    "tool",
    [{"shells": ["/bin/sh"]}, {"package_managers": ["/usr/bin/dpkg"]}, {"shell_starts": True}],
)
def test_v1_fails_with_one_shell_or_package_manager(tool):
    assert claims.distroless_tools(replace(SEALED, **tool)).verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("left", "word"),
    [
        ({"node": "20.18.0"}, "any program"),
        ({"root": True}, "is root"),
        ({"writable": 1}, "may write files"),
    ],
)
def test_v1_is_not_the_absence_of_an_attack_surface(left, word):
    judged = claims.distroless_tools(replace(SEALED, **left))
    assert judged.verdict is Verdict.CONDITION
    assert "no attack surface" in judged.condition
    assert word in judged.because


def test_v1_of_a_stand_in_shows_the_recipe_and_not_the_vendors_image():
    judged = claims.distroless_tools(replace(SEALED, stand_in=True))
    assert judged.condition == "the vendor's image is composed as this stand-in is"
    assert "shows the recipe" in judged.because
