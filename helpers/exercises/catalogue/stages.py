"""The exercises of lesson 07: stages that stop a build, and stages that do not wait for each other."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import TIDE

EXERCISES = (
    Exercise(
        "gate",
        "07_stages",
        "A test that can stop the build",
        "This file has a stage that runs the tests, and it never runs. Make the build fail when a test "
        "fails, and keep the tests out of the image.",
        (checks.answers(), checks.at_most(170), checks.stops_at_a_broken_test("test/config.test.ts")),
        (
            "BuildKit builds only the stages that the last one needs.",
            "A stage needs another when it is `FROM` it or copies from it.",
            "Let the tests leave a file (`RUN npm test && touch /passed`), and `COPY --from=test` it.",
        ),
    ),
    Exercise(
        "apart",
        "07_stages",
        "Two builds that do not wait",
        "One step computes the tides from `stations.csv`, another packs `pages`. Neither reads the "
        "other's files, but in this stage one stands below the other, and runs again with it. No order "
        "of the lines helps. Draw another graph.",
        (
            checks.answers(api_checks.tide),
            checks.keeps_steps_apart(
                edits={"stations.csv": "NEW,0.5,3.0\n", "pages/board.html": "<!-- NEW -->\n"},
                steps={"stations.csv": "tools/pages.js", "pages/board.html": "tools/build.js"},
            ),
        ),
        (
            "Two stages are independent when neither stands on the other or copies from it.",
            "Give each of the two a stage of its own, with the files that it reads and no more; the "
            "runner copies from both.",
            "`FROM node:20-alpine AS pages`, with `COPY tools ./tools`, `COPY pages ./pages` and the "
            "`RUN`; in the runner `COPY --from=pages /app/dist/pages ./pages`.",
        ),
        project=TIDE,
    ),
)
