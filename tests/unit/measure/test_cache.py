"""What is read off an experiment's runs, without making any."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.buildx import BuildResult, Request, dockerfile
from helpers.buildx.stream import Step
from helpers.host.errors import WorkbookError
from helpers.lesson import cache as cache_lesson
from helpers.measure import cache, sample
from helpers.measure.cache import Experiment, Run, Scenario

ENGINE = SimpleNamespace(architecture="amd64", description="Docker Engine 0")
LINES = {
    "unordered": ["COPY . .", "RUN npm install", "RUN npm run build"],
    "naive": ["COPY package*.json ./", "RUN npm install", "COPY . .", "RUN npm run build"],
}


def run(name, scenario, seconds, *, cached=0, install=6.0):
    """Return a run of which the first ``cached`` steps came from the cache."""
    lines = LINES[name]
    steps, above, clock = [Step("b", "[context node:20] x", "", 0.0, 0.0, False, None, ())], "b", 0.0
    for n, line in enumerate(lines):
        took = install if "npm install" in line else 1.0
        text = f"[{n + 2}/{len(lines) + 1}] {line}"
        steps.append(Step(str(n), text, "", clock, took, n < cached, None, (above,)))
        above, clock = str(n), clock + took
    result = BuildResult(
        request=Request(sample.dockerfile(name), Path(), f"workbook/{name}"),
        dockerfile=dockerfile.read(sample.dockerfile(name)),
        command=(),
        image_id="",
        digest="",
        seconds=seconds,
        steps=tuple(steps),
        context_bytes=0,
        bases=(),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        engine=ENGINE,
    )
    return Run(name, scenario, result)


@pytest.fixture
def runs():
    return Experiment(
        (
            run("unordered", Scenario.SOURCE, 9.0),
            run("naive", Scenario.SOURCE, 3.0, cached=2),
            run("unordered", Scenario.SOURCE, 10.0),
            run("naive", Scenario.SOURCE, 4.0, cached=2),
            run("naive", Scenario.UNCHANGED, 0.5, cached=4),
        )
    )


def test_times_have_a_row_each_scenario_and_dockerfile(runs):
    frame = runs.times()
    assert list(frame["dockerfile"]) == ["unordered", "naive", "naive"]
    assert list(frame["runs"]) == [2, 2, 1]
    row = frame.iloc[1]
    assert (row["median s"], row["min s"], row["max s"]) == (3.5, 3.0, 4.0)


def test_installs_are_counted_over_the_repeats(runs):
    assert runs.installs("unordered", Scenario.SOURCE) == (2, 2)
    assert runs.installs("naive", Scenario.SOURCE) == (0, 2)


def test_a_run_that_was_not_made_is_named_with_those_that_were(runs):
    with pytest.raises(WorkbookError, match=r"no run of naive \(cold\).*unordered"):
        runs.of("naive", Scenario.COLD)


def test_the_middle_run_of_three_is_the_median_and_of_two_the_faster():
    made = [run("naive", Scenario.COLD, seconds) for seconds in (5.0, 3.0, 4.0)]
    assert cache.middle(made).result.seconds == 4.0
    assert cache.middle(made[:2]).result.seconds == 3.0


def test_the_table_of_steps_reads_from_top_to_bottom(runs):
    frame = cache_lesson.steps(runs, "naive")
    assert list(frame["step"]) == LINES["naive"]
    assert list(frame["a source line changed"]) == ["cached", "cached", "ran", "ran"]
    assert list(frame["nothing changed"]) == ["cached"] * 4


def test_a_speed_up_is_taken_round_by_round(runs):
    assert cache_lesson.speed_up(runs, "unordered", "naive").values == (3.0, 2.5)


def test_the_installs_share_is_of_the_whole_builds(runs):
    assert cache_lesson.install_share(runs, "unordered") == pytest.approx(12 / 19)


def test_nine_times_needs_an_install_of_eight_times_the_rest(runs):
    frame = cache_lesson.nine_times(runs, "unordered")
    here, needed, article = frame.itertuples(index=False)
    assert here[1:] == (6.0, 3.0, 3.0)
    assert needed[1:] == (24.0, 3.0, 9.0)
    assert article[1] + article[2] == 180
    for row in frame.itertuples(index=False):
        assert (row[1] + row[2]) / row[2] == pytest.approx(row[3])


def test_builds_are_counted_before_they_are_made():
    assert cache.count(4, 2) == 4 * 2 * 4
    assert cache.count(1, 1, (Scenario.SCRIPT,)) == 2
