"""`make notebooks` keeps a lesson's outputs when all of it ran, and stops at a cell that fails."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest

from helpers.host import paths

pytestmark = pytest.mark.slow

SETTINGS = paths.ROOT / "tests/notebooks/execute.py"


@pytest.fixture
def lesson(tmp_path):
    """Give what writes a notebook of these cells."""

    def write(name: str, *sources: str):
        about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        file = tmp_path / name
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=about), file)
        return file

    return write


def execute(*files):
    command = [sys.executable, "-m", "nbconvert", "--config", str(SETTINGS), "--execute", "--inplace"]
    return subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)


def test_outputs_are_kept_and_no_clock_and_no_release_of_python(lesson):
    file = lesson("a.ipynb", "print(6 * 7)")
    assert execute(file).returncode == 0
    kept = nbformat.read(file, as_version=4)
    assert kept.cells[0].outputs[0].text == "42\n"
    assert kept.cells[0].metadata == {}
    assert set(kept.metadata) == {"kernelspec", "language_info"}
    assert kept.metadata.language_info == {"name": "python"}
    assert file.read_text().endswith("}\n")


def test_a_cell_that_fails_stops_the_run_and_changes_no_file(lesson):
    first = lesson("a.ipynb", "print(1)", "raise ValueError('not here')")
    second = lesson("b.ipynb", "print(2)")
    before = first.read_bytes(), second.read_bytes()
    done = execute(first, second)
    assert done.returncode != 0
    assert "not here" in done.stderr
    assert (first.read_bytes(), second.read_bytes()) == before
