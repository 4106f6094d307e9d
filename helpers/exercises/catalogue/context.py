"""The exercises of lessons 05 and 05b: what is sent to the builder, and what stays in the image."""

from __future__ import annotations

from dataclasses import replace

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import SHIPMENTS, TIDE, months_of_work
from helpers.host.workspace import FAKE_SECRET

EXERCISES = (
    Exercise(
        "ignore",
        "05_context",
        "What stays at home",
        "This folder has seen some months of work: fixtures, a log, a helper tool with settings of its "
        "own. The Dockerfile says `COPY . .`, and you may not change it. Write the `.dockerignore`.",
        (checks.sends_at_most(300), checks.hides_the_secret(), checks.answers()),
        (
            "A pattern without `**/` matches only beside the ignore file, not in the folders below.",
            "Two files hold the fake key: `.env.local`, and one in a folder.",
            "`test/fixtures`, `tools`, `*.log` and `**/.env*` are four of the lines that you need.",
        ),
        answers=".dockerignore",
        project=replace(SHIPMENTS, clutter=months_of_work),
    ),
    Exercise(
        "allow",
        "05_context",
        "A list that holds next month",
        "This list names what to keep out, and is good for today's folder. Next month a colleague "
        "leaves a database dump there, and `COPY . .` ships it. Turn the list round. The build "
        "(`node tools/build.js`) reads `src`, `stations.csv` and itself; the server reads `pages`.",
        (
            checks.sends_nothing_new(),
            checks.hides_the_secret(),
            checks.answers(api_checks.tide),
        ),
        (
            "The first line keeps everything out: `*`.",
            "Lines with `!` let back in, and the last line that matches decides: they come after `*`.",
            "`*`, `!src`, `!pages`, `!stations.csv`, and of `tools` only `!tools/build.js`: a key lies "
            "in a folder beside it.",
        ),
        answers=".dockerignore",
        project=replace(TIDE, clutter=months_of_work),
    ),
    Exercise(
        "sign",
        "05b_secrets",
        "The key for one step",
        "The build signs the tides with a key, which it gets as a build argument; `docker history` "
        "prints it. CI now hands the same key over as a secret, too: `--secret id=tide_key`. Use that. "
        "The signature must stay valid, and nothing may tell the key.",
        (checks.hides_the_secret(), checks.answers(api_checks.signed)),
        (
            "A secret mount makes the key a file for one `RUN`. Where does it lie, and who reads it?",
            "`RUN --mount=type=secret,id=tide_key` lays it at `/run/secrets/tide_key`; the shell reads "
            "it with `$(cat FILE)`.",
            "Without the `ARG`: `RUN --mount=type=secret,id=tide_key node tools/sign.js "
            '"$(cat /run/secrets/tide_key)"`.',
        ),
        project=replace(TIDE, build_args={"TIDE_KEY": FAKE_SECRET}, secrets={"tide_key": FAKE_SECRET}),
    ),
)
