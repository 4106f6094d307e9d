"""What it takes to look at the naive image: its compressed size, and all files of all its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from helpers import buildx, image
from helpers.bases import local_registry
from helpers.buildx import Request
from helpers.claims.figures import Spread
from helpers.engine import Engine, registry_api
from helpers.host import paths, workspace
from helpers.measure import sample
from tests.bench import probe, rows, typed
from tests.bench.probe import Probe
from tests.bench.rows import OURS, Row, Side

_MB = 1e6
_TAG = "workbook/bench-naive"


class FirstLooks:
    """Looks of new processes that remember nothing, each kept with the memory it took."""

    def __init__(self, verb: str, reference: str, engine: Engine) -> None:
        self.probes: list[Probe] = []
        self._look: Callable[[Path], Probe] = lambda state: probe.of(
            verb, reference, engine=engine, state=state
        )

    def measure(self) -> float:
        """Look once, and return the seconds."""
        with paths.temporary() as state:
            self.probes.append(self._look(state))
        return self.probes[-1].seconds

    def memory(self, figure: str, at_most: float) -> Row:
        """Return the row of the most memory that any of the looks took, in MB (10^6 bytes)."""
        before = max(found.before_mb for found in self.probes)
        name = f"{figure}, {before:.0f} MB of it before"
        return rows.single(name, "MB", [found.peak_mb for found in self.probes], at_most)


def measure(engine: Engine) -> Iterator[Row]:
    """Build the naive image once; then weigh it and list it, each time as if for the first time."""
    with workspace.copy() as app:
        buildx.build(Request(sample.dockerfile("naive"), app.path, _TAG), engine=engine)
    try:
        yield from _size(_TAG, engine)
        yield from _analysis(_TAG, engine)
    finally:
        engine.client.images.remove(_TAG, force=True)


def _size(reference: str, engine: Engine) -> Iterator[Row]:
    megabytes = image.find(reference, engine).uncompressed_bytes / _MB
    figure = f"the compressed size of an image of {megabytes:,.0f} MB"
    environment = engine.process_environment()
    looks = FirstLooks("size", reference, engine)
    save, count = engine.command("save", reference), ("wc", "-c")
    yield rows.compare(
        figure,
        looks.measure,
        (
            "docker save | gzip -6 | wc -c",
            rows.timed(lambda: typed.run(save, ("gzip", "-6"), count, environment=environment)),
        ),
        runs=2,
        goal=("at least 5 times faster", lambda mine, theirs: 5 * mine <= theirs),
    )
    pushed: list[int] = []
    yield rows.compare(
        f"{figure}, and a push",
        looks.measure,
        ("docker push to loopback", push_to_loopback(reference, engine, pushed)),
        runs=3,
        goal=("faster", lambda mine, theirs: mine < theirs),
    )
    yield _accuracy(figure, looks.probes[0].result, pushed[0])
    yield looks.memory(f"the memory for {figure}", at_most=200)
    yield _again(figure, reference, engine)


def push_to_loopback(reference: str, engine: Engine, sizes: list[int]) -> Callable[[], float]:
    """Return a push to an empty registry of our own; it adds the bytes of the layers to ``sizes``."""

    def push() -> float:
        with local_registry.serving(engine) as address:
            done = registry_api.push(reference, f"{address}/bench:first", engine)
            manifest = registry_api.manifest(address, "bench", "first", engine.architecture)
        sizes.append(sum(layer.bytes for layer in manifest.layers))
        return done.seconds

    return push


def _accuracy(figure: str, ours: int, pushed: int) -> Row:
    project, peer = (
        Side(name, Spread((size / _MB,))) for name, size in ((OURS, ours), ("in the registry", pushed))
    )
    holds = abs(ours / pushed - 1) <= 0.02
    return Row(f"{figure}, its bytes", "MB", project, peer, "within 2 % of a push", holds)


def _again(figure: str, reference: str, engine: Engine) -> Row:
    with paths.temporary() as state:
        found = [probe.of("size", reference, engine=engine, state=state) for _ in range(6)]
    return rows.single(
        f"{figure}, known already", "s", [look.seconds for look in found[1:]], at_most=0.5
    )


def _analysis(reference: str, engine: Engine) -> Iterator[Row]:
    looks = FirstLooks("analysis", reference, engine)
    yield rows.compare(
        "every file of every layer of that image, and the waste",
        looks.measure,
        ("docker save | tar -tv", listed_by_tar(reference, engine)),
        runs=3,
        goal=("at most 1.5 times", lambda mine, theirs: mine <= 1.5 * theirs),
    )
    yield looks.memory("the memory for every file of every layer", at_most=300)


def listed_by_tar(reference: str, engine: Engine) -> Callable[[], float]:
    """Return what measures the plain listing of an image's save stream."""
    save, environment = engine.command("save", reference), engine.process_environment()
    return rows.timed(lambda: typed.run(save, ("tar", "-tv"), environment=environment))
