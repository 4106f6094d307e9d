"""Build Dockerfiles in several scenarios, in turns, and keep all runs.

A scenario is what happened to the project since its last build. The cache is never emptied. A cold build
uses ``--no-cache`` and cache mounts with new names; an edit is one that no build has seen before. This
module draws nothing and judges nothing.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import buildx, engine
from helpers.buildx import BuildResult, Request, steps
from helpers.buildx.steps import Served
from helpers.claims import figures
from helpers.claims.figures import Spread
from helpers.host import tables
from helpers.host.errors import WorkbookError
from helpers.host.workspace import Workspace
from helpers.measure import sample

if TYPE_CHECKING:
    import pandas as pd

# This build argument puts a name before the id of each cache mount (BuildKit's Dockerfile reference).
_MOUNTS = "BUILDKIT_CACHE_MOUNT_NS"


class Scenario(StrEnum):
    """What happened since the last build of the project."""

    COLD = "cold"
    UNCHANGED = "nothing changed"
    SOURCE = "a source line changed"
    DEPENDENCY = "a dependency changed"
    SCRIPT = "a script in package.json changed"
    TEST = "a test changed"


USUAL = (Scenario.COLD, Scenario.UNCHANGED, Scenario.SOURCE, Scenario.DEPENDENCY)

_EDITS: Mapping[Scenario, Callable[[Workspace], contextlib.AbstractContextManager[str]]] = {
    Scenario.SOURCE: sample.source_edit,
    Scenario.DEPENDENCY: sample.dependency_edit,
    Scenario.SCRIPT: sample.script_edit,
    Scenario.TEST: sample.test_edit,
}


@dataclass(frozen=True)
class Run:
    """One build of the experiment, with its Dockerfile and its scenario."""

    dockerfile: str
    scenario: Scenario
    result: BuildResult

    @cached_property
    def steps(self) -> list[Served]:
        """The steps of the build, with the text of the Dockerfile's lines."""
        return steps.of(self.result)


@dataclass(frozen=True)
class Experiment:
    """All runs, in the order in which they were made."""

    runs: tuple[Run, ...]

    def of(self, dockerfile: str, scenario: Scenario) -> list[Run]:
        """Return all runs of a Dockerfile in a scenario. Raises `WorkbookError` when there is no run."""
        found = [r for r in self.runs if (r.dockerfile, r.scenario) == (dockerfile, scenario)]
        if not found:
            made = ", ".join(dict.fromkeys(f"{r.dockerfile} ({r.scenario})" for r in self.runs))
            raise WorkbookError(f"There is no run of {dockerfile} ({scenario}); there are {made}.")
        return found

    def seconds(self, dockerfile: str, scenario: Scenario) -> Spread:
        """Return the spread of the build command's wall time, in seconds, over all repeats."""
        return Spread(tuple(run.result.seconds for run in self.of(dockerfile, scenario)))

    def installs(self, dockerfile: str, scenario: Scenario) -> tuple[int, int]:
        """Return how many install steps ran and how many there were, summed over all repeats."""
        installs = [s for run in self.of(dockerfile, scenario) for s in run.steps if s.installs]
        return sum(not step.cached for step in installs), len(installs)

    def times(self) -> pd.DataFrame:
        """Return one row for each scenario and Dockerfile: the median and the range of the seconds."""
        rows = []
        for name, scenario in dict.fromkeys((r.dockerfile, r.scenario) for r in self.runs):
            taken = self.seconds(name, scenario)
            rows.append((name, str(scenario), taken.median, taken.low, taken.high, len(taken.values)))
        columns = ["dockerfile", "scenario", "median s", "min s", "max s", "runs"]
        return tables.frame(rows, columns=columns)

    def timeline(self, dockerfile: str, scenarios: Sequence[Scenario]) -> pd.DataFrame:
        """Return one row for each step and scenario, from the repeat with the median time."""
        rows = [
            (str(scenario), step.stage, step.text, step.started, step.seconds, step.cached)
            for scenario in scenarios
            for step in middle(self.of(dockerfile, scenario)).steps
        ]
        columns = ["scenario", "stage", "step", "start s", "seconds", "cached"]
        return tables.frame(rows, columns=columns)


