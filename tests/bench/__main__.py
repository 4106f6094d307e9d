"""Run the topics, print each row as it comes, and keep rows, runs and chart in ``bench/``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers import bases
from helpers import engine as engines
from helpers.engine import Engine
from helpers.host import paths
from helpers.host.errors import WorkbookError
from tests.bench import chart, growth, images, overhead, preparation, startup
from tests.bench.rows import Row

FOLDER = paths.ROOT / "bench"
TOPICS: dict[str, Callable[[Engine], Iterator[Row]]] = {
    "startup": startup.measure,
    "overhead": overhead.measure,
    "images": images.measure,
    "growth": growth.measure,
    "preparation": preparation.measure,
}


def main() -> None:
    """Measure the topics that the command line names, all by default; exit with 1 for a missed goal."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(TOPICS)}; all")
    wanted = parser.parse_args().topics or list(TOPICS)
    if unknown := sorted(set(wanted) - set(TOPICS)):
        parser.error(f"no topic {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    try:
        rows = run(wanted, engines.find(), FOLDER)
    except WorkbookError as error:
        sys.exit(str(error))
    if any(row["holds"] is False for row in rows):
        sys.exit("A goal was missed; see bench/results.json.")


def run(topics: list[str], engine: Engine, folder: Path) -> list[dict[str, Any]]:
    """Measure topics, keep the results in a folder after each, and return all rows there are then."""
    notes = [base.note for base in (bases.find(name, engine) for name in bases.ARTICLE) if base]
    conditions = {"engine": engine.description, "bases": notes, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    others = set(TOPICS) - set(topics)
    rows = [row for row in _kept(folder / "results.json", []) if row.get("topic") in others]
    known = {row["figure"] for row in rows}
    raw = {name: runs for name, runs in _kept(folder / "raw.json", {}).items() if name in known}
    for topic in topics:
        for row in TOPICS[topic](engine):
            print(row, flush=True)
            rows.append({"topic": topic, **row.to_dict(), **conditions})
            raw[row.figure] = row.raw()
        rows.sort(key=lambda row: list(TOPICS).index(row["topic"]))
        _keep(folder, rows, raw)
    return rows


def _keep(folder: Path, rows: list[dict[str, Any]], raw: Mapping[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in (("results.json", rows), ("raw.json", raw)):
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    if rows:
        chart.bench(rows, _caption(rows)).save(folder / "results.png")


def _caption(rows: list[dict[str, Any]]) -> str:
    notes = dict.fromkeys(note for row in rows for note in row["bases"])
    parts = (
        dict.fromkeys(row["engine"] for row in rows),
        notes,
        dict.fromkeys(row["date"] for row in rows),
    )
    return " · ".join("; ".join(part) for part in parts if part)


def _kept(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text()) if path.exists() else otherwise


if __name__ == "__main__":
    main()
