"""Measure what a smaller image costs when it runs: its start, its memory, and what no longer works.

This module runs images that exist; it builds, judges and draws nothing. `helpers.image.inventory` finds
what can be read from their files.
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

_OWN_CODE = 7  # an exit code that only this module's JavaScript gives
_INSPECTOR_PATIENCE = 15.0  # seconds in which Node must open its inspector
_SPAWNS = "require('node:child_process').execFileSync(process.execPath, ['-e', '0'])"


@dataclass(frozen=True)
class InUse:
    """What a running container of an image uses, and what can be done with it.

    ``own_bytes`` is the memory that containers cannot share: anonymous pages and pages of memory files,
    as the engine counts them; None when the engine does not count them. ``script_seconds`` is the time
    of ``docker exec`` with an empty JavaScript line, which is the least time of a health check; None
    when the image's program cannot run such a line. ``spawns`` is True when Node can start a second
    Node, as ``fork`` and ``cluster`` do. ``inspector`` is True when Node opens its debugger on SIGUSR1.
    """

    own_bytes: int | None
    script_seconds: float | None
    spawns: bool
    inspector: bool


@dataclass(frozen=True)
class Start:
    """The starts of an image, one for each round.

    ``seconds`` is the time from ``docker start`` to the first HTTP response. ``cpu_seconds`` is the
    container's CPU time until then; None when the engine does not count it. On a busy machine
    ``seconds`` grows, but ``cpu_seconds`` hardly does. When a core is idle, two images differ by about
    the same in both.
    """

    seconds: Spread
    cpu_seconds: Spread | None


def starts(images: Mapping[str, str], repeats: int, engine: Engine | None = None) -> dict[str, Start]:
    """Start each image ``repeats`` times, once in each round; ``images`` maps a name to an image.

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
    """Return a container's CPU seconds; ``stats`` are the engine's figures, in nanoseconds."""
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def in_use(image: str, program: str, engine: Engine | None = None) -> InUse:
    """Run an image and measure it; ``program`` is the program it runs. Raises `ContainerError`."""
    engine = engine or engines.find()
    with containers.running(image, engine=engine) as api:
        own = own_memory(_stats(api)) if engine.accounts else None
        begun = time.monotonic()
        code, _ = api.execute(program, "-e", f"process.exit({_OWN_CODE})")
        seconds = time.monotonic() - begun if code == _OWN_CODE else None
        spawns = seconds is not None and api.execute(program, "-e", _SPAWNS)[0] == 0
        return InUse(own, seconds, spawns, _opens_inspector(api))


def own_memory(stats: Mapping[str, Any]) -> int:
    """Return the bytes of a container's anonymous pages and memory files, from the engine's figures.

    Only swap could take these pages: the kernel keeps both on its lists of anonymous memory. The names
    are the same in cgroup v2 and v1; v1 puts ``total_`` before the figures of a whole group (Linux,
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
    """Return the names on the Pareto front: no other point is as good in both values and better in one.

    A point is a size and a time, in any units; smaller is better.
    """

    def beaten(mine: tuple[float, float]) -> bool:
        return any(o != mine and o[0] <= mine[0] and o[1] <= mine[1] for o in points.values())

    return [name for name, point in points.items() if not beaten(point)]
