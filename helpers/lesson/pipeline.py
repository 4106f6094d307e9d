"""The verbs of lesson 09: push, pull and redeploy images, and find what that moves and costs.

The first verb that needs a registry starts one on loopback; it ends with the process.
"""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from helpers import claims, engine, plots
from helpers.bases import local_registry
from helpers.buildx import BuildResult, live
from helpers.claims import Day, Waits, figures
from helpers.engine import deploy_host
from helpers.engine.deploy_host import DeployHost, Pull
from helpers.host import tables
from helpers.host.tables import MB
from helpers.image import image
from helpers.lesson import verbs
from helpers.lesson.widgets import Calculator
from helpers.measure import cost, exports, pipeline, sample
from helpers.measure import fleet as fleets
from helpers.measure.cost import Plan
from helpers.measure.fleet import Delivery, Fleet
from helpers.measure.pipeline import Change, TransferBytes
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd

    from helpers.engine import Engine

SITUATIONS = {
    "on disk": "uncompressed",
    "first pull": "first",
    "pull onto its base": "with_base",
    "dependency edit": "dependency",
    "source edit": "source",
}
WAYS = {
    "as the article counts": "counted",
    "to empty nodes": "empty",
    "to a node that keeps its layers": "kept",
}
EPOCH = "1735689600"  # the start of 2025; a project takes the time of its last commit
NODES = (10, 100, 1_000, 10_000, 100_000)
ON_EMPTY, ONCE_PULLED = "pull on an empty node", "start once pulled"

_serving = contextlib.ExitStack()
_address: str | None = None
_machine: Engine | None = None
_measured: dict[str, TransferBytes] = {}


def registry() -> str:
    """Return the address of the lesson's registry; the first call starts it, empty."""
    global _address
    if _address is None:
        _address = _serving.enter_context(local_registry.serving())
        atexit.register(_serving.close)
    return _address


def build(name: str) -> BuildResult:
    """Build a Dockerfile of the sample app live, as a version of a release that no cache has seen.

    A cache may hold several results of one step, because each build without the cache adds one. All
    versions of a new release use the same result. Versions of an older release may not, and then
    unchanged layers would differ. Names are those of `lesson.build`.
    """
    verbs.app().write("src/release.ts", f"export const release = '{pipeline.RELEASE}';\n")
    own = verbs.app().path / name
    file = own if own.is_file() else sample.dockerfile(name)
    short = file.name.removesuffix(".Dockerfile").lstrip("0123456789_")
    with live.watcher(short) as watch:
        return pipeline.build_release(short, file, verbs.app().path, watch)


def push(result: BuildResult) -> pd.DataFrame:
    """Push an image to the registry; return the new blobs there, and the seconds of the push."""
    pushed = pipeline.push(result, registry())
    rows = [(pipeline.label(result), len(pushed.new), pushed.moved_bytes / MB, pushed.seconds)]
    return tables.frame(rows, columns=["image", "new blobs", "moved MB", "seconds"])


def empty_host() -> DeployHost:
    """Return an empty deploy host."""
    return deploy_host.fresh(engine.find().architecture)


def pull(host: DeployHost, result: BuildResult) -> pd.DataFrame:
    """Pull a pushed image onto a host; return one row for each layer, with the bytes transferred."""
    reference = f"{pipeline.repository(result, registry())}:{pipeline.FIRST_VERSION}"
    return _layers(host.pull(reference), result)


def redeploy(
    host: DeployHost, result: BuildResult, change: str = "source edit", *, cold: bool = False
) -> pd.DataFrame:
    """Rebuild an image after a change and deploy it onto a host.

    The change is a ``source edit``, a ``dependency edit``, or a ``changed base``.
    ``cold`` rebuilds without a cache, like a runner without a cache. Returns the bytes transferred.
    """
    pulled = pipeline.redeploy(host, result, Change(change), registry(), cold=cold)
    return _layers(pulled, result)


