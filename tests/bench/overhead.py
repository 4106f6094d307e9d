"""What a build through the workbook takes over the same `docker buildx build` typed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from helpers import buildx
from helpers.buildx import Request
from helpers.engine import Engine
from helpers.host import workspace
from helpers.measure import sample
from tests.bench import rows, typed
from tests.bench.rows import Row

VARIANT = "distroless_pruned"

# A cold build that asks no registry of packages and computes nothing: npm's answers differ by minutes
# from run to run, a shared host's speed by a third, and either would drown what is looked for here.
STEADY = "FROM node:20-alpine\nCOPY . /app\n" + "".join(
    f"RUN echo step {step}; seq 200; sleep 0.6\n" for step in range(8)
)


def measure(engine: Engine) -> Iterator[Row]:
    """Build the recommended variant from the cache, and steps that print and wait from nothing."""
    with workspace.copy() as app:
        request = Request(sample.dockerfile(VARIANT), app.path, "workbook/bench")
        buildx.build(request, engine=engine)
        yield rows.compare(
            f"a fully cached build of {VARIANT}",
            rows.timed(lambda: buildx.build(request, engine=engine)),
            ("docker buildx build", rows.timed(by_hand(request, engine))),
            runs=15,
            goal=("at most 0.15 s more", lambda mine, theirs: mine - theirs <= 0.15),
        )
        cold = Request(app.write("steady.Dockerfile", STEADY), app.path, "workbook/bench", cold=True)
        yield rows.compare(
            "a cold build of eight steps that print and wait",
            rows.timed(lambda: buildx.build(cold, engine=engine)),
            ("docker buildx build --no-cache", rows.timed(by_hand(cold, engine))),
            runs=10,
            goal=("at most 1.02 times", lambda mine, theirs: mine / theirs <= 1.02),
        )


def by_hand(request: Request, engine: Engine) -> Callable[[], object]:
    """Return what runs the command of a build as one would type it."""
    command = buildx.plan(request, engine)
    environment = engine.process_environment()
    return lambda: typed.run(command, environment=environment)
