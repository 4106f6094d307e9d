"""How the lesson on pins tells what it saw."""

from datetime import date

import pytest

from helpers.buildx import dockerfile
from helpers.lesson import pins
from helpers.lesson.pins import Trial
from helpers.measure import sample


def test_a_trial_that_stopped_tells_its_exit_code_and_its_log():
    stopped = Trial("two_lines", 1, "Error: compiled against another Node")
    assert not stopped.ran
    assert "exit code 1" in repr(stopped)
    assert "compiled against another Node" in repr(stopped)


def test_a_trial_that_ran_says_so_also_when_an_image_would_stop_with_zero():
    assert Trial("one_line").ran
    assert "answered" in repr(Trial("one_line"))
    assert not Trial("one_line", 0).ran


def test_the_schedule_counts_from_the_day_that_it_is_asked_for():
    frame = pins.schedule("Node", "Debian", on=date(2026, 4, 30)).set_index(["of", "line"])
    assert frame.loc[("Node", "20"), "months left"] == 0
    assert round(frame.loc[("Node", "22"), "months left"]) == 12
    assert list(frame.loc["Debian"].index) == ["12", "13"]
    assert ("Node", "18") not in frame.index


def test_the_frames_of_a_stack_are_left_out_of_a_log_and_the_words_stay():
    said = "Error: no\n    at Module.load (node:internal)\n  [cause]: [\n    Error: yes\n"
    assert pins.without_frames(said) == "Error: no\n  [cause]: [\n    Error: yes"


@pytest.mark.parametrize(
    ("line", "bases"),
    [
        (20, ["node:20-bookworm-slim", "gcr.io/distroless/nodejs20-debian12:nonroot"]),
        (22, ["node:22-trixie-slim", "gcr.io/distroless/nodejs22-debian13:nonroot"]),
        (26, ["node:26-trixie-slim", "gcr.io/distroless/nodejs26-debian13:nonroot"]),
    ],
)
def test_moving_to_another_line_moves_every_base_and_nothing_else(line, bases):
    before = sample.dockerfile("recommended").read_text()
    after = pins.moved(before, line)
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    assert all(old.startswith("FROM") for old, new in pairs if old != new)
    assert dockerfile.parse(after).base_images() == bases