def _layers(pulled: Pull, result: BuildResult) -> pd.DataFrame:
    """Name the layers by their instructions; the base's layers share a row, the documents another."""
    import pandas as pd

    base = pipeline.final_base(result)
    below = len(pipeline.layers(result, base.reference))
    own = pulled.history[below - len(pulled.layers) :]
    names = [f"FROM {base.name}"] * below + [image.instruction(words) for words in own]
    rows = [(name, a.bytes, a.moved_bytes) for name, a in zip(names, pulled.layers, strict=True)]
    documents = [a for a in pulled.arrivals if a.kind != "layer"]
    rows += [("manifest and config", a.bytes, a.moved_bytes) for a in documents]
    frame = pd.DataFrame(rows, columns=["layer", "compressed kB", "moved kB"])
    frame = frame.groupby("layer", sort=False, as_index=False).sum()
    total = pd.DataFrame([("all", *frame.iloc[:, 1:].sum())], columns=frame.columns)
    frame = pd.concat([frame, total], ignore_index=True)
    frame[["compressed kB", "moved kB"]] /= 1e3
    return frame.round(1)


def moves(*results: BuildResult) -> pd.DataFrame:
    """Return the MB that each image moves in each situation; each image is measured only once."""
    for result in results:
        moves_of(result)
        print(f"{pipeline.label(result)}: pushed, pulled and redeployed twice", flush=True)
    rows = [
        (pipeline.label(r), *(getattr(moves_of(r), name) / MB for name in SITUATIONS.values()))
        for r in results
    ]
    return tables.frame(rows, columns=["variant", *SITUATIONS])


def moves_of(result: BuildResult) -> TransferBytes:
    """Return the bytes that an image moves in each situation; it is measured only once."""
    if result.image_id not in _measured:
        _measured[result.image_id] = pipeline.measure(result, registry())
    return _measured[result.image_id]


def day(result: BuildResult) -> Day:
    """Return the GB of a day with the article's number of deploys to one host."""
    return cost.day(moves_of(result), claims.DEPLOYS)


def chart_day(naive: BuildResult, small: BuildResult, *others: BuildResult) -> Chart:
    """Draw a day's transfer by three ways of counting, beside the article's figures for two images."""
    results = (naive, small, *others)
    rows = [(pipeline.label(r), *(getattr(day(r), name) for name in WAYS.values())) for r in results]
    said = {pipeline.label(naive): claims.NAIVE_GB, pipeline.label(small): claims.SMALL_GB}
    frame = tables.frame(rows, columns=["variant", *WAYS])
    return plots.day(frame, said, verbs.conditions(*results))


def waits(*results: BuildResult, repeats: int = 3) -> dict[str, Waits]:
    """Time pulls on empty hosts and starts once pulled, the images in turns; add the bytes kept."""
    for result in results:  # an image's first start reads its files from disk: not counted
        moves_of(result)
        pipeline.seconds_to_first_response(result)
    pulls = figures.interleaved(repeats, {pipeline.label(r): _puller(r) for r in results})
    answers = figures.interleaved(2 * repeats - 1, {pipeline.label(r): _starter(r) for r in results})
    return {
        name: Waits(pulls[name], answers[name], moves_of(result).stored)
        for name, result in zip(pulls, results, strict=True)
    }


def _puller(result: BuildResult) -> Callable[[], float]:
    reference = f"{pipeline.repository(result, registry())}:{pipeline.FIRST_VERSION}"
    return lambda: pipeline.seconds_to_pull(reference, result.engine.architecture)


def _starter(result: BuildResult) -> Callable[[], float]:
    return lambda: pipeline.seconds_to_first_response(result)


