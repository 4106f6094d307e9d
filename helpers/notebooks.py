"""Run the lessons live, each in a fresh kernel, and write their outputs back into the files.

``python -m helpers.notebooks FILE…``. It compares nothing: nbval does, in the tests.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from helpers.errors import WorkbookError

CELL_SECONDS = 1200


class NotebookError(WorkbookError):
    """A lesson that did not run through."""


def run(file: Path) -> float:
    """Execute a notebook and keep its outputs; return the seconds it took.

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
        record_timing=False,
        resources={"metadata": {"path": str(file.parent)}},
    )
    begun = time.monotonic()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        words = [line for line in str(error).splitlines() if line.strip()]
        raise NotebookError(f"{file} stopped: {words[-1]}") from error
    _normalise(notebook)
    fresh = file.with_suffix(".fresh")
    nbformat.write(notebook, fresh)
    fresh.replace(file)
    return time.monotonic() - begun


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
            seconds = run(Path(name))
        except NotebookError as error:
            sys.exit(str(error))
        print(f"{name}: {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
