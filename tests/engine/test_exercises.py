"""Exercises judge what an answer does: solutions pass, typical wrong answers fail with their hint."""

from __future__ import annotations

import pytest

from helpers import exercises
from helpers.exercises import CATALOGUE

pytestmark = pytest.mark.engine
NAMES = [exercise.name for exercise in CATALOGUE]


@pytest.fixture(autouse=True)
def _own_progress(monkeypatch, tmp_path):
    from helpers import places

    real = places.state
    ours = lambda part="": real(part) if part != "exercises" else tmp_path  # noqa: E731
    monkeypatch.setattr(places, "state", ours)


def solution(name):
    return exercises.task(name)._text("solution")


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_passes_every_check(name):
    outcome = exercises.task(name).check(solution(name))
    assert outcome.missed == ()
    assert outcome.solved
    state = exercises.progress().set_index("exercise")["state"]
    assert state[exercises.task(name).title] == "✓ solved"


@pytest.mark.parametrize("name", NAMES)
def test_the_start_does_not_pass(name):
    outcome = exercises.task(name).check(exercises.task(name).start)
    assert not outcome.solved
    assert outcome.hint


WRONG = {
    "a later layer deletes the secret": (
        "secret",
        exercises.task("secret").start.replace(
            "RUN npm run build", "RUN npm run build && rm .env.local"
        ),
        "copied and deleted later",
    ),
    "the sources are forgotten": (
        "secret",
        solution("secret").replace("COPY src ./src\n", ""),
        "first line that the failing step printed",
    ),
    "the runner takes all of the builder": (
        "runner",
        solution("runner").replace(
            "COPY --from=builder /app/dist ./dist", "COPY --from=builder /app ./"
        ),
        "does nothing while the app runs",
    ),
    "the runner lacks the dependencies": (
        "runner",
        solution("runner").replace("RUN npm ci --omit=dev\n", ""),
        "what does the container miss",
    ),
    "pruned before the compiler ran": (
        "prune",
        solution("prune").replace(
            "RUN npm run build && npm prune --omit=dev", "RUN npm prune --omit=dev && npm run build"
        ),
        "first line that the failing step printed",
    ),
    "pruned in the wrong base": (
        "prune",
        solution("prune")
        .replace("gcr.io/distroless/nodejs20-debian12", "node:20-alpine")
        .replace('CMD ["dist', 'CMD ["node", "dist'),
        "base images have none",
    ),
    "everything is still copied first": (
        "order",
        solution("order").replace("COPY package*.json ./", "COPY . ./"),
        "stands above the install",
    ),
    "a pattern for the top folder only": (
        "ignore",
        solution("ignore").replace("**/.env*", ".env*").replace("tools\n", ""),
        "copied and deleted later",
    ),
    "the fixtures are forgotten": (
        "ignore",
        solution("ignore").replace("test\n", ""),
        "List what the build needs",
    ),
    "the other libc again": (
        "libc",
        exercises.task("libc").start.replace("npm ci", "npm install"),
        "what does the container miss",
    ),
    "the test stage is needed by nobody": (
        "gate",
        solution("gate").replace("COPY --from=test /passed /passed\n", ""),
        "How does the last stage come to need",
    ),
    "no one is asked for a pulse": (
        "harden",
        solution("harden").replace("HEALTHCHECK", "# HEALTHCHECK"),
        "which program is there to ask",
    ),
    "the code lies below the dependencies": (
        "deploys",
        solution("deploys")
        .replace("COPY --from=deps /app/node_modules ./node_modules\n", "")
        .replace("COPY --from=builder /app/dist ./dist", "COPY --from=builder /app /app"),
        "moves anew when its content",
    ),
    "the bundle takes the modules along": (
        "bundle",
        solution("bundle").replace(
            "COPY --from=builder /app/dist/bundle.js ./",
            "COPY --from=builder /app/dist/bundle.js ./\nCOPY --from=builder /app/node_modules ./node_modules",
        ),
        "does nothing while the app runs",
    ),
    "production as root": (
        "capstone",
        solution("capstone").replace(":nonroot", ""),
        "a tag for it",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_typical_wrong_answer_gets_its_hint(wrong):
    name, answer, hint = WRONG[wrong]
    assert answer != solution(name)
    outcome = exercises.task(name).check(answer)
    assert not outcome.solved
    assert hint in outcome.hint


def test_nothing_is_left_behind(engine):
    before = {container.id for container in engine.client.containers.list(all=True)}
    exercises.task("order").check(solution("order"))
    assert {container.id for container in engine.client.containers.list(all=True)} <= before
