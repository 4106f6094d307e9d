"""The exercises of lesson 09: what a deploy moves."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import TIDE

EXERCISES = (
    Exercise(
        "deploys",
        "09_pipeline",
        "Move only what changed",
        "After a change of one source file, a deploy of this image moves megabytes. Make it move "
        "kilobytes.",
        (checks.answers(), checks.moves_at_most(100)),
        (
            "A deploy moves the layers that the node does not have.",
            "One layer here holds both the dependencies and your code. Which of them changed?",
            "Copy `node_modules` and `dist` by two `COPY` lines, what changes rarely first.",
        ),
    ),
    Exercise(
        "siblings",
        "09_pipeline",
        "Two services, one pull",
        "`board` and `alarm` are two services of one repository, built by `--target` and run on one "
        "node. Both hold the same heavy data, each in a layer of its own, so the node pulls it twice. "
        "Let it pull it once.",
        (
            checks.answers(api_checks.tide, target="board"),
            checks.answers(api_checks.alarm, target="alarm"),
            checks.shares_layers("board", "alarm", 100),
        ),
        (
            "A node never asks twice for one digest. Two runs of one command give two digests.",
            "Make the data once, in a stage on which both services stand.",
            "`FROM node:20-alpine AS common` with everything up to the `RUN`; then "
            "`FROM common AS board` with `COPY pages`, and `FROM common AS alarm`, each with its `CMD`.",
        ),
        project=TIDE,
    ),
)
