"""The words of the lesson on stages: attempts, transcripts, commands to type."""

import pandas as pd

from helpers.buildx import BuildError
from helpers.buildx.stream import Step
from helpers.engine import sidecar
from helpers.engine.sidecar import Said
from helpers.lesson import stages
from helpers.lesson.stages import Attempt, Transcript

FAILED = Step("sha256:1", "[test 1/1] RUN npm test", "test", 0.0, 1.0, False, "exit code: 1", ())
LOG = [
    "✖ failing tests:",
    "✖ follows a shipment to its delivery (4.831644ms)",
    "  Error: expected 200",
    "    at Suite.run (node:internal)",
    "",
]


def test_an_attempt_that_failed_says_where_and_why():
    attempt = Attempt("stages", "test", None, BuildError("It failed.", FAILED, LOG))
    frame = stages.outcomes(attempt)
    assert list(frame.iloc[0]) == [
        "stages",
        "test",
        "no image",
        "test: RUN npm test",
        "✖ follows a shipment to its delivery",
    ]
    assert "stopped in test" in repr(attempt)


def test_an_attempt_that_gave_an_image_stopped_nowhere():
    frame = stages.outcomes(Attempt("stages", "runner", None, None))
    assert list(frame.iloc[0][2:]) == ["an image", "", ""]


def test_a_transcript_shows_what_was_typed_and_escapes_it_in_a_notebook():
    said = (Said("ls <here>", 0, "a\nb\n"), Said("true", 0, ""))
    transcript = Transcript("docker run TOOLS sh", said)
    assert repr(transcript).splitlines() == [
        "$ docker run TOOLS sh",
        "# ls <here>",
        "a",
        "b",
        "# true",
        "(nothing; exit code 0)",
    ]
    assert "&lt;here&gt;" in transcript._repr_html_()


def test_the_command_by_hand_drops_all_capabilities_and_adds_the_one():
    typed = sidecar.by_hand("app", "node:24-alpine")
    assert typed == (
        "docker run --rm -it --pid container:app --network container:app --cap-drop ALL "
        "--cap-add SYS_PTRACE node:24-alpine sh"
    )


def test_the_command_by_hand_for_the_app_s_own_user_adds_no_capability():
    typed = sidecar.by_hand("app", user="65532:65532", capabilities=())
    assert "--cap-add" not in typed
    assert "--user 65532:65532" in typed


def test_a_builder_is_blind_to_a_fault_only_when_it_answers_and_the_runner_does_not():
    def table(builder, runner):
        return pd.DataFrame({"answers": [builder, runner]})

    assert stages.is_blind(table("yes", "no"))
    assert not stages.is_blind(table("yes", "yes"))
    assert not stages.is_blind(table("no", "no"))
