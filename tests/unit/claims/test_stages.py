"""The rules of B2 and V2, with observations on both sides of each."""

import pytest

from helpers import claims
from helpers.claims import Verdict

HAS = {"a shell": True, "npm": True, "the sources": True, "an answer over HTTP": True}
NONE_STARTS = {"sh": False, "bash": False}
ALL = dict.fromkeys(claims.WAYS, True)


@pytest.mark.parametrize("missing", HAS)
def test_b2_fails_when_the_builder_lacks_a_thing_that_one_debugs_with(missing):
    judgement = claims.builder_for_debugging(HAS | {missing: False}, [], blind=False, gone=False)
    assert judgement.verdict is Verdict.FAILS
    assert missing in judgement.because


def test_b2_is_not_tested_when_nothing_was_observed():
    assert claims.builder_for_debugging({}, [], blind=False, gone=False).verdict is Verdict.UNTESTED


@pytest.mark.parametrize(
    ("differs", "blind", "gone", "verdict"),
    [
        ([], False, False, Verdict.HOLDS),
        (["base image"], False, False, Verdict.CONDITION),
        ([], True, False, Verdict.CONDITION),
        ([], False, True, Verdict.CONDITION),
        (["base image", "C library"], True, True, Verdict.CONDITION),
    ],
)
def test_b2_has_a_condition_when_the_builder_is_not_the_runner_or_is_gone(differs, blind, gone, verdict):
    assert claims.builder_for_debugging(HAS, differs, blind=blind, gone=gone).verdict is verdict


def test_b2_names_what_differs_and_the_fault_only_when_one_was_seen():
    seen = claims.builder_for_debugging(HAS, ["C library"], blind=True, gone=True)
    unseen = claims.builder_for_debugging(HAS, ["C library"], blind=False, gone=False)
    assert "C library" in seen.figures
    assert "did not show" in seen.because
    assert "did not show" not in unseen.because
    assert "leaves no image" in seen.because
    assert "leaves no image" not in unseen.because


@pytest.mark.parametrize("shell", NONE_STARTS)
def test_v2_fails_as_soon_as_one_shell_starts(shell):
    judgement = claims.exec_shells(NONE_STARTS | {shell: True}, ALL)
    assert judgement.verdict is Verdict.FAILS
    assert shell in judgement.because


def test_v2_is_not_tested_when_no_shell_was_tried():
    assert claims.exec_shells({}, ALL).verdict is Verdict.UNTESTED


@pytest.mark.parametrize(
    ("working", "words"),
    [
        (0, "none of the four other ways"),
        (1, "one of the four other ways"),
        (3, "three of the four other ways"),
        (4, "all four other ways"),
    ],
)
def test_v2_holds_without_a_shell_and_counts_the_other_ways(working, words):
    ways = {way: at < working for at, way in enumerate(claims.WAYS)}
    judgement = claims.exec_shells(NONE_STARTS, ways)
    assert judgement.verdict is Verdict.HOLDS
    assert words in judgement.because
    assert all((way in judgement.because) == works for way, works in ways.items())
