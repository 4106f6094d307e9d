"""The build cache for real: what each scenario runs again, and what an exported cache carries over."""

from __future__ import annotations

import json
import os
import uuid

import pytest

from helpers.engine import PrivateEngine
from helpers.host import paths, workspace
from helpers.host.errors import WorkbookError
from helpers.lesson import cache as cache_lesson
from helpers.measure import cache, ci_cache, sample
from helpers.measure.cache import Scenario

pytestmark = pytest.mark.engine

# The shape of the lesson's files, with an install and a compiler that take no time and no network.
ORDERED = """\
FROM node:20-alpine AS builder
WORKDIR /app
COPY package*.json ./
RUN --mount=type=cache,target=/root/.npm echo npm ci
COPY . .
RUN mkdir dist && cp src/version.ts dist/

FROM node:20-alpine AS runner
WORKDIR /app
COPY package*.json ./
RUN echo npm ci --omit=dev
COPY --from=builder /app/dist ./dist
"""
UNORDERED = ORDERED.replace("COPY package*.json ./\nRUN --mount", "COPY . .\nRUN --mount", 1)


@pytest.fixture(scope="module")
def app():
    """A working copy whose first step no other build on this engine shares at the same time."""
    with workspace.copy() as copy:
        copy.write("package-mark.json", json.dumps(uuid.uuid4().hex))
        yield copy


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, mark = tmp_path_factory.mktemp("files"), uuid.uuid4().hex
    found = {"ordered": ORDERED, "unordered": UNORDERED}
    for name, text in found.items():
        (folder / name).write_text(text + f"LABEL of={mark}\n")
    return {name: folder / name for name in found}


@pytest.fixture(scope="module")
def runs(files, app):
    return cache.run(files, app, repeats=2, scenarios=tuple(Scenario))


def states(runs, name, scenario):
    """Return the steps that ran, which must be the same in every repeat."""
    found = [
        [(s.stage, s.text.split(" ")[0], s.cached) for s in r.steps] for r in runs.of(name, scenario)
    ]
    assert all(state == found[0] for state in found)
    return [f"{stage}: {keyword}" for stage, keyword, cached in found[0] if not cached]


def test_a_cold_build_takes_nothing_from_the_cache(runs):
    assert len(states(runs, "ordered", Scenario.COLD)) == 6
    assert len(states(runs, "unordered", Scenario.COLD)) == 7


@pytest.mark.parametrize("name", ["ordered", "unordered"])
def test_an_unchanged_project_runs_nothing(runs, name):
    assert states(runs, name, Scenario.UNCHANGED) == []


def test_a_source_edit_reuses_the_install_step(runs):
    assert states(runs, "ordered", Scenario.SOURCE) == ["builder: COPY", "builder: RUN", "runner: COPY"]
    assert runs.installs("ordered", Scenario.SOURCE) == (0, 4)


def test_sources_copied_first_make_a_source_edit_install_again(runs):
    assert runs.installs("unordered", Scenario.SOURCE) == (2, 4)


@pytest.mark.parametrize("scenario", [Scenario.DEPENDENCY, Scenario.SCRIPT])
def test_any_change_of_the_manifest_runs_every_install(runs, scenario):
    assert runs.installs("ordered", scenario) == (4, 4)


def test_an_edit_that_leaves_the_compiled_files_alone_leaves_the_runner_alone(runs):
    assert states(runs, "ordered", Scenario.TEST) == ["builder: COPY", "builder: RUN"]


def test_two_stages_that_begin_alike_share_their_first_step(runs):
    for scenario in Scenario:
        assert runs.of("ordered", scenario)[0].steps[0].stages == ("builder", "runner")


def test_no_image_is_left(runs, engine):
    tags = [tag for image in engine.client.images.list() for tag in image.tags]
    assert not {run.result.tag for run in runs.runs} & set(tags)


def test_a_cold_build_begins_with_empty_cache_mounts(app, tmp_path):
    """The step fails where it finds what an earlier build left in its mount."""
    file = tmp_path / "Dockerfile"
    file.write_text(
        "FROM node:20-alpine\nRUN --mount=type=cache,target=/kept test ! -e /kept/mark && touch /kept/mark\n"
    )
    made = cache.run({"mounts": file}, app, repeats=2, scenarios=(Scenario.COLD,))
    assert len(made.of("mounts", Scenario.COLD)) == 2


def test_npm_takes_the_edited_lock_file(app):
    """The lesson's dependency edit, by the real ``npm ci``; it raises if npm refuses."""
    runs = cache.run(
        {"alpine": sample.dockerfile("alpine")}, app, repeats=1, scenarios=(Scenario.DEPENDENCY,)
    )
    assert runs.installs("alpine", Scenario.DEPENDENCY) == (2, 2)


def test_unordered_differs_from_naive_in_one_line():
    def lines(name):
        return sample.dockerfile(name).read_text().splitlines()[1:]

    naive = lines("naive")
    naive.remove("COPY . .")
    naive[naive.index("COPY package*.json ./")] = "COPY . ."
    assert lines("unordered") == naive


needs_private_engine = pytest.mark.skipif(
    not ci_cache.available(), reason="a fresh machine needs the private engine, installed, and root"
)


@pytest.mark.rare
@needs_private_engine
def test_a_fresh_machine_takes_the_installs_of_both_stages_from_the_exported_cache(files, app):
    handover = ci_cache.hand_over(files["ordered"], app)
    frame = handover.to_frame()
    first, second = frame.columns[2:]
    assert set(frame[first]) == {"ran"}
    installs = frame["step"].str.contains("npm ci")
    assert list(frame[installs][second]) == ["cached", "cached"]
    assert "ran" in set(frame[~installs][second])
    assert handover.cache_bytes > 0
    assert not [f for f in paths.state("machines").iterdir() if f.name.startswith(f"{os.getpid()}-")]


@pytest.mark.rare
@needs_private_engine
def test_a_cache_exported_in_the_default_mode_lacks_the_builders_steps(files, app):
    frame = ci_cache.hand_over(files["ordered"], app, mode="min").to_frame()
    second = dict(zip(zip(frame["stage"], frame["step"], strict=True), frame.iloc[:, 3], strict=True))
    assert second["runner", "RUN echo npm ci --omit=dev"] == "cached"
    assert second["builder", "RUN --mount=type=cache,target=/root/.npm echo npm ci"] == "ran"


@needs_private_engine
def test_a_fresh_machine_has_the_images_it_was_given_and_no_cache():
    with ci_cache.fresh_machine([]) as machine:
        assert machine.store == "containerd"
        assert machine.client.images.list() == []
        assert not machine.client.df()["BuildCache"]


def test_where_there_is_no_private_engine_the_sentence_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(PrivateEngine, "installed", property(lambda _: False))
    with pytest.raises(WorkbookError, match="make engine"), ci_cache.fresh_machine([]):
        pass
    assert cache_lesson.hand_over("alpine") is None
    assert "Not measured here" in capsys.readouterr().out
