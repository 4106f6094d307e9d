"""Run the lessons live, each in a fresh kernel, and write their outputs back into the files.

``python -m helpers.notebooks FILE…`` prints the seconds of each lesson, and its slowest cells. It
compares nothing: nbval does, in the tests.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from helpers.host.errors import WorkbookError

CELL_SECONDS = 1200
SLOWEST = 5


class NotebookError(WorkbookError):
    """A lesson that did not run through."""


@dataclass(frozen=True)
class Ran:
    """The seconds that a lesson took, and those of its cells by their first lines, slowest first."""

    seconds: float
    cells: tuple[tuple[float, str], ...]


def run(file: Path) -> Ran:
    """Execute a notebook and keep its outputs; return what took how long.

    The file is replaced only when every cell ran. Raises `NotebookError` with the cell that failed.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    if not file.is_file():
        raise NotebookError(f"There is no notebook at {file}; check the path.")
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        record_timing=True,
        resources={"metadata": {"path": str(file.parent)}},
    )
    begun = time.monotonic()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        words = [line for line in str(error).splitlines() if line.strip()]
        raise NotebookError(f"{file} stopped: {words[-1]}") from error
    seconds = time.monotonic() - begun
    cells = tuple(sorted(map(_timed, notebook.cells), reverse=True))
    _normalise(notebook)
    fresh = file.with_suffix(".fresh")
    nbformat.write(notebook, fresh)
    fresh.replace(file)
    return Ran(seconds, cells)


def _timed(cell: Any) -> tuple[float, str]:
    """Return a cell's seconds, 0 for one that does not run, and its first line."""
    moments = cell.metadata.get("execution", {})
    begun, ended = moments.get("iopub.execute_input"), moments.get("shell.execute_reply")
    line = cell.source.partition("\n")[0]
    if not (begun and ended):
        return 0.0, line
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds(), line


def _normalise(notebook: Any) -> None:
    """Drop what differs between two machines and says nothing to a reader."""
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata["language_info"] = {"name": "python", "file_extension": ".py"}
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("transient", {}).clear()


def main() -> None:
    """Run each notebook that is named on the command line."""
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    for name in sys.argv[1:]:
        try:
            ran = run(Path(name))
        except NotebookError as error:
            sys.exit(str(error))
        print(f"{name}: {ran.seconds:.0f} s", flush=True)
        for seconds, line in ran.cells[:SLOWEST]:
            print(f"  {seconds:6.1f} s  {line}", flush=True)


if __name__ == "__main__":
    main()