def chart_waits(measured: Mapping[str, Waits], *results: BuildResult) -> Chart:
    """Draw the seconds of pulls on an empty host and of starts once pulled."""
    rows = [
        (name, situation, spread_of.median, spread_of.low, spread_of.high)
        for name, waited in measured.items()
        for situation, spread_of in ((ON_EMPTY, waited.pull), (ONCE_PULLED, waited.start))
    ]
    columns = ["variant", "situation", "median s", "min s", "max s"]
    return plots.waits(tables.frame(rows, columns=columns), verbs.conditions(*results))


def storage(*results: BuildResult) -> pd.DataFrame:
    """Return the MB kept in the registry for three versions of each image, beside three whole images."""
    rows = [
        (pipeline.label(r), m.uncompressed / MB, 3 * m.first / MB, m.stored / MB)
        for r in results
        for m in [moves_of(r)]
    ]
    columns = ["variant", "one on disk MB", "three times compressed MB", "three versions kept MB"]
    return tables.frame(rows, columns=columns).round(1)


def monthly_cost(result: BuildResult, plan: Plan | None = None) -> pd.DataFrame:
    """Return the GB and USD of a month for one image; give your own plan with `Plan(…)`."""
    return cost.month(moves_of(result), plan or Plan()).round(2)


def chart_cost(result: BuildResult, plan: Plan | None = None) -> Chart:
    """Draw the cost of a month for one image."""
    frame = cost.month(moves_of(result), plan or Plan())
    return plots.cost(frame, _caption(plan or Plan(), result))


def calculator(*results: BuildResult, plan: Plan | None = None) -> Calculator:
    """Return the month's cost with controls for the image, the plan and the prices."""
    known = {pipeline.label(r): moves_of(r) for r in results}
    return Calculator(known, pipeline.label(results[0]), plan or Plan(), verbs.conditions(*results))


def _caption(plan: Plan, result: BuildResult) -> str:
    nodes = "1 node" if plan.nodes == 1 else f"{plan.nodes} nodes"
    return (
        f"{pipeline.label(result)}, {plan.deploys_a_day} deploys a day to {nodes}, "
        f"{plan.fresh:.0%} of the pulls by empty nodes, {plan.dependency:.0%} with new dependencies · "
        f"{verbs.conditions(result)}"
    )


def check_model(result: BuildResult) -> pd.DataFrame:
    """Pull three versions onto one real host; return the kB beside those that the model adds up."""
    known = moves_of(result)
    pulled = pipeline.in_sequence(result, registry())
    said = ("first pull", *Change)
    modelled = (known.first, known.source, known.dependency)
    rows = [
        (what, model / 1e3, moved / 1e3)
        for what, model, moved in zip(said, modelled, pulled.values(), strict=True)
    ]
    return tables.frame(rows, columns=["pull", "model kB", "moved kB"]).round(1)


def fleet(
    naive: BuildResult, small: BuildResult, pruned: BuildResult, plan: Fleet | None = None
) -> pd.DataFrame:
    """Return what a registry serves to a fleet, simulated: GB on an average day, Gbit/s at the peak.

    Each row changes one thing more than the row above; the first row is the article's count.
    """
    plan = plan or Fleet(nodes=10_000)
    counted = plan.nodes * plan.deploys_a_day * moves_of(naive).uncompressed
    simulated = {
        pipeline.label(naive): fleets.simulate(moves_of(naive), plan),
        pipeline.label(small): fleets.simulate(moves_of(small), plan),
        pipeline.label(pruned): fleets.simulate(moves_of(pruned), plan),
        "with COPY --link": fleets.simulate(moves_of(pruned), plan, linked=True),
        "behind mirrors": fleets.simulate(moves_of(pruned), plan, Delivery.MIRROR, linked=True),
        "among peers": fleets.simulate(moves_of(pruned), plan, Delivery.PEERS, linked=True),
    }
    rows = [("as the article counts", counted / cost.GB, float("nan"))]
    for way, traffic in simulated.items():
        rows.append((way, traffic.day_bytes / cost.GB, 8 * traffic.peak_bytes_a_second / cost.GB))
    return tables.frame(rows, columns=["way", "GB a day", "Gbit/s at the peak"]).round(3)


