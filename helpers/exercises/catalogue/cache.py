"""The exercises of lesson 04: what runs again, and what outlives a step."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import TIDE

EXERCISES = (
    Exercise(
        "order",
        "04_cache",
        "Reorder these lines",
        "Every change of a source file makes this Dockerfile install everything again. Put its lines in "
        "an order that does not.",
        (checks.answers(), checks.keeps_the_install()),
        (
            "A step runs again when anything above it changed.",
            "What does `npm ci` read? Only that has to stand above it.",
            "`COPY package*.json ./`, then `RUN npm ci`, then `COPY . .`.",
        ),
    ),
    Exercise(
        "stamp",
        "04_cache",
        "The release number comes last",
        "CI builds each release with `--build-arg RELEASE=…`, and `/healthz` tells it. With each new "
        "number everything is built again, although no file has changed. Keep the number and the cache.",
        (
            checks.answers(api_checks.tide),
            checks.tells_its_release(),
            checks.keeps_the_build_of_a_release(),
        ),
        (
            "A step stands on all that is above it, and an argument is part of that.",
            "`ARG` counts for every `RUN` below it, also for one that never reads it.",
            "Both lines, `ARG RELEASE=none` and `ENV RELEASE=$RELEASE`, may stand at the very end.",
        ),
        project=TIDE,
    ),
    Exercise(
        "charts",
        "04_cache",
        "A folder that outlives the step",
        "`tools/charts.js` draws a chart for each station into the folder that it is given, and skips "
        "those that lie there. In a build none ever does: with each new station all are drawn again, "
        "and all lie in the image beside `dist/charts.json`, which holds them too. Mend both.",
        (
            checks.answers(api_checks.charted),
            checks.draws_only_the_new_chart("/app/dist/charts.json"),
            checks.leaves_behind("*.svg"),
        ),
        (
            "No order of lines helps: `stations.csv` did change. Something must outlive the step.",
            "A cache mount is a folder outside every layer, which the next build finds as it was left.",
            "`RUN --mount=type=cache,target=/var/cache/charts node tools/charts.js /var/cache/charts`.",
        ),
        project=TIDE,
    ),
)