def middle(runs: Sequence[Run]) -> Run:
    """Return the run with the median time; for an even number, the faster of the two middle runs."""
    return sorted(runs, key=lambda run: run.result.seconds)[(len(runs) - 1) // 2]


def run(
    dockerfiles: Mapping[str, Path],
    app: Workspace,
    *,
    repeats: int = 2,
    scenarios: Iterable[Scenario] = USUAL,
    say: Callable[[str], None] = lambda _: None,
) -> Experiment:
    """Build each of ``dockerfiles`` from ``app`` in each scenario, and return all runs.

    Each of the ``repeats`` rounds builds every Dockerfile once in every scenario, so that slow phases
    of the machine affect all alike. ``say`` is called with a phrase before each build. The images are
    removed at the end. Raises the errors of `helpers.buildx.build`.
    """
    scenarios = tuple(scenarios)
    with _Builder(dockerfiles, app, say) as builder:
        if Scenario.COLD not in scenarios:
            builder.build_once()
        figures.interleaved(repeats, builder.measures(scenarios))
    return Experiment(tuple(builder.runs))


def count(dockerfiles: int, repeats: int, scenarios: Iterable[Scenario] = USUAL) -> int:
    """Return the number of builds that `run` makes, and announces with ``say``."""
    scenarios = tuple(scenarios)
    before = 0 if Scenario.COLD in scenarios else 1
    return dockerfiles * (before + repeats * len(scenarios))


class _Builder:
    """Makes the runs one after another, and removes their images at the end."""

    def __init__(
        self, dockerfiles: Mapping[str, Path], app: Workspace, say: Callable[[str], None]
    ) -> None:
        self.runs: list[Run] = []
        self._dockerfiles = dockerfiles
        self._app = app
        self._say = say
        self._engine = engine.find()
        self._mark = secrets.token_hex(4)
        self._mounts = dict.fromkeys(dockerfiles, self._mark)

    def __enter__(self) -> _Builder:
        return self

    def __exit__(self, *_: object) -> None:
        import requests
        from docker.errors import DockerException

        for name in self._dockerfiles:
            with contextlib.suppress(DockerException, requests.RequestException):
                self._engine.client.images.remove(self._tag(name))

    def measures(self, scenarios: Iterable[Scenario]) -> dict[str, Callable[[], float]]:
        """Return one measurement for each scenario and Dockerfile, in this order."""
        return {
            f"{name}, {scenario}": partial(self._timed_build, name, scenario)
            for scenario in scenarios
            for name in self._dockerfiles
        }

    def build_once(self) -> None:
        """Build each Dockerfile from the unchanged project, so that later builds can use the cache."""
        for name in self._dockerfiles:
            self._say(f"{name}, as it is")
            self._build(name, cold=False)

    def _timed_build(self, name: str, scenario: Scenario) -> float:
        self._say(f"{name}, {scenario}")
        if scenario is Scenario.COLD:
            self._mounts[name] = secrets.token_hex(4)
        with self._edited(scenario):
            result = self._build(name, cold=scenario is Scenario.COLD)
        self.runs.append(Run(name, scenario, result))
        return result.seconds

    @contextlib.contextmanager
    def _edited(self, scenario: Scenario) -> Iterator[None]:
        with _EDITS[scenario](self._app) if scenario in _EDITS else contextlib.nullcontext():
            yield

    def _build(self, name: str, *, cold: bool) -> BuildResult:
        arguments = {_MOUNTS: self._mounts[name]}
        file, tag = self._dockerfiles[name], self._tag(name)
        request = Request(file, self._app.path, tag, build_args=arguments, cold=cold)
        return buildx.build(request, engine=self._engine)

    def _tag(self, name: str) -> str:
        return f"workbook/{name.rpartition('/')[2].lower()}-experiment:{self._mark}"
