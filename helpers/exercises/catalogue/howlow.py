"""The exercises of lesson 10: what can still be taken away."""

from __future__ import annotations

from helpers.exercises import api_checks, checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import TIDE

EXERCISES = (
    Exercise(
        "bundle",
        "10_howlow",
        "No node_modules at all",
        "`npm run bundle` packs the server and what it uses into `dist/bundle.js`. Ship that alone.",
        (checks.answers(), checks.has_no_shell(), checks.at_most(128)),
        (
            "A bundle needs nothing beside it.",
            "The builder runs `npm run bundle`; the runner copies one file.",
            '`COPY --from=builder /app/dist/bundle.js ./`, and `CMD ["bundle.js"]`.',
        ),
    ),
    Exercise(
        "strip",
        "10_howlow",
        "Strip it where it helps",
        "Somebody stripped Node to save room, and the image grew. Find out why, and ship the stripped "
        "Node in an image that holds one Node.",
        (
            checks.answers(
                api_checks.tide,
                {
                    "exec /usr/local/bin/node": "A program that is there and is not found misses its "
                    "loader. What does `ldd` name?",
                },
            ),
            checks.wastes_at_most(1),
            checks.at_most(98),
        ),
        (
            "A layer only adds. Which file of the base lies hidden below the new one?",
            "The runner must not have a Node before it gets yours: `FROM scratch`, Node, and the "
            "libraries that it links.",
            "In `runtime`: `WORKDIR /runtime`, `RUN cp --parents -L /usr/local/bin/node "
            '$(ldd /usr/local/bin/node | grep -o "/[^ ]*") .`, `RUN strip usr/local/bin/node`. The '
            'runner copies `/runtime` to `/` and says `ENTRYPOINT ["/usr/local/bin/node"]`.',
        ),
        project=TIDE,
    ),
)
