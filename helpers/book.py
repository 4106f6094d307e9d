"""Render the lessons as a site to read, with the outputs that they store: ``python -m helpers.book``.

Nothing is run, and the site needs no other host. Its settings and first page are in ``docs/book``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

FOLDER = paths.ROOT / "book"
_SETTINGS = paths.ROOT / "docs" / "book"


class BookError(WorkbookError):
    """The book was asked for a lesson that there is not."""


def write(notebooks: Iterable[Path], folder: Path = FOLDER) -> Path:
    """Render notebooks into ``folder``, which is replaced, and return the first page.

    Raises `BookError` when a notebook is missing, `host.workshop.WorkshopError` with Sphinx's reason
    when it does not render.
    """
    workshop = Workshop(paths.state("book"))
    with workshop.scratch() as scratch:
        source, pages = scratch / "source", scratch / "pages"
        source.mkdir()
        shutil.copy(_SETTINGS / "index.md", source)
        for notebook in notebooks:
            _describe(notebook, source)
        command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--jobs", "auto"]
        workshop.run([*command, "-c", str(_SETTINGS), str(source), str(pages)])
        shutil.rmtree(pages / ".doctrees", ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(pages, folder)
    return folder / "index.html"


def _describe(notebook: Path, folder: Path) -> None:
    """Copy a notebook, the words of each picture where MyST-NB looks for them."""
    import nbformat

    if not notebook.is_file():
        raise BookError(f"There is no notebook at {notebook}; check the path.")
    nodes = nbformat.read(notebook, as_version=4)
    for cell in nodes.cells:
        words = [alt for output in cell.get("outputs", []) if (alt := _alt(output))]
        if words:
            cell.metadata["mystnb"] = {"image": {"alt": " ".join(words)}}
    nbformat.write(nodes, folder / notebook.name)


def _alt(output: Any) -> str:
    if "image/png" not in output.get("data", {}):
        return ""
    return str(output.get("metadata", {}).get("image/png", {}).get("alt") or output.data["text/plain"])


def main() -> None:
    """Render the notebooks that are named on the command line."""
    try:
        print(write(map(Path, sys.argv[1:])).relative_to(paths.ROOT))
    except WorkbookError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
