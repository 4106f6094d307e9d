"""Steps in the Dockerfile's own words, whatever BuildKit calls them."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.buildx import dockerfile
from helpers.buildx.steps import Served, covered, in_order, served
from helpers.buildx.stream import Progress, Step

ALPINE = dockerfile.parse(
    """\
FROM node:20-alpine AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:20-alpine AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY package*.json ./
RUN npm ci --omit=dev
COPY --from=builder /app/dist ./dist
"""
)


def step(name, digest, *inputs, cached=False, started=0.0, seconds=1.0, error=None):
    stage = name[1:].split(" ")[0] if name.startswith("[") else ""
    return Step(digest, name, "" if "/" in stage else stage, started, seconds, cached, error, inputs)


def alpine(shared, *, base="[context node:20-alpine] localhost/stand-in/node:20-alpine", cached=False):
    """Return the steps of the Alpine file; ``shared`` is the stage that merged steps are named after."""
    of = {"builder": 6, "runner": 5}[shared]
    return [
        step("[internal] load build definition from Dockerfile", "def", started=0.5),
        step("[context node:20-alpine] load metadata for localhost/stand-in/node:20-alpine", "meta"),
        step(base, "base"),
        step("[internal] load build context", "ctx"),
        step(f"[{shared} 1/{of}] WORKDIR /app", "wd", "base", cached=True),
        step(f"[{shared} 2/{of}] COPY package*.json ./", "copy", "wd", "ctx", cached=cached),
        step("[builder 3/6] RUN npm ci", "ci", "copy", cached=cached, started=1.0, seconds=9.0),
        step(
            "[runner 3/5] RUN npm ci --omit=dev", "prod", "copy", cached=cached, started=1.0, seconds=5
        ),
        step("[builder 4/6] COPY . .", "all", "ci", "ctx", cached=cached, started=10),
        step("[builder 5/6] RUN npm run build", "tsc", "all", cached=cached, started=11),
        step("[runner 4/5] COPY --from=builder /app/dist ./dist", "dist", "prod", "tsc", cached=cached),
    ]


def words(rows):
    return [(row.stage, row.text) for row in rows]


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("shared", ["builder", "runner"])
def test_a_merged_step_bears_both_stages_whichever_buildkit_named_it_after(shared, cached):
    assert words(served(alpine(shared, cached=cached), ALPINE)) == [
        ("builder + runner", "COPY package*.json ./"),
        ("builder", "RUN npm ci"),
        ("builder", "COPY . ."),
        ("builder", "RUN npm run build"),
        ("runner", "RUN npm ci --omit=dev"),
        ("runner", "COPY --from=builder /app/dist ./dist"),
    ]


def test_the_order_in_which_buildkit_tells_of_steps_does_not_matter():
    wanted = words(served(alpine("builder"), ALPINE))
    for order in itertools.islice(itertools.permutations(alpine("runner")), 0, 40_000, 4001):
        assert words(served(order, ALPINE)) == wanted


@pytest.mark.parametrize(
    "base",
    [
        "[runner 1/5] FROM docker.io/library/node:20-alpine",
        "[builder 1/6] FROM docker.io/library/node:20-alpine@sha256:" + "ab" * 32,
    ],
)
def test_a_base_from_a_registry_is_recognised_as_well(base):
    rows = served(alpine("runner", base=base), ALPINE)
    assert words(rows)[0] == ("builder + runner", "COPY package*.json ./")


def test_equal_lines_on_different_bases_stay_apart():
    parsed = dockerfile.parse(
        "FROM a AS one\nRUN make\nFROM b AS two\nRUN make\nCOPY --from=one /x /x\n"
    )
    steps = [
        step("[one 1/2] FROM docker.io/library/a", "a"),
        step("[two 1/3] FROM docker.io/library/b", "b"),
        step("[one 2/2] RUN make", "makea", "a"),
        step("[two 2/3] RUN make", "makeb", "b", cached=True),
        step("[two 3/3] COPY --from=one /x /x", "copy", "makeb", "makea"),
    ]
    rows = served(steps, parsed)
    assert [(row.stage, row.cached) for row in rows] == [("one", False), ("two", True), ("two", False)]


def test_a_stage_on_a_stage_stands_on_its_last_step():
    parsed = dockerfile.parse("FROM a AS one\nRUN one\nFROM one AS two\nRUN two\n")
    steps = [
        step("[one 1/2] FROM docker.io/library/a", "a"),
        step("[one 2/2] RUN one", "1", "a"),
        step("[two 1/1] RUN two", "2", "1"),
    ]
    assert words(served(steps, parsed)) == [("one", "RUN one"), ("two", "RUN two")]


def test_what_buildkit_shows_otherwise_than_written_is_found_and_shown_as_written():
    parsed = dockerfile.parse("FROM a\nRUN echo hi && \\\n    echo there\nRUN <<EOF\nmake\nEOF\n")
    steps = [
        step("[1/3] FROM docker.io/library/a", "a"),
        step("[2/3] RUN echo hi &&     echo there", "1", "a"),
        step("[3/3] RUN <<EOF (make)", "2", "1"),
    ]
    rows = served(steps, parsed)
    assert words(rows) == [("", "RUN echo hi && echo there"), ("", "RUN <<EOF")]


def test_times_count_from_the_builds_own_beginning_and_not_from_a_cached_steps_past():
    steps = alpine("builder")
    steps.append(step("[builder 9/9] RUN old", "old", started=0.0, cached=True))
    rows = {row.text: row for row in served(steps, ALPINE)}
    assert rows["RUN npm ci"].started == pytest.approx(0.5)
    assert rows["RUN npm ci"].ended == pytest.approx(9.5)


def test_a_step_from_the_cache_takes_no_time():
    rows = served(alpine("builder", cached=True), ALPINE)
    assert all(row.cached and row.seconds == row.started == 0 for row in rows)


def test_what_failed_or_never_ran_is_left_out():
    steps = [
        *alpine("builder")[:6],
        step("[builder 3/6] RUN npm ci", "ci", "copy", error="exit code: 1"),
    ]
    assert words(served(steps, ALPINE)) == [("builder + runner", "COPY package*.json ./")]


def test_a_target_leaves_out_the_stages_that_it_does_not_need():
    rows = served(alpine("builder"), ALPINE, "builder")
    assert {row.stage for row in rows} == {"builder"}


@pytest.mark.parametrize(
    ("text", "installs"),
    [
        ("RUN npm ci", True),
        ("RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev", True),
        ("RUN npm install", True),
        ("RUN npm run build", False),
        ("RUN npm cite", False),
        ("COPY npm ci /", False),
    ],
)
def test_an_install_is_told_by_its_command(text, installs):
    assert Served((), text, 1, False, 0, 0).installs is installs


def test_covered_time_counts_an_overlap_once_and_a_gap_not_at_all():
    rows = [
        Served((), "", 1, False, start, seconds)
        for start, seconds in ((0.0, 9.0), (0.0, 5.0), (8.0, 3.0), (20.0, 1.0))
    ]
    assert covered(rows) == pytest.approx(12.0)
    assert covered([]) == 0.0


def test_a_step_shared_with_another_build_bears_no_stage_that_this_file_lacks():
    parsed = dockerfile.parse("FROM node:20\nWORKDIR /app\nCOPY . .\n")
    shared, own = (
        step("[builder 2/6] WORKDIR /app", "wd", cached=True),
        step("[3/3] COPY . .", "copy", "wd"),
    )
    own = Step(own.digest, own.name, "", own.started, own.seconds, own.cached, None, own.inputs)
    found = in_order(SimpleNamespace(steps=(own, shared), dockerfile=parsed))
    assert [(one.stage, one.instruction) for one in found] == [("", "WORKDIR /app"), ("", "COPY . .")]


def test_a_step_of_another_build_in_the_newest_stream_serves_no_line_twice():
    pair = dockerfile.parse(
        "FROM node:20-alpine AS builder\nWORKDIR /app\nCOPY package.json ./\n"
        "RUN echo one && node --version\nCOPY . .\n"
        "RUN node -e \"console.log('built')\" > out.txt\n"
        "FROM node:20-alpine AS runner\nWORKDIR /app\nCOPY --from=builder /app/out.txt ./\n"
    )
    progress = Progress()
    stream = Path(__file__).parent / "streams/pair-cold-buildx-0.36.1.txt"
    for line in stream.read_text().splitlines():
        progress.feed(line)
    rows = served(progress.steps, pair)
    assert [(row.stage, row.line, row.cached) for row in rows] == [
        ("builder", 3, False),
        ("builder", 4, False),
        ("builder", 5, False),
        ("builder", 6, False),
        ("runner", 9, False),
    ]
    assert all(0 < row.seconds < 1 and 0 <= row.started < 3 for row in rows)
