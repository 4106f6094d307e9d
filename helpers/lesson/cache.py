"""The verbs of lesson 04: run the scenarios, show which steps ran, compare times, hand a cache over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers import plots
from helpers.buildx import BuildResult, live
from helpers.buildx.steps import covered
from helpers.claims import TIMES_FASTER, Installs
from helpers.claims.figures import Spread
from helpers.host import tables
from helpers.host.tables import MB
from helpers.lesson import verbs
from helpers.measure import cache, ci_cache, sample
from helpers.measure.cache import USUAL, Experiment, Scenario
from helpers.measure.ci_cache import Handover
from helpers.plots import Chart

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def run(*names: str, repeats: int = 1, scenarios: tuple[Scenario, ...] = USUAL) -> Experiment:
    """Build Dockerfiles in the scenarios; a name is a short name or a path in the working copy.

    One round shows whether a step runs. For times, more ``repeats`` reduce the effect of noise.
    """
    files = {name.rpartition("/")[2].removesuffix(".Dockerfile"): _file(name) for name in names}
    total = cache.count(len(files), repeats, scenarios)
    with live.series("experiment", total) as say:
        return cache.run(files, verbs.app(), repeats=repeats, scenarios=scenarios, say=say)


def _file(name: str) -> Path:
    own = verbs.app().path / name
    return own if own.is_file() else sample.dockerfile(name)


def after(scenario: str, *names: str, repeats: int = 1) -> Experiment:
    """Build each Dockerfile once, then ``repeats`` times in a scenario such as ``a test changed``."""
    return run(*names, repeats=repeats, scenarios=(Scenario(scenario),))


def steps(runs: Experiment, name: str) -> pd.DataFrame:
    """Return one row for each step of a Dockerfile, from the top: whether it ran in each scenario."""
    frame = _steps(runs, name)
    frame["state"] = frame["cached"].map({True: "cached", False: "ran"})
    wide = frame.pivot_table(
        index=["stage", "step"], columns="scenario", values="state", aggfunc="first", sort=False
    )
    return wide.reset_index().rename_axis(columns=None)


def _steps(runs: Experiment, name: str) -> pd.DataFrame:
    made = {run.scenario for run in runs.runs if run.dockerfile == name}
    return runs.timeline(name, [scenario for scenario in Scenario if scenario in made])


def times(runs: Experiment) -> pd.DataFrame:
    """Return the median and the range of the seconds, one row for each scenario and Dockerfile."""
    return runs.times()


def chart_steps(runs: Experiment, name: str) -> Chart:
    """Draw which steps of a Dockerfile ran in which scenario."""
    return plots.invalidation(
        _steps(runs, name),
        caption=_conditions(runs),
        title=f"{name}: what ran, and what came from the cache",
    )


def chart_timeline(runs: Experiment, name: str, *scenarios: str) -> Chart:
    """Draw when the steps of a Dockerfile ran, one panel for each scenario; by default all."""
    frame = _steps(runs, name)
    if scenarios:
        frame = frame[frame["scenario"].isin(scenarios)]
    return plots.timeline(frame, caption=_conditions(runs), title=f"{name}: when each step ran")


def chart_times(runs: Experiment) -> Chart:
    """Draw the median time of each Dockerfile in each scenario, with its range."""
    title = "Time from the command to the image"
    return plots.scenarios(runs.times(), caption=_conditions(runs), title=title)


def _conditions(runs: Experiment) -> str:
    return verbs.conditions(*results(runs))


def results(runs: Experiment) -> list[BuildResult]:
    """Return the builds of an experiment, for the ledger."""
    return [run.result for run in runs.runs]


def installs(runs: Experiment, name: str, scenario: str) -> Installs:
    """Return how many install steps ran in a scenario, and how many there were."""
    return Installs(*runs.installs(name, Scenario(scenario)))


def speed_up(runs: Experiment, slow: str, fast: str) -> Spread:
    """Return how many times faster ``fast`` is after a source edit, one ratio for each round."""
    pairs = zip(runs.of(slow, Scenario.SOURCE), runs.of(fast, Scenario.SOURCE), strict=True)
    return Spread(tuple(one.result.seconds / other.result.seconds for one, other in pairs))


def install_share(runs: Experiment, name: str) -> float:
    """Return the install's share of a build's time after a source edit, from 0 to 1."""
    made = runs.of(name, Scenario.SOURCE)
    install = sum(step.seconds for run in made for step in run.steps if step.installs)
    return install / sum(run.result.seconds for run in made)


def nine_times(runs: Experiment, name: str) -> pd.DataFrame:
    """Return the seconds of the install and of the rest, in the median build after a source edit.

    A well-ordered file saves the install and keeps the rest. So it is nine times faster when the install
    takes eight times as long as the rest: (install + rest) / rest = 9.
    """
    run = cache.middle(runs.of(name, Scenario.SOURCE))
    install = sum(step.seconds for step in run.steps if step.installs)
    rest = run.result.seconds - install
    rows = [
        ("measured here", install, rest, (install + rest) / rest),
        ("what nine times needs", (TIMES_FASTER - 1) * rest, rest, TIMES_FASTER),
        ("the article's example", 160.0, 20.0, 9.0),
    ]
    columns = ["case", "install s", "all the rest s", "times faster with order"]
    return tables.frame(rows, columns=columns)


def overlap(runs: Experiment, name: str, scenario: str = "cold") -> pd.DataFrame:
    """Return the seconds that each stage ran, and the seconds in which two or more ran at once.

    ``one after another`` is the time that the same steps would take without overlap.
    """
    ran = [s for s in cache.middle(runs.of(name, Scenario(scenario))).steps if not s.cached]
    stages = list(dict.fromkeys(step.stage for step in ran))
    rows = [(stage, sum(s.seconds for s in ran if s.stage == stage)) for stage in stages]
    total = sum(seconds for _, seconds in rows)
    rows += [("one after another", total), ("as it ran", covered(ran))]
    return tables.frame(rows, columns=["stage", "seconds"]).round(1)


def hand_over(name: str) -> Handover | None:
    """Build on a fresh machine, hand its exported cache to another, and build there after an edit.

    When no fresh machine can be started, this prints why and returns None.
    """
    if not ci_cache.available():
        print("Not measured here: a fresh builder machine needs the private engine (`make engine`).")
        return None
    with live.series("fresh machines", 2) as say:
        return ci_cache.hand_over(_file(name), verbs.app(), say)


def handed_over(handover: Handover | None) -> pd.DataFrame | None:
    """Return which steps ran on each machine."""
    return handover.to_frame() if handover else None


def hand_over_times(handover: Handover | None) -> pd.DataFrame | None:
    """Return the seconds on each machine, and the MB of cache that were handed over."""
    if handover is None:
        return None
    rows = [
        ("first machine: builds everything, exports", handover.first.seconds, handover.cache_bytes / MB),
        (
            "second machine: imports, builds after an edit",
            handover.second.seconds,
            handover.cache_bytes / MB,
        ),
    ]
    return tables.frame(rows, columns=["machine", "seconds", "cache MB"]).round(1)
