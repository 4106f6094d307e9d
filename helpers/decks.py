"""Make slide decks of the lessons: one HTML file each, which shows itself without a network.

The slides are the notebook's own cells with the outputs that it stores; nothing is run. reveal.js comes
from the npm registry once and stands inside each file.
"""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers import tall_outputs
from helpers.host import downloads, paths
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

FOLDER = paths.ROOT / "slides"
_SLIDE_LINES, _HEADING_LINES = 20.0, 2.0  # in lines of running text
WIDTH, HEIGHT = 1280, 720  # pixels; the charts are drawn for this size
_REVEAL = "5.2.1"
_TEMPLATES = Path(__file__).parent / "templates"
_PARTS = {
    "reveal_css": "package/dist/reveal.css",
    "reveal_js": "package/dist/reveal.js",
    "notes_js": "package/plugin/notes/notes.js",
}


class DeckError(WorkbookError):
    """A lesson could not be made into slides."""


def write(notebook: Path, folder: Path = FOLDER) -> Path:
    """Write the deck of an executed notebook into ``folder`` and return its path.

    Raises `DeckError` when there is no such notebook or no room, and the error of `host.downloads`
    when reveal.js is neither kept nor to be had.
    """
    import nbformat
    from nbconvert.exporters import SlidesExporter

    if not notebook.is_file():
        raise DeckError(f"There is no notebook at {notebook}; check the path.")
    nodes = nbformat.read(notebook, as_version=4)
    exporter = SlidesExporter(template_name="deck", extra_template_basedirs=[str(_TEMPLATES)])
    page, _ = exporter.from_notebook_node(_presented(nodes), {"deck": _deck(_title(nodes))})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{notebook.stem}.html"
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise DeckError(f"The slides cannot be written to {folder}: {error.strerror}.") from error
    return file


def _presented(notebook: Any) -> Any:
    """Break what is too high for one slide, and put the heading on every slide."""
    heading, height, cells = "", 0.0, []
    for cell in notebook.cells:
        begins = cell.metadata.get("slideshow", {}).get("slide_type") in ("slide", "subslide")
        if begins and _heading(cell):
            heading, height = _heading(cell), 0.0
        elif begins or (height > _HEADING_LINES and height + _lines(cell) > _SLIDE_LINES):
            cells.append(_headed(heading))
            height = _HEADING_LINES
            cell.metadata["slideshow"] = {"slide_type": "-"}
        room = _SLIDE_LINES - height - _source_lines(cell)
        first, *further = tall_outputs.split(cell, room, _SLIDE_LINES - _HEADING_LINES)
        height += _lines(first)
        cells.append(first)
        for part in further:
            height = _HEADING_LINES + _lines(part)
            cells += [_headed(heading), part]
    notebook.cells = cells
    return notebook


def _heading(cell: Any) -> str:
    first = cell.source.partition("\n")[0]
    return str(first) if first.startswith("#") else ""


def _lines(cell: Any) -> float:
    """Estimate a cell's height on a slide, in lines of running text."""
    if cell.metadata.get("slideshow", {}).get("slide_type") in ("notes", "skip"):
        return 0.0
    text = cell.source.partition("<details>")[0].splitlines()
    if cell.cell_type == "markdown":
        return sum(
            _HEADING_LINES if line.startswith("#") else 1.2 * -(-len(line) // 85) for line in text
        )
    outputs = [output.get("data", {}) for output in cell.get("outputs", [])]
    return _source_lines(cell) + sum(map(tall_outputs.lines, outputs))


def _source_lines(cell: Any) -> float:
    return 1.0 + tall_outputs.CODE_LINE * len(cell.source.splitlines())


def _headed(heading: str) -> Any:
    import nbformat

    words = f"## {heading.lstrip('# ')}"
    return nbformat.v4.new_markdown_cell(words, metadata={"slideshow": {"slide_type": "subslide"}})


def _title(notebook: Any) -> str:
    heading = next((cell.source for cell in notebook.cells if cell.source.startswith("# ")), "# Lesson")
    return str(heading.splitlines()[0].removeprefix("# "))


def _deck(title: str) -> dict[str, Any]:
    css = (_TEMPLATES / "deck" / "deck.css").read_text(encoding="utf-8")
    return {"title": title, "css": css, "width": WIDTH, "height": HEIGHT, **_reveal()}


def _reveal() -> Mapping[str, str]:
    package = downloads.from_npm("reveal.js", _REVEAL, Workshop(paths.state("slides")))
    with tarfile.open(package) as files:
        return {name: _text(files, member) for name, member in _PARTS.items()}


def _text(files: tarfile.TarFile, member: str) -> str:
    found = files.extractfile(member)
    if found is None:
        raise DeckError(f"The package of reveal.js {_REVEAL} has no {member}; its layout has changed.")
    return found.read().decode("utf-8").replace("</script", "<\\/script")


def main() -> None:
    """Make a deck of each notebook that is named on the command line."""
    for name in sys.argv[1:]:
        try:
            print(write(Path(name)).relative_to(paths.ROOT), flush=True)
        except WorkbookError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
