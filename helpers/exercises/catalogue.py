"""The exercises, lesson by lesson: what each asks, what must hold, and its three hints."""

from __future__ import annotations

from pathlib import Path

from helpers.exercises import checks, conversations
from helpers.exercises.exercise import Exercise
from helpers.workspace import FAKE_SECRET

VAULT = Path(__file__).parent / "vault"


def months_of_work(project: Path) -> None:
    """Leave in a project's folder what work leaves there: fixtures, a log, a tool with its settings."""
    fixtures = project / "test" / "fixtures"
    fixtures.mkdir(parents=True)
    for number in range(4):
        (fixtures / f"orders-{number}.json").write_text('{"order": "WB-1"}\n' * 400_000)
    (project / "debug.log").write_text("2026-01-01T00:00:00Z request served\n" * 20_000)
    tool = project / "tools" / "mock-carrier"
    tool.mkdir(parents=True)
    (tool / ".env").write_text(f"CARRIER_KEY={FAKE_SECRET}\n")


CATALOGUE = (
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
        "ignore",
        "05_context",
        "What stays at home",
        "This folder has seen some months of work: fixtures, a log, a helper tool with settings of its "
        "own. The Dockerfile says `COPY . .`, and you may not change it. Write the `.dockerignore`.",
        (checks.sends_at_most(300), checks.hides_the_secret(), checks.answers()),
        (
            "A pattern without `**/` fits only beside the ignore file, not in the folders below.",
            "Two files hold the fake key: `.env.local`, and one in a folder.",
            "`test`, `tools`, `*.log` and `**/.env*` are four of the lines that you need.",
        ),
        answers=".dockerignore",
        clutter=months_of_work,
    ),
    Exercise(
        "libc",
        "06_pinning",
        "The module that will not load",
        "The vault hashes passwords with a native module. It builds, and dies at its first start. Make "
        "it run, on a runner without a shell.",
        (checks.answers(conversations.vault), checks.has_no_shell()),
        (
            "Read what the container says before it dies: which file is missing?",
            "npm installs the module for the libc of the stage in which it runs: musl or glibc.",
            "The runner is Debian. Build on Debian too: `node:20`, or its slim variant.",
        ),
        app=VAULT,
        source="src/server.ts",
    ),
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
        "deploys",
        "09_pipeline",
        "Move only what changed",
        "After a change of one source file, a deploy of this image moves megabytes. Make it move "
        "kilobytes.",
        (checks.answers(), checks.moves_at_most(100)),
        (
            "A deploy moves the layers that the node does not have.",
            "One layer here holds both the dependencies and your code. Which of them changed?",
            "Copy `node_modules` and `dist` by two `COPY` lines, what changes rarely first.",
        ),
    ),
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
        "capstone",
        "13_capstone",
        "The capstone",
        "The vault's Dockerfile does everything wrong that these lessons showed. Make it one that you "
        "would put into production.",
        (
            checks.answers(conversations.vault),
            checks.at_most(140),
            checks.hides_the_secret(),
            checks.is_not_root(),
            checks.has_no_shell(),
            checks.keeps_the_install(),
            checks.rebuilds_within(20),
        ),
        (
            "Begin with two stages, and a builder with the runner's libc.",
            "Copy `package*.json` before the sources, name what you copy, and install the production "
            "dependencies in a stage of their own.",
            "Distroless has a tag whose user is not root: `:nonroot`.",
        ),
        app=VAULT,
        source="src/server.ts",
    ),
)
