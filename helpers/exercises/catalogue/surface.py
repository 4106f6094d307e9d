"""The exercises of lesson 08: who the app is, what it may write, and whether it is well."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import TIDE

EXERCISES = (
    Exercise(
        "harden",
        "08_surface",
        "No root, and a pulse",
        "The app must not run as root, and the engine must know whether it is well.",
        (checks.answers(), checks.is_not_root(), checks.becomes_healthy()),
        (
            "`USER` and `HEALTHCHECK` are instructions of the last stage.",
            "There is a program in the image that can ask `http://127.0.0.1:3000/healthz`: Node, and "
            "in Alpine also `wget`.",
            "`USER 1000`, and `HEALTHCHECK --interval=2s CMD wget -qO- http://127.0.0.1:3000/healthz`.",
        ),
    ),
    Exercise(
        "locked",
        "08_surface",
        "Not its own code",
        "This app is not root, and yet whoever breaks in may rewrite it: every file belongs to its "
        "user. Take that away, and let a Kubernetes pod with `runAsNonRoot: true` start it.",
        (
            checks.answers(api_checks.tide),
            checks.is_not_root(),
            checks.user_is_a_number(),
            checks.cannot_change_itself("/app"),
        ),
        (
            "Who owns a file that root copied? And a folder that `WORKDIR` made before `USER`?",
            "Build everything as root, and change the user when all is in its place.",
            "No `--chown`, and `USER 1000` as the last line before `CMD`.",
        ),
        project=TIDE,
    ),
)
