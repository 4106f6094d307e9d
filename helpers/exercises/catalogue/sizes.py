"""The exercises of lessons 01 to 03: what an image holds, what crosses, how a container starts."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import TIDE

EXERCISES = (
    Exercise(
        "secret",
        "01_naive",
        "Leave the secret at home",
        "`COPY . .` swept `.env.local` into the image. Change the Dockerfile, and nothing else, so that "
        "no layer ever holds it, and the app still runs.",
        (checks.hides_the_secret(), checks.answers()),
        (
            "Deleting it in a later step does not help: the layer that copied it stays.",
            "`COPY` takes names. Which of the folder's entries does `npm run build` read?",
            "Copy `src` and the two `tsconfig` files by name instead of `.`.",
        ),
    ),
    Exercise(
        "cleanup",
        "01_naive",
        "Clean up in time",
        "A small service tells the tides. Its build unpacks a file of raw soundings, averages it into "
        "the heights, and deletes it; yet the image still carries those megabytes. Get rid of them, "
        "without a second stage. The heights must not change.",
        (
            checks.answers(
                api_checks.sounded,
                {"no soundings": "`tools/build.js` averages the file that it is given, if any."},
            ),
            checks.wastes_at_most(1),
            checks.at_most(150),
        ),
        (
            "Which instruction wrote the file, and which one deleted it?",
            "What one `RUN` writes and deletes itself is in no layer: a layer is what is there when "
            "its instruction ends.",
            "Join the three `RUN` lines with `&&`: unpack, build, delete.",
        ),
        project=TIDE,
    ),
    Exercise(
        "runner",
        "02_multistage",
        "Two stages, by yourself",
        "Turn this single stage into two: build in one, ship from the other. The image must hold what "
        "runs and little else.",
        (checks.answers(), checks.at_most(170)),
        (
            "A second `FROM` begins a new, empty stage; only what `COPY --from` names comes along.",
            "The runner needs `dist` and the production dependencies: `npm ci --omit=dev`.",
            "End with: `FROM node:20-alpine`, `WORKDIR`, `COPY package*.json ./`, "
            "`RUN npm ci --omit=dev`, `COPY --from=builder /app/dist ./dist`, `CMD`.",
        ),
    ),
    Exercise(
        "crossing",
        "02_multistage",
        "A narrower door",
        "Two stages, and nothing was gained: all that the builder has crosses into the runner, the "
        "sources and `.env.local` too. Let through what the server reads while it runs, and no more.",
        (
            checks.answers(api_checks.tide),
            checks.leaves_behind("tools/build.js", "src/server.js", "stations.csv", ".env.local"),
        ),
        (
            "`COPY --from` takes only what it names, and all of that. What does it name here?",
            "`dist` is not enough: build it with `dist` alone, and the container says what it misses.",
            "Two lines: `COPY --from=builder /app/dist ./dist`, and the same for `pages`.",
        ),
        project=TIDE,
    ),
    Exercise(
        "settings",
        "02_multistage",
        "What a new stage forgets",
        "As one stage this service ran. Since somebody put a second `FROM` in the middle, it builds and "
        "dies. All files are where they should be; mend what else is missing, without shipping the "
        "sources. Heights must be told above chart datum (`LAT`), as before.",
        (
            checks.answers(
                api_checks.above_chart_datum,
                {
                    "instead of LAT": "It runs, with a setting that the builder had. Do `ENV` lines "
                    "cross into the next stage?",
                    "'/dist/server.js'": "Look at the path: in which folder does the container start?",
                    "pages/board.html": "Look at the path: in which folder does the container start?",
                },
            ),
            checks.leaves_behind("tools/build.js", "src/server.js", "stations.csv", ".env.local"),
        ),
        (
            "A second `FROM` begins anew: with its base image's settings, and none of the builder's.",
            "Two of the builder's lines are missing in the runner: the folder to start in, a setting.",
            "After the second `FROM`: `WORKDIR /app` and `ENV TIDE_DATUM=LAT`.",
        ),
        project=TIDE,
    ),
    Exercise(
        "prune",
        "03_distroless",
        "Prune it another way",
        "The article's distroless image carries the devDependencies. Make it small without a third "
        "stage.",
        (checks.answers(), checks.has_no_shell(), checks.at_most(140)),
        (
            "npm can remove what is already installed.",
            "`npm prune --omit=dev` does; where in the builder may it run?",
            "It must stand after `npm run build`, which needs the compiler.",
        ),
    ),
    Exercise(
        "entrypoint",
        "03_distroless",
        "It starts without a shell",
        "This runner stands on Alpine and works. Move it to `gcr.io/distroless/nodejs20-debian12`. "
        "Naming the new base is one line, and then the container no longer starts: mend that, too.",
        (
            checks.answers(
                api_checks.tide,
                {
                    "/bin/sh": "`CMD` without brackets is a line for a shell. Is there one?",
                    "'/app/node'": "The entrypoint is Node already. What does it do with `node`?",
                },
            ),
            checks.has_no_shell(),
        ),
        (
            "`CMD node dist/server.js` runs `/bin/sh -c`. The other form of `CMD` is a JSON list.",
            "What `CMD` lists is handed to the entrypoint. In distroless, that is Node.",
            '`CMD ["dist/server.js"]`.',
        ),
        project=TIDE,
    ),
)
