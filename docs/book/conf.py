"""Sphinx's settings for the book: the lessons as they are stored, and nothing from another host.

`lessons` is a link to the notebooks, `findings` to the pages of the findings. `make book` renders them;
nothing is run.
"""

import json
from typing import Any

project = "Docker multi-stage builds, on trial"
extensions = ["myst_nb"]
include_patterns = ["index.md", "lessons/[0-9]*.ipynb", "findings/*.md"]
html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["book.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False

nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
suppress_warnings = [
    "myst.xref_missing",  # lesson 11 links to a report that only a reader's run writes
    "misc.highlighting_failure",  # a cell that begins with %%dockerfile is not Python
]


def describe_pictures(_app: Any, docname: str, source: list[str]) -> None:
    """Put the words of each cell's pictures, which its outputs hold, where MyST-NB looks for them."""
    if not docname.startswith("lessons/"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        words = [alt for output in cell.get("outputs", []) if (alt := words_of_picture(output))]
        if words:
            cell["metadata"]["mystnb"] = {"image": {"alt": " ".join(words)}}
    source[0] = json.dumps(notebook)


def words_of_picture(output: dict[str, Any]) -> str:
    """Return the text alternative of an output's picture, empty where it has none."""
    data = output.get("data", {})
    if "image/png" not in data:
        return ""
    alt = output.get("metadata", {}).get("image/png", {}).get("alt")
    return str(alt or "".join(data["text/plain"]))


def setup(app: Any) -> None:
    """Connect it."""
    app.connect("source-read", describe_pictures)
