"""The exercises of lesson 06: what two stages must agree on, and where that is written."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import TIDE, VAULT

MOVED_TO = "node:24-alpine"  # what a check moves the base to

EXERCISES = (
    Exercise(
        "libc",
        "06_pinning",
        "The module that will not load",
        "The vault hashes passwords with a native module. It builds, and dies at its first start. Make "
        "it run, on a runner without a shell.",
        (checks.answers(api_checks.vault), checks.has_no_shell()),
        (
            "Read what the container says before it dies: which file is missing?",
            "npm installs the module for the libc of the stage in which it runs: musl or glibc.",
            "The runner is Debian. Build on Debian too: `node:24-trixie`, or its slim variant.",
        ),
        project=VAULT,
    ),
    Exercise(
        "one_pin",
        "06_pinning",
        "One place for the pin",
        "Two `FROM` lines name one base. Whoever moves it will forget the other one day. Name the base "
        "once, so that `--build-arg BASE=…` moves both stages, and a build without it stays as it is.",
        (checks.answers(api_checks.tide), checks.moves_both_stages("BASE", MOVED_TO)),
        (
            "`ARG` may stand before the first `FROM`, and `FROM` may use it: `FROM ${BASE}`.",
            "An `ARG` inside a stage belongs to that stage: the next `FROM` does not know it.",
            "First line: `ARG BASE=node:22-alpine`. Then `FROM ${BASE} AS builder` and "
            "`FROM ${BASE} AS runner`.",
        ),
        project=TIDE,
    ),
)
