"""The exercise of lesson 13, which asks for everything at once."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import VAULT

EXERCISES = (
    Exercise(
        "capstone",
        "13_capstone",
        "The capstone",
        "The vault's Dockerfile does everything wrong that these lessons showed. Make it one that you "
        "would put into production.",
        (
            checks.answers(api_checks.vault),
            checks.stands_on_supported_lines(),
            checks.at_most_above_recommended(25),
            checks.hides_the_secret(),
            checks.is_not_root(),
            checks.cannot_change_itself("/app"),
            checks.becomes_healthy(),
            checks.has_no_shell(),
            checks.keeps_the_install(),
            checks.reruns_one_step(),
        ),
        (
            "Begin with two stages on lines that still get fixes, and a builder with the runner's libc.",
            "Copy `package*.json` before the sources, name what you copy, and install the production "
            "dependencies in a stage of their own.",
            "Distroless has a tag whose user is not root, `:nonroot`. Let root make the folder: "
            "`USER 0` above `WORKDIR`, `USER 65532` below the copies.",
        ),
        project=VAULT,
    ),
)
