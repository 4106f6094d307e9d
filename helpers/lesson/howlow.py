"""The verbs of lesson 10: how small an image gets, how it starts, what it costs, and the two goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers import claims, plots
from helpers.buildx import BuildResult
from helpers.claims import Goal
from helpers.claims.figures import Spread
from helpers.host import tables
from helpers.host.tables import MB
from helpers.image import inventory
from helpers.image.image import ImageFacts
from helpers.lesson import verbs
from helpers.measure import howlow, sample
from helpers.measure.howlow import Start
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd

REPEATS = 5
_NOT_COUNTED = "not counted"  # an engine without cgroups does not count
_COLUMNS = ("variant", "on disk MB", "start s", "min s", "max s", "CPU s")


def goals() -> pd.DataFrame:
    """Return the lesson's two goals, which are the workbook's own, not the article's."""
    small = f"has {claims.SMALLEST_MB:.0f} MB on disk or less, and answers as the others do"
    quick = (
        f"has less than {claims.SMALL_MB:.0f} MB on disk, "
        f"and takes at most {claims.LATER_SECONDS} s of CPU more to start than plain Node"
    )
    return tables.frame([(1, small), (2, quick)], columns=["goal", "an image that"])


@dataclass(frozen=True)
class Starts:
    """The starts of images, up to their first answer; the first image is the plain one."""

    results: tuple[BuildResult, ...]
    starts: tuple[Start, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each image: its size, its start's seconds (median, range), CPU seconds."""
        rows = [
            (
                verbs.label(r),
                r.uncompressed_bytes / MB,
                *_range(s.seconds),
                s.cpu_seconds.median if s.cpu_seconds else _NOT_COUNTED,
            )
            for r, s in zip(self.results, self.starts, strict=True)
        ]
        return tables.frame(rows, columns=_COLUMNS)

    def _repr_html_(self) -> str:
        return str(self.to_frame().round(2).to_html(index=False, border=0))

    def __repr__(self) -> str:
        return self.to_frame().round(2).to_string(index=False)


def _range(spread: Spread) -> tuple[float, float, float]:
    return spread.median, spread.low, spread.high


def starts(*results: BuildResult, repeats: int = REPEATS) -> Starts:
    """Start each image ``repeats`` times, in turns, and time it; the first image is the plain one."""
    images = {result.image_id: result.image_id for result in results}
    taken = howlow.starts(images, repeats, results[0].engine)
    return Starts(results, tuple(taken[result.image_id] for result in results))


def chart_frontier(measured: Starts) -> Chart:
    """Draw size against start, with the goals: in CPU seconds, or in seconds where no CPU is counted."""
    cpu = [start.cpu_seconds for start in measured.starts if start.cpu_seconds]
    counted = len(cpu) == len(measured.starts)
    spreads = cpu if counted else [start.seconds for start in measured.starts]
    frame = measured.to_frame()
    frame[["start s", "min s", "max s"]] = [_range(spread) for spread in spreads]
    points = frame.set_index("variant")[["on disk MB", "start s"]].itertuples(name=None)
    frame["on the front"] = frame["variant"].isin(howlow.pareto_front({n: (x, y) for n, x, y in points}))
    return plots.frontier(
        frame,
        goals_mb=(claims.SMALLEST_MB, claims.SMALL_MB),
        latest_s=spreads[0].median + claims.LATER_SECONDS,
        cpu=counted,
        caption=verbs.conditions(*measured.results),
    )


def in_use(*results: BuildResult) -> pd.DataFrame:
    """Return one row for each image: what its running container uses, and what can be done with it.

    Its own memory is the memory that containers cannot share. ``node -e`` is the time of an empty line
    of JavaScript through ``docker exec``, which is the least time of a health check.
    """
    rows = []
    for result in results:
        run = howlow.in_use(result.image_id, _facts(result).entrypoint[0], result.engine)
        script = "does not run" if run.script_seconds is None else f"{run.script_seconds:.2f} s"
        answers = (_word(run.spawns), _word(run.inspector))
        own = _NOT_COUNTED if run.own_bytes is None else run.own_bytes / MB
        rows.append((verbs.label(result), own, script, *answers))
    columns = ["variant", "own memory MB", "node -e", "fork()", "debugger on SIGUSR1"]
    return tables.frame(rows, columns=columns)


def seen(*results: BuildResult) -> pd.DataFrame:
    """Return one row for each image: what a scanner can still find in it."""
    rows = []
    for result in results:
        found = inventory.look(result.image, sample.APP)
        counts = (found.system_packages, found.npm_packages, found.scripts)
        node = f"Node {found.node}" if found.node else "not found"
        rows.append((verbs.label(result), *counts, node, _word(found.symbols)))
    columns = [
        *("variant", "system packages", "npm packages", "JavaScript files", "runtime"),
        "native function names",
    ]
    return tables.frame(rows, columns=columns)


def upkeep(*results: BuildResult) -> pd.DataFrame:
    """Return one row for each image: where its Node comes from, and what a change of code transfers."""
    rows = []
    for result in results:
        facts = _facts(result)
        source = "base image" if inventory.of_base(result.image, facts) else "this build"
        moved = inventory.code_layer_bytes(result.image, facts, sample.APP) / MB
        rows.append((verbs.label(result), source, moved))
    columns = ["variant", "Node comes with the", "a code change moves MB"]
    return tables.frame(rows, columns=columns)


def _facts(result: BuildResult) -> ImageFacts:
    used = [base.reference for base in result.bases]
    return result.image.facts(used)


def _word(answer: bool) -> str:
    return "yes" if answer else "no"


def smallest(measured: Starts) -> Goal:
    """Judge the goal for the size; each image was tried out over HTTP."""
    return claims.smallest_image({verbs.label(r): verbs.size(r) for r in measured.results})


def small_and_quick(measured: Starts) -> Goal:
    """Judge the goal for size and start together, compared with the first image."""
    names = [verbs.label(result) for result in measured.results]
    sizes = {name: verbs.size(r) for name, r in zip(names, measured.results, strict=True)}
    pairs = list(zip(names, measured.starts, strict=True))
    seconds = {name: start.seconds for name, start in pairs}
    cpu = {name: start.cpu_seconds for name, start in pairs if start.cpu_seconds}
    return claims.small_and_quick_image(sizes, seconds, cpu, plain=names[0])


def smallest_megabytes(measured: Starts) -> float:
    """Return the size on disk of the smallest image, in MB."""
    return _smallest(measured)[0].uncompressed_bytes / MB


def seconds_later(measured: Starts) -> float:
    """Return how many seconds later than the first image the smallest image answers, by the medians."""
    return _smallest(measured)[1].seconds.median - measured.starts[0].seconds.median


def _smallest(measured: Starts) -> tuple[BuildResult, Start]:
    pairs = zip(measured.results, measured.starts, strict=True)
    return min(pairs, key=lambda pair: pair[0].uncompressed_bytes)
