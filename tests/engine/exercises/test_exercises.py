"""Exercises judge what an answer does: solutions pass, typical wrong answers fail with their hint."""

from __future__ import annotations

import pytest

from helpers import exercises
from helpers.exercises import CATALOGUE

pytestmark = pytest.mark.engine
NAMES = [exercise.name for exercise in CATALOGUE]


@pytest.fixture(autouse=True)
def _own_progress(monkeypatch, tmp_path):
    from helpers.host import paths

    real = paths.state
    ours = lambda part="": real(part) if part != "exercises" else tmp_path  # noqa: E731
    monkeypatch.setattr(paths, "state", ours)


def solution(name):
    return exercises.task(name)._text("solution")


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_passes_every_check(name):
    outcome = exercises.task(name).check(solution(name))
    assert outcome.missed == ()
    assert outcome.solved
    state = exercises.progress().set_index("exercise")["state"]
    assert state[exercises.task(name).title] == "✓ solved"


STARTS = {  # those that are a typical wrong answer already
    "order": "stands above the install",
    "deploys": "moves anew when its content",
}


@pytest.mark.rare  # the lessons check each start too
@pytest.mark.parametrize("name", NAMES)
def test_the_start_does_not_pass(name):
    outcome = exercises.task(name).check(exercises.task(name).start)
    assert not outcome.solved
    assert outcome.hint
    assert STARTS.get(name, "") in outcome.hint


