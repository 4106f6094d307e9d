"""To import what the lessons import is quick: a heavy library is loaded where it is first used."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

from helpers.host import paths

HEAVY = {"IPython", "docker", "ipywidgets", "matplotlib", "numpy", "pandas", "requests", "rich"}
NOTEBOOKS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))


def imports_of(notebook) -> list[str]:
    """Return the imports of a notebook's cells, each as one line of Python."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    python = [source for source in sources if not source.startswith("%%")]
    nodes = [node for source in python for node in ast.walk(ast.parse(source))]
    return [ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def loaded_by(lines: list[str]) -> set[str]:
    code = "\n".join([*lines, "import sys", "print(*sys.modules)"])
    shown = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=paths.ROOT)
    return set(shown.splitlines()[-1].split())


def test_no_heavy_library_comes_with_the_package():
    assert not HEAVY & loaded_by(["import helpers"])


def test_no_heavy_library_comes_with_what_the_lessons_import():
    lines = sorted({line for notebook in NOTEBOOKS for line in imports_of(notebook)})
    loaded = loaded_by(lines)
    assert "helpers.lesson.verbs" in loaded
    assert not HEAVY & loaded


def test_no_heavy_library_but_the_tables_writer_comes_with_an_examination_that_builds_nothing(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    words = ["examine", str(tmp_path), "--no-build"]
    loaded = loaded_by(
        ["import sys", f"sys.argv[1:] = {words}", "from helpers.__main__ import main", "main()"]
    )
    assert "helpers.examine.run" in loaded
    assert {"rich"} == HEAVY & loaded
    assert not {name for name in loaded if name.startswith(("helpers.lesson", "helpers.improve"))}
