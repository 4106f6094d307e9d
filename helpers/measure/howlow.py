"""Measure what a smaller image costs when it runs: its start, its memory, and what works no more.

It takes images that exist; what can be read off their files is `helpers.image.inventory`. It builds
nothing, judges nothing and draws nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from helpers import engine as engines
from helpers.claims.figures import Spread
from helpers.engine import Running
from helpers.engine import container as containers
from helpers.host import processes

if TYPE_CHECKING:
    from helpers.engine import Engine

_OWN_CODE = 7  # an exit code that only our own line of JavaScript gives
_INSPECTOR_PATIENCE = 15.0  # seconds that Node gets to open its inspector
_SPAWNS = "require('node:child_process').execFileSync(process.execPath, ['-e', '0'])"


@dataclass(frozen=True)
class InUse:
    """What a running container of an image takes, and what can be done with it.

    ``own_bytes`` is the memory that no other container can share: anonymous pages and those of
    memory files, as the engine accounts them, None where it does not. ``script_seconds`` is how long
    ``docker exec`` of one empty line of JavaScript takes, None where the image's program runs no script
    of ours; so long takes a health check at least. ``spawns`` says whether Node can start itself anew,
    as ``fork`` and ``cluster`` do; ``inspector`` whether it opens its debugger on SIGUSR1.
    """

    own_bytes: int | None
    script_seconds: float | None
    spawns: bool
    inspector: bool


@dataclass(frozen=True)
class Start:
    """How an image started, round by round.

    ``seconds`` went from ``docker start`` to the first answer over HTTP; ``cpu_seconds`` are what the
    container took of the CPU until then, None where the engine does not account for it. The first grow
    with what else runs on the machine, the second hardly do; the difference of two images is about the
    same in both where a core is idle.
    """

    seconds: Spread
    cpu_seconds: Spread | None


def starts(images: Mapping[str, str], repeats: int, engine: Engine | None = None) -> dict[str, Start]:
    """Start each image ``repeats`` times, one of each a round; ``images`` gives them by a name.

    Raises `ContainerError`.
    """
    engine = engine or engines.find()
    rounds = [{name: _start(image, engine) for name, image in images.items()} for _ in range(repeats)]
    taken = {name: [one[name] for one in rounds] for name in images}
    spreads = {name: [Spread(values) for values in zip(*taken[name], strict=True)] for name in images}
    return {name: Start(s, cpu if engine.accounts else None) for name, (s, cpu) in spreads.items()}


def _start(image: str, engine: Engine) -> tuple[float, float]:
    with containers.running(image, engine=engine) as api:
        return api.ready_seconds, cpu_seconds(_stats(api))


def _stats(api: Running) -> dict[str, Any]:
    return cast("dict[str, Any]", api.container.stats(stream=False, one_shot=True))


def cpu_seconds(stats: Mapping[str, Any]) -> float:
    """Return the CPU seconds in the engine's figures of a container, which counts nanoseconds."""
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def in_use(image: str, program: str, engine: Engine | None = None) -> InUse:
    """Run an image and look; ``program`` is what it runs. Raises `ContainerError`."""
    engine = engine or engines.find()
    with containers.running(image, engine=engine) as api:
        own = own_memory(_stats(api)) if engine.accounts else None
        begun = time.monotonic()
        code, _ = api.execute(program, "-e", f"process.exit({_OWN_CODE})")
        seconds = time.monotonic() - begun if code == _OWN_CODE else None
        spawns = seconds is not None and api.execute(program, "-e", _SPAWNS)[0] == 0
        return InUse(own, seconds, spawns, _opens_inspector(api))


def own_memory(stats: Mapping[str, Any]) -> int:
    """Return the bytes of anonymous pages and memory files in the engine's figures of a container.

    They are what would have to go to swap: the kernel keeps both on its lists of anonymous memory, by
    the same names in cgroup v2 and, for a whole group, with ``total_`` in v1 (Linux,
    Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
    """
    detail = stats["memory_stats"]["stats"]
    total = "total_" if "total_active_anon" in detail else ""
    return int(detail[f"{total}active_anon"] + detail[f"{total}inactive_anon"])


def _opens_inspector(api: Running) -> bool:
    api.container.kill(signal="SIGUSR1")
    return processes.wait_for(
        lambda: b"Debugger listening on" in api.container.logs(), _INSPECTOR_PATIENCE
    )


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names on the Pareto front: no other point is as good in both and better in one.

    A point is a size and a time, in any units; smaller is better.
    """

    def beaten(mine: tuple[float, float]) -> bool:
        return any(o != mine and o[0] <= mine[0] and o[1] <= mine[1] for o in points.values())

    return [name for name, point in points.items() if not beaten(point)]
