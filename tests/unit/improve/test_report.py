"""A report is whole in each form, holds no credentials, and says what became of each change."""

from __future__ import annotations

import dataclasses
import json

import pytest

from helpers.improve import trial
from helpers.improve.draft import Change
from helpers.improve.observe import Wishes
from helpers.improve.report import Figures, Improvement, Outcome, Step

BEFORE = Figures(100_000_000, 40_000_000, 400, 2, "root", 9.0)
AFTER = dataclasses.replace(BEFORE, uncompressed_bytes=40_000_000, user="node", rebuild_seconds=None)
STEPS = (
    Step("slim-base", "A reason <b>.", (1,), Outcome.KEPT, "60.0 MB less on disk", AFTER),
    Step(
        "alpine-base", "Another.", (1,), Outcome.DROPPED, "It ended with code 1: no abc-1234-token", None
    ),
    Step("other-user", "A third.", (4,), Outcome.NOT_TRIED, "The 1 minutes were used up.", None),
)
FOUND = Improvement(
    project="shop",
    dockerfile="Dockerfile",
    before=BEFORE,
    after=AFTER,
    steps=STEPS,
    proof="It started and was still up at the end.",
    notes=("Nothing else was tried.",),
    folder="/home/me/shop",
    patch="--- a/Dockerfile\n+++ b/Dockerfile\n",
    files={"Dockerfile": "FROM node:20-slim\n"},
    builds=3,
)


def test_each_change_is_told_with_its_outcome_in_every_form():
    text, page, plain = FOUND.to_text(), FOUND.to_html(), json.loads(FOUND.to_json())
    for step in STEPS:
        assert step.rule in text
        assert step.rule in page
    assert "1 of 2 changes that were tried are kept. 100 MB became 40 MB. 3 builds" in text
    assert [step["outcome"] for step in plain["steps"]] == ["kept", "dropped", "not tried"]
    assert "<b>." not in page
    assert "not measured" in text
    assert FOUND.to_frame()["MB less"][0] == pytest.approx(60.0)
    assert [step.rule for step in FOUND.kept] == ["slim-base"]


def test_values_of_the_environment_are_nowhere():
    hidden = trial._hidden(FOUND, Wishes(environment={"TOKEN": "abc-1234-token", "MODE": "production"}))
    assert "abc-1234-token" not in hidden.to_json()
    assert "It ended with code 1: no ***" in hidden.to_json()


def test_a_patch_with_a_credential_is_left_out_and_the_files_stay_as_they_are():
    address = "https://me:hunter22@host.example/x"
    held = dataclasses.replace(FOUND, patch=f"+RUN curl {address}\n", files={"Dockerfile": address})
    clean = trial._without_credentials(held)
    assert clean.patch == ""
    assert clean.files == {"Dockerfile": address}
    assert any("--out" in note for note in clean.notes)
    for text in (clean.to_text(), clean.to_json(), clean.to_html()):
        assert "hunter22" not in text


@pytest.mark.parametrize(
    ("rule", "saved", "gains", "said"),
    [
        ("slim-base", 60_000_000, "", "60.0 MB less on disk"),
        ("slim-base", 10_000, "", ""),
        ("alpine-base", 4_000_000, "", ""),
        ("second-stage", 60_000, "", ""),
        ("other-user", 0, "not root", "not root"),
        ("supported-line", -5_000_000, "fixes", "5.0 MB more on disk; fixes"),
    ],
)
def test_a_change_must_gain_something(rule, saved, gains, said):
    change = Change(rule, "", (), None, gains)
    now = dataclasses.replace(BEFORE, uncompressed_bytes=BEFORE.uncompressed_bytes - saved)
    assert trial._gain(change, BEFORE, now) == said
