"""What nbval compares of a lesson: a warning may come and go, a traceback or another output may not."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest

from helpers.host import paths

pytestmark = pytest.mark.slow

WARNING = "/lib/slow.py:1: UserWarning: The machine is slow.\n"
# One cell a case: what it runs now, what the lesson stores, and whether it is to be green.
CASES = {
    "a warning that is new": ("import sys; print('x', file=sys.stderr); print(1)", ["1\n"], True),
    "a warning that is gone": ("print(1)", [WARNING, "1\n"], True),
    "another warning": ("import sys; print('x', file=sys.stderr)", [WARNING], True),
    "another output": ("print(2)", ["1\n"], False),
    "no output": ("pass", ["1\n"], False),
    "a traceback": (
        "import sys, traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\nprint(1)",
        ["1\n"],
        False,
    ),
    "an error": ("print(1)\n1 / 0", ["1\n"], False),
}


@pytest.fixture(scope="module")
def green(tmp_path_factory):
    """Run all cases under nbval, as the lessons are, and say which were green."""
    cells = []
    for source, stored, _ in CASES.values():
        outputs = [
            nbformat.v4.new_output("stream", name="stderr" if text == WARNING else "stdout", text=text)
            for text in stored
        ]
        cells.append(nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=1))
    file = tmp_path_factory.mktemp("nbval") / "cases.ipynb"
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=about), file)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "--nbval", "--nbval-current-env"]
    command += [
        "-c",
        "pyproject.toml",
        "-p",
        "no:cacheprovider",
        "--verbosity=2",
        "--no-header",
        str(file),
    ]
    shown = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False).stdout
    verdicts = [
        line
        for line in shown.splitlines()
        if "::Cell " in line and ("PASSED" in line or "FAILED" in line)
    ]
    assert len(verdicts) >= len(CASES), shown
    return dict(zip(CASES, ("PASSED" in line for line in verdicts), strict=False))


@pytest.mark.parametrize("case", CASES)
def test_a_cell_is_green_as_it_should_be(case, green):
    assert green[case] == CASES[case][2]
