"""Measure what the workbook costs against the same work typed by hand, side by side in one run.

``python -m helpers.bench`` writes ``bench/results.json`` (one row a figure) and ``bench/raw.json``
(every run). The two sides take turns (A B A B), so that whatever else the machine does falls on both.
A row has ``figure``, ``unit``, ``project`` and ``peer`` (``name``, ``runs``, ``median``, ``min``,
``max``), ``ratio`` (project ÷ peer), ``goal``, ``holds``, ``engine``, ``bases`` and ``date``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from helpers import build, claims, engine, places, sample, workspace
from helpers.build import Request
from helpers.engine import Engine

FOLDER = places.ROOT / "bench"
VARIANT = "distroless_pruned"

# A cold build that asks no registry of packages: npm's answers differ by minutes from run to run, and
# would drown what is looked for here. Each step works for about half a second and prints a page.
STEADY = "FROM node:20-alpine\nCOPY . /app\n" + "".join(
    f"RUN node -e \"let h='{step}';for(let i=0;i<3e5;i++)"
    "h=require('crypto').createHash('sha256').update(h).digest('hex');"
    'for(let i=0;i<50;i++)console.log(i,h)"\n'
    for step in range(8)
)


@dataclass(frozen=True)
class Pair:
    """What the workbook does, what one would type instead, how often, and the goal."""

    figure: str
    project: Callable[[], object]
    peer: Callable[[], object]
    peer_name: str
    runs: int
    goal: str
    holds: Callable[[float, float], bool]


def main() -> None:
    """Run every pair, print it, and keep the results."""
    where = engine.find()
    with workspace.copy() as app:
        request = Request(sample.dockerfile(VARIANT), app.path, "workbook/bench")
        first = build.build(request, where=where)
        rows, raw = [], {}
        steady = Request(app.write("steady.Dockerfile", STEADY), app.path, "workbook/bench", cold=True)
        for pair in _pairs(request, steady, where):
            taken = _interleaved(pair)
            raw[pair.figure] = taken
            rows.append(_row(pair, taken, where, [base.note for base in first.bases]))
            print(_line(rows[-1]), flush=True)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "results.json").write_text(json.dumps(rows, indent=2) + "\n")
    (FOLDER / "raw.json").write_text(json.dumps(raw, indent=2) + "\n")
    if not all(row["holds"] for row in rows):
        sys.exit("A goal was missed; see bench/results.json.")


def _pairs(request: Request, cold: Request, where: Engine) -> list[Pair]:
    return [
        Pair(
            figure=f"a fully cached build of {VARIANT}",
            project=lambda: build.build(request, where=where),
            peer=_typed(request, where),
            peer_name="docker buildx build",
            runs=15,
            goal="at most 0.15 s more",
            holds=lambda mine, theirs: mine - theirs <= 0.15,
        ),
        Pair(
            figure="a cold build of eight steps without network",
            project=lambda: build.build(cold, where=where),
            peer=_typed(cold, where),
            peer_name="docker buildx build --no-cache",
            runs=9,
            goal="at most 1.02 times",
            holds=lambda mine, theirs: mine / theirs <= 1.02,
        ),
    ]


def _typed(request: Request, where: Engine) -> Callable[[], object]:
    command = build.plan(request, where)
    environment = where.process_environment()

    def run() -> object:
        return subprocess.run(command, env=environment, check=True, capture_output=True)

    return run


def _interleaved(pair: Pair) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {"project": [], "peer": []}
    for number in range(pair.runs):
        sides = [("project", pair.project), ("peer", pair.peer)]
        for name, work in sides if number % 2 else reversed(sides):
            begun = time.monotonic()
            work()
            taken[name].append(time.monotonic() - begun)
    return taken


def _row(pair: Pair, taken: dict[str, list[float]], where: Engine, bases: list[str]) -> dict[str, Any]:
    project = _summary("workbook", taken["project"])
    peer = _summary(pair.peer_name, taken["peer"])
    return {
        "figure": pair.figure,
        "unit": "s",
        "project": project,
        "peer": peer,
        "ratio": round(project["median"] / peer["median"], 4),
        "goal": pair.goal,
        "holds": pair.holds(project["median"], peer["median"]),
        "engine": where.description,
        "bases": bases,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def _summary(name: str, seconds: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "runs": len(seconds),
        "median": round(statistics.median(seconds), 4),
        "min": round(min(seconds), 4),
        "max": round(max(seconds), 4),
    }


def _line(row: dict[str, Any]) -> str:
    sides = [
        f"{side['name']} {side['median']:.3f} s "
        f"({side['min']:.3f}-{side['max']:.3f}, {side['runs']} runs)"
        for side in (row["project"], row["peer"])
    ]
    verdict = claims.Verdict.HOLDS if row["holds"] else claims.Verdict.FAILS
    return f"{row['figure']}: {' | '.join(sides)} | ratio {row['ratio']:.3f} | {row['goal']}: {verdict}"


if __name__ == "__main__":
    main()
