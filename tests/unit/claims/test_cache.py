"""The rules of T1 to T3, with figures on both sides of each bound."""

import pytest

from helpers import claims
from helpers.claims import Installs, Verdict
from helpers.claims.figures import Spread

NONE, ALL = Installs(0, 2), Installs(2, 2)


def test_t1_holds_when_the_install_runs_for_a_dependency_and_nothing_else():
    assert claims.install_order(ALL, NONE, ALL, NONE).verdict is Verdict.HOLDS


def test_t1_gets_a_condition_when_a_script_in_the_manifest_runs_the_install():
    judged = claims.install_order(ALL, NONE, ALL, Installs(1, 1))
    assert judged.verdict is Verdict.CONDITION
    assert "package*.json" in judged.condition


@pytest.mark.parametrize(
    ("unordered", "source", "dependency"),
    [
        (ALL, Installs(1, 2), ALL),
        (ALL, NONE, Installs(1, 2)),
        (NONE, NONE, ALL),
    ],
    ids=["a source edit installs", "a dependency edit does not", "the order makes no difference"],
)
def test_t1_fails(unordered, source, dependency):
    assert claims.install_order(unordered, source, dependency, NONE).verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ((7.2, 30.0), Verdict.HOLDS),
        ((7.19, 30.0), Verdict.CONDITION),
        ((3.0, 2.5), Verdict.CONDITION),
        ((0.9, 1.2), Verdict.CONDITION),
    ],
)
def test_t2_holds_only_when_the_slowest_round_is_about_nine_times_faster(ratios, verdict):
    assert claims.time_saved(Spread(ratios), 0.6, NONE).verdict is verdict


def test_t2_fails_when_the_ordered_file_installs_again():
    assert claims.time_saved(Spread((9.0, 9.0)), 0.6, Installs(1, 2)).verdict is Verdict.FAILS


def test_t2_s_reason_is_the_same_for_every_ratio_in_between():
    reasons = {claims.time_saved(Spread((r, r)), r / 10, NONE).because for r in (1.5, 3.0, 7.0)}
    assert len(reasons) == 1


def test_t3_holds_when_naive_alone_installs_again():
    judged = claims.cached_installs(ALL, {"alpine": NONE, "distroless": NONE})
    assert judged.verdict is Verdict.HOLDS


def test_t3_fails_when_naive_is_as_good_as_the_others():
    judged = claims.cached_installs(NONE, {"alpine": NONE, "distroless": NONE})
    assert judged.verdict is Verdict.FAILS
    assert "order" in judged.because


def test_t3_fails_when_a_multi_stage_file_installs_again_and_names_it():
    judged = claims.cached_installs(ALL, {"alpine": NONE, "distroless": Installs(1, 2)})
    assert judged.verdict is Verdict.FAILS
    assert "distroless" in judged.because
