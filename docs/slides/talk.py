"""Write the notebook of a talk of fifty minutes, for `make talk`: the cells of lessons tagged ``talk``.

Each part begins with a slide that says its minutes. Nothing is run: a cell shows what its lesson stores.
"""

import sys
from pathlib import Path

import nbformat

TAG = "talk"
TITLE = "Docker multi-stage builds, on trial"
OPENING = 2  # minutes
PARTS = (  # lesson, what it is about, minutes
    ("01_naive", "Where a gigabyte comes from", 13),
    ("02_multistage", "Build here, ship from there", 10),
    ("03_distroless", "The distroless surprise", 12),
    ("09_pipeline", "What a deploy moves", 9),
    ("11_ledger", "What is left of the article", 4),
)
_LESSONS = Path(__file__).parents[2] / "notebooks"


def talk() -> nbformat.NotebookNode:
    """Return the notebook of the talk, its parts in their order."""
    plan, cells, begun = [f"# {TITLE}\n"], [], OPENING
    for lesson, what, minutes in PARTS:
        clock = f"minutes {begun} to {begun + minutes}"
        plan.append(f"- **{what}**: {clock}")
        cells += [_slide(f"# {what}\n\n{clock.capitalize()}, from lesson `{lesson}`"), *tagged(lesson)]
        begun += minutes
    cells.insert(0, _slide("\n".join(plan)))
    for number, cell in enumerate(cells):
        cell.id = f"talk-{number}"  # two lessons may use the same
    return nbformat.v4.new_notebook(cells=cells)


def tagged(lesson: str) -> list[nbformat.NotebookNode]:
    """Return the cells of a lesson that belong to the talk."""
    cells = nbformat.read(_LESSONS / f"{lesson}.ipynb", as_version=4).cells
    return [cell for cell in cells if TAG in cell.metadata.get("tags", [])]


def _slide(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": "slide"}})


if __name__ == "__main__":
    nbformat.write(talk(), sys.stdout)
