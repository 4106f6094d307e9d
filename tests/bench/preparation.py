"""How long the stand-ins take from nothing: all of them together against the slowest one alone.

Each run has an engine of its own, with nothing in it, and empty caches. It needs root on Debian, as
stand-ins and a private engine do; elsewhere there is nothing to measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from helpers import bases
from helpers import engine as engines
from helpers.engine import Engine, PrivateEngine
from helpers.host import paths
from helpers.host.errors import WorkbookError
from tests.bench import probe, rows
from tests.bench.rows import Row
from tests.engines import matrix

SLOWEST = "node:20"
_SETTINGS: Mapping[str, str] = {"WORKBOOK_STANDINS": "only"}


def measure(_engine: Engine) -> Iterator[Row]:
    """Prepare the article's three bases, and the largest of them, each from nothing."""
    try:
        matrix.require_possible()
    except WorkbookError:
        return
    yield rows.compare(
        f"stand-ins for {len(bases.ARTICLE)} bases from nothing",
        _from_nothing(bases.ARTICLE),
        (f"{SLOWEST} alone", _from_nothing([SLOWEST])),
        runs=1,
        goal=("at most 1.5 times", lambda mine, theirs: mine <= 1.5 * theirs),
    )


def _from_nothing(names: Sequence[str]) -> Callable[[], float]:
    def prepare() -> float:
        with paths.temporary() as folder:
            own = PrivateEngine(folder / "engine", programs=_programs())
            try:
                own.start()
                state, engine = folder / "state", engines.of(own)
                return probe.of("bases", *names, engine=engine, state=state, settings=_SETTINGS).seconds
            finally:
                own.remove()

    return prepare


def _programs() -> Path | None:
    """Return the programs of the private engine that is installed already, so that none is fetched."""
    installed = PrivateEngine()
    return installed.programs if installed.installed else None
