"""A lesson's run says which of its cells took the time, and leaves no clock in the file."""

from __future__ import annotations

import nbformat

from helpers import notebooks


def a_cell(source: str, begun: str, ended: str):
    moments = {"iopub.execute_input": begun, "shell.execute_reply": ended}
    return nbformat.v4.new_code_cell(source, metadata={"execution": moments})


def test_a_cell_is_told_by_its_first_line_and_its_seconds():
    cell = a_cell("build()\nlook()", "2026-01-01T10:00:59.5Z", "2026-01-01T10:01:01.75Z")
    assert notebooks._timed(cell) == (2.25, "build()")
    assert notebooks._timed(nbformat.v4.new_markdown_cell("# Title\ntext")) == (0.0, "# Title")


def test_the_kept_file_has_no_clock():
    cell = a_cell("1 + 1", "2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebooks._normalise(notebook)
    assert "2026-01-01" not in nbformat.writes(notebook)