WRONG = {
    "a later layer deletes the secret": (
        "secret",
        exercises.task("secret").start.replace(
            "RUN npm run build", "RUN npm run build && rm .env.local"
        ),
        "How does it not come in at all",
    ),
    "the sources are forgotten": (
        "secret",
        solution("secret").replace("COPY src ./src\n", ""),
        "first line that the failing step printed",
    ),
    "the soundings are deleted by a RUN of its own": (
        "cleanup",
        solution("cleanup").replace(" \\\n  && rm", "\nRUN rm"),
        "Who may delete it",
    ),
    "the soundings are never read": (
        "cleanup",
        solution("cleanup").replace("build.js /tmp/soundings", "build.js"),
        "averages the file that it is given",
    ),
    "the soundings stay": (
        "cleanup",
        solution("cleanup").replace(" \\\n  && rm /tmp/soundings", ""),
        "does nothing while the app runs",
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
    "the pages stay behind": (
        "crossing",
        solution("crossing").replace("COPY --from=builder /app/pages ./pages\n", ""),
        "what does the container miss",
    ),
    "all crosses and some is deleted": (
        "crossing",
        exercises.task("crossing").start.replace(
            "EXPOSE", "RUN rm -r tools src stations.csv .env.local\nEXPOSE"
        ),
        "copied and deleted later",
    ),
    "the setting stays in the builder": (
        "settings",
        solution("settings").replace("ENV TIDE_DATUM=LAT\n", ""),
        "Do `ENV` lines cross",
    ),
    "the runner stands on the builder": (
        "settings",
        exercises.task("settings").start.replace("FROM node:20-alpine AS runner", "FROM builder"),
        "What does the server open",
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
    "a line for a shell": (
        "entrypoint",
        solution("entrypoint").replace('["dist/server.js"]', "node dist/server.js"),
        "Is there one",
    ),
    "node twice": (
        "entrypoint",
        solution("entrypoint").replace('["dist', '["node", "dist'),
        "What does it do with `node`",
    ),
    "only the setting goes to the end": (
        "stamp",
        solution("stamp")
        .replace("ARG RELEASE=none\n", "")
        .replace("WORKDIR", "ARG RELEASE=none\nWORKDIR"),
        "How far down may it stand",
    ),
    "the argument does not reach the container": (
        "stamp",
        solution("stamp").replace("ENV RELEASE=$RELEASE\n", ""),
        "there for the build only",
    ),
    "another folder is mounted": (
        "charts",
        solution("charts").replace("target=/var/cache/charts", "target=/root/.cache"),
        "must outlive the step",
    ),
    "the cache is copied into the image": (
        "charts",
        solution("charts").replace(
            "js /var/cache/charts", "js /var/cache/charts && cp -r /var/cache/charts ."
        ),
        "RUN keeps all that it writes",
    ),
    "a pattern for the top folder only": (
        "ignore",
        solution("ignore").replace("**/.env*", ".env*").replace("tools\n", ""),
        "How does it not come in at all",
    ),
    "the fixtures are forgotten": (
        "ignore",
        solution("ignore").replace("test\n", ""),
        "List what the build needs",
    ),
    "a list of all that must stay out": (
        "allow",
        "**/.env*\n**/*.log\ntest\nDockerfile\n",
        "Keep out everything",
    ),
    "a whole folder is let in": (
        "allow",
        solution("allow").replace("!tools/build.js", "!tools"),
        "How does it not come in at all",
    ),
    "everything is kept out last": (
        "allow",
        solution("allow").replace("*\n", "", 1) + "*\n",
        "first line that the failing step printed",
    ),
    "the key as a variable": (
        "sign",
        exercises.task("sign").start.replace("ARG TIDE_KEY", "ARG TIDE_KEY\nENV TIDE_KEY=$TIDE_KEY"),
        "ENV is a setting of the image",
    ),
    "the mounted key is kept": (
        "sign",
        solution("sign").replace(
            "node tools/sign.js", "cp /run/secrets/tide_key . && node tools/sign.js"
        ),
        "How does it not come in at all",
    ),
    "the other libc again": (
        "libc",
        exercises.task("libc").start.replace("npm ci", "npm install"),
        "what does the container miss",
    ),
    "the argument belongs to the first stage": (
        "one_pin",
        solution("one_pin")
        .replace("ARG BASE=node:22-alpine\n\nFROM ${BASE}", "FROM node:22-alpine")
        .replace("builder\n", "builder\nARG BASE=node:22-alpine\n", 1),
        "No step ran",
    ),
    "one of two is moved": (
        "one_pin",
        solution("one_pin").replace("FROM ${BASE} AS runner", "FROM node:22-alpine AS runner"),
        "known to every FROM",
    ),
    "the test stage is needed by nobody": (
        "gate",
        solution("gate").replace("COPY --from=test /passed /passed\n", ""),
        "How does the last stage come to need",
    ),
    "the order is turned round": (
        "apart",
        exercises.task("apart")
        .start.replace("COPY pages ./pages\nRUN node tools/pages.js\n", "")
        .replace("COPY src", "COPY pages ./pages\nRUN node tools/pages.js\nCOPY src"),
        "a line always stands below another",
    ),
    "each stage copies everything": (
        "apart",
        solution("apart").replace("COPY tools ./tools", "COPY . ."),
        "a line always stands below another",
    ),
    "no one is asked for a pulse": (
        "harden",
        solution("harden").replace("HEALTHCHECK", "# HEALTHCHECK"),
        "which program is there to ask",
    ),
    "the user by name": (
        "locked",
        solution("locked").replace("USER 1000", "USER node"),
        "Which number has the user",
    ),
    "the files belong to the user": (
        "locked",
        solution("locked").replace("COPY . .", "COPY --chown=1000 . ."),
        "is named by --chown",
    ),
    "the folder is made for the user": (
        "locked",
        solution("locked").replace("WORKDIR", "USER 1000\nWORKDIR").replace("COPY", "USER root\nCOPY"),
        "for the user of that moment",
    ),
    "what differs lies below what is shared": (
        "siblings",
        solution("siblings")
        .replace(
            "COPY pages ./pages\n", "COPY pages ./pages\nRUN node tools/soundings.js dist/soundings\n"
        )
        .replace(
            "FROM common AS alarm\n",
            "FROM common AS alarm\nRUN node tools/soundings.js dist/soundings\n",
        ),
        "that both stand on",
    ),
    "the bundle takes the modules along": (
        "bundle",
        solution("bundle").replace(
            "COPY --from=builder /app/dist/bundle.js ./",
            "COPY --from=builder /app/dist/bundle.js ./\nCOPY --from=builder /app/node_modules ./node_modules",
        ),
        "does nothing while the app runs",
    ),
    "Node without its libraries": (
        "strip",
        solution("strip").replace(
            "--from=runtime /runtime /", "--from=runtime /runtime/usr/local/bin/node /usr/local/bin/node"
        ),
        "misses its loader",
    ),
    "Node as it was": (
        "strip",
        solution("strip").replace("RUN strip usr/local/bin/node\n", ""),
        "does nothing while the app runs",
    ),
    "production as root": (
        "capstone",
        solution("capstone").replace("USER 65532\n", ""),
        "a tag for it",
    ),
    "production on a line that is over": (
        "capstone",
        solution("capstone").replace("nodejs24-debian13", "nodejs24-debian12"),
        "that of its operating system",
    ),
    "the folder is the user's own": (
        "capstone",
        solution("capstone").replace("USER 0\n", ""),
        "WORKDIR makes the folder",
    ),
    "two steps below the sources": (
        "capstone",
        solution("capstone").replace("RUN npm run build\n", "RUN npm run build\nRUN ls dist\n"),
        "which of them had to",
    ),
}


@pytest.mark.rare
@pytest.mark.parametrize("wrong", WRONG)
def test_a_typical_wrong_answer_gets_its_hint(wrong):
    name, answer, hint = WRONG[wrong]
    assert answer != solution(name)
    outcome = exercises.task(name).check(answer)
    assert not outcome.solved
    assert hint in outcome.hint


def test_nothing_is_left_behind(ours):
    exercises.task("order").check(solution("order"))
    assert not ours()