def chart_fleet(
    naive: BuildResult, small: BuildResult, pruned: BuildResult, plan: Fleet | None = None
) -> Chart:
    """Draw the GB a day that a registry serves to fleets of 10 to 100,000 nodes, simulated."""
    plan = plan or Fleet()
    ways = {
        **{pipeline.label(r): (r, Delivery.DIRECT) for r in (naive, small, pruned)},
        f"{pipeline.label(naive)}, mirrors": (naive, Delivery.MIRROR),
        f"{pipeline.label(pruned)}, mirrors": (pruned, Delivery.MIRROR),
        f"{pipeline.label(pruned)}, peers": (pruned, Delivery.PEERS),
    }
    rows = [
        [
            fleets.simulate(moves_of(r), replace(plan, nodes=count), delivery).day_bytes / cost.GB
            for r, delivery in ways.values()
        ]
        for count in NODES
    ]
    frame = tables.frame(rows, columns=list(ways)).set_axis(list(NODES))
    caption = (
        f"Simulated, seed {fleets.SEED} · {plan.deploys_a_day} deploys a day, "
        f"{plan.dependency:.0%} with new dependencies, {plan.cold:.0%} of the pulls by cold nodes, "
        "a new base a week · "
        f"bytes measured on {verbs.conditions(naive, small, pruned)}"
    )
    return plots.fleet(frame, caption)


def _exporter() -> Engine | None:
    """Return the lesson's engine that exports images into archives; if there is none, print why."""
    global _machine
    if not exports.available():
        print(
            "Not measured here: it needs an engine with the containerd image store, or the private "
            "engine (`make engine`)."
        )
    elif _machine is None:
        _machine = _serving.enter_context(exports.exporter(sample.dockerfile("distroless_pruned")))
        atexit.register(_serving.close)
    return _machine


def change_base(*names: str) -> pd.DataFrame | None:
    """Export Dockerfiles, and again on a base with a fix; return how much of the layers is new.

    All are built on the bases of ``distroless_pruned``. When no image can be exported, this prints why
    and returns None.
    """
    machine, rows = _exporter(), []
    if machine is None:
        return None
    with live.series("base changed", len(names)) as say:
        for name in names:
            say(name)
            file = sample.dockerfile(name)
            before, after = exports.before_and_after(file, verbs.app().path, machine)
            new = [size for digest, size in after.layers.items() if digest not in before.layers]
            rows.append((name, len(after.layers) - len(new), len(new), sum(new) / 1e3))
    columns = ["variant", "layers kept", "layers that move", "moved kB"]
    return tables.frame(rows, columns=columns).round(1)


def reproduce(name: str) -> pd.DataFrame | None:
    """Build a Dockerfile twice without a cache; compare both images, unchanged and with rewritten times.

    It is built on the bases of ``distroless_pruned``. When no image can be exported, this prints why and
    returns None.
    """
    machine = _exporter()
    if machine is None:
        return None
    file, context = sample.dockerfile(name), verbs.app().path
    epoch = {"SOURCE_DATE_EPOCH": EPOCH}
    built, rewritten = [], []
    with live.series("reproducible", 2) as say:
        for turn in ("first", "second"):
            say(f"{turn} build, without a cache")
            plain = ("--provenance=false", "--no-cache")
            built.append(exports.export(file, context, machine, *plain))
            again = exports.export(
                file, context, machine, plain[0], build_args=epoch, rewrite_timestamps=True
            )
            rewritten.append(again)
    rows = []
    for way, (one, other) in (("as built", built), ("rewritten", rewritten)):
        alike = len(one.layers.keys() & other.layers)
        rows.append((way, one.digest[7:19], other.digest[7:19], alike, len(one.layers)))
    columns = ["times in the layers", "first build", "second build", "layers alike", "of"]
    return tables.frame(rows, columns=columns)
