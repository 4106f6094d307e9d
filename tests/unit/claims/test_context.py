"""The rules of X1 and X2, with figures on both sides of their bounds."""

import pytest

from helpers import claims
from helpers.claims import Verdict

FOLDER = {"node_modules": 90, ".git": 8, ".env": 3, "fixtures": 200}


def test_x1_holds_when_everything_arrived_whole():
    assert claims.copied_context(FOLDER, dict(FOLDER)).verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", FOLDER)
def test_x1_has_a_condition_when_a_part_is_missing_and_fails_when_all_of_one_is(name):
    part = claims.copied_context(FOLDER, FOLDER | {name: FOLDER[name] - 1})
    none = claims.copied_context(FOLDER, FOLDER | {name: 0})
    assert (part.verdict, none.verdict) == (Verdict.CONDITION, Verdict.FAILS)
    assert name in part.condition
    assert name in none.because


def test_x1_is_not_tested_by_a_folder_that_lacks_what_the_claim_names():
    assert claims.copied_context(FOLDER | {".env": 0}, FOLDER).verdict is Verdict.UNTESTED


@pytest.mark.parametrize(
    ("size", "shown"),
    [(999, "999 B"), (1000, "1 kB"), (88_144, "88 kB"), (1_000_000, "1.0 MB"), (200_000_000, "200 MB")],
)
def test_x1_shows_each_size_in_a_unit_that_fits_it(size, shown):
    sizes = {".env": size}
    assert claims.copied_context(sizes, sizes).figures == f".env {shown}"


@pytest.mark.parametrize(
    ("minimal", "verdict"),
    [
        (100, Verdict.HOLDS),
        (190, Verdict.HOLDS),
        (191, Verdict.CONDITION),
        (1000, Verdict.CONDITION),
    ],
)
def test_x2_is_judged_by_the_share_of_needless_bytes_that_are_left(minimal, verdict):
    assert claims.ignore_list(1000, minimal, 100, []).verdict is verdict


def test_x2_fails_when_one_secret_passes_however_few_the_bytes():
    judgement = claims.ignore_list(1000, 100, 100, ["tools/.env"])
    assert judgement.verdict is Verdict.FAILS
    assert "tools/.env" in judgement.figures


def test_x2_of_a_folder_without_anything_needless_divides_by_nothing():
    assert claims.ignore_list(100, 100, 100, []).verdict is Verdict.HOLDS
