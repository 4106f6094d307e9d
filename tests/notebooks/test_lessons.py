"""The house rules of a lesson, read off the notebook files; nbval runs the lessons themselves."""

import ast
import functools
import json
import re
import types

import pytest

from helpers import claims
from helpers.host import paths

LESSONS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))
MACHINERY = {"docker", "subprocess", "json", "os", "sys", "shutil"}
pytestmark = pytest.mark.parametrize("lesson", LESSONS, ids=lambda file: file.stem)


@functools.cache
def notebook(lesson):
    """Give the cells, each text in one piece. It is plain JSON: nbformat takes two seconds to load."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    return [types.SimpleNamespace(**{**cell, "source": "".join(cell["source"])}) for cell in cells]


def cells(lesson, kind):
    return [c for c in notebook(lesson) if c.cell_type == kind]


def python(lesson):
    """Return the cells of Python: one that begins with %% is a Dockerfile, an exercise's answer."""
    return [cell for cell in cells(lesson, "code") if not cell.source.startswith("%%")]


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def test_code_cells_are_short(lesson):
    assert max(len(lines(cell)) for cell in python(lesson)) <= 10


def test_machinery_stays_in_helpers(lesson):
    for cell in python(lesson):
        for node in ast.walk(ast.parse(cell.source)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & MACHINERY


def test_what_a_cell_calls_of_helpers_is_there(lesson):
    """Nbval says so too, a quarter of an hour later."""
    names: dict[str, object] = {}
    for cell in python(lesson):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers"):
                exec(ast.unparse(node), names)  # noqa: S102 - an import of ours
            called = node.value if isinstance(node, ast.Attribute) else None
            if isinstance(called, ast.Name) and isinstance(names.get(called.id), types.ModuleType):
                assert hasattr(names[called.id], node.attr), ast.unparse(node)


def test_every_cell_has_its_place_in_the_slides(lesson):
    for kind in ("code", "markdown"):
        for cell in cells(lesson, kind):
            assert cell.metadata.get("slideshow", {}).get("slide_type"), cell.source[:60]


def test_outputs_are_stored_and_none_is_an_error(lesson):
    code = cells(lesson, "code")
    assert any(cell.outputs for cell in code)
    assert not [o for cell in code for o in cell.outputs if o["output_type"] == "error"]


def test_a_cell_that_nbval_does_not_compare_says_why(lesson):
    for cell in cells(lesson, "code"):
        if any(tag.startswith("nbval") for tag in cell.metadata.get("tags", [])):
            assert len(cell.metadata.get("reason", "")) > 20, cell.source[:60]


def test_claims_are_cited_by_an_id_that_the_ledger_has(lesson):
    text = "\n".join(cell.source for cell in cells(lesson, "markdown"))
    cited = set(re.findall(r"\*\*([STXBVPL]\d)\*\*", text))
    assert cited <= set(claims.CLAIMS)


def test_prose_states_no_figure_that_no_cell_prints(lesson):
    """Sizes in prose are the article's own, marked as its words by quotes or by the claim's id."""
    for cell in cells(lesson, "markdown"):
        for line in cell.source.splitlines():
            if re.search(r"\d ?(MB|GB|seconds|x smaller)\b", line):
                assert re.search(r"article|claim|\*\*[STXBVPL]\d\*\*|guess|of disk|\"", line), line
