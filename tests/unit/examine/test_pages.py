"""Each finding of the workbook has a page; its bad Dockerfile has the finding, and its good one has not.

A page is the input: the files that it names are written, its Dockerfiles are examined. What only an image
tells is tried on the facts of an image here.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.buildx.run import PrintedError
from helpers.examine import gather, removable, run
from helpers.examine.credentials import Secret
from helpers.examine.findings import Check, Finding
from helpers.examine.gather import Sources
from helpers.examine.removable import Share
from helpers.examine.report import BuiltImage, Hidden
from helpers.examine.rules import image as images
from helpers.examine.rules import shipped
from helpers.host import paths
from tests.unit.examine.projects import of_text

PAGES = paths.ROOT / "docs" / "findings"
DAY = date(2026, 11, 30)
FILE = re.compile(r"- `([^`]+)`(?:: `(.*)`|, (\d+) MB)?")
BLOCK = re.compile(r"```dockerfile\n(.*?)```", re.DOTALL)
BY_IMAGE = "Told by the built image."
PLACES = {"other-context": "docker/Dockerfile"}


def rules_of_the_workbook() -> set[str]:
    """Return the first argument of each Finding that the sources make, and those that a table names."""
    found = set(images._REMEDIES)
    for source in (paths.ROOT / "helpers" / "examine").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                named = [keyword.value for keyword in node.keywords if keyword.arg == "rule"]
                rule = (node.args or named)[0]
                if isinstance(rule, ast.Constant):
                    found.add(str(rule.value))
    return found


def pages() -> dict[str, str]:
    texts = {page.stem: page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))}
    del texts["index"]
    return texts


def parts(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of a page's bad project and of its good one, the Dockerfile among them."""
    common, bad, good = re.split(r"^## (?:Bad|Good)\n", text, flags=re.MULTILINE)
    return files(common) | files(bad), files(common) | files(good)


def files(part: str) -> dict[str, str]:
    block = BLOCK.search(part)
    found = {"Dockerfile": block[1]} if block else {}
    for line in part.splitlines():
        if match := FILE.fullmatch(line):
            name, content, size = match.groups()
            found[name] = "x" * int(size) * 1_000_000 if size else f"{content or ''}\n"
    return found


def examined(folder: Path, rule: str, project: dict[str, str]) -> list[Finding]:
    folder, place = folder / "app", PLACES.get(rule, "Dockerfile")
    folder.mkdir()
    if rule == "unreadable-in-context":
        (folder / "data").mkdir()
    for name, content in project.items():
        path = folder / (place if name == "Dockerfile" else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    if rule == "name-not-utf-8":
        (folder / os.fsdecode(b"caf\xe9")).touch()
    report = run.examine(gather.find(folder, place), build=False)
    return [finding for finding in report.findings if finding.source == "workbook"]


@pytest.fixture(autouse=True)
def _the_workbooks_rules_alone(monkeypatch):
    monkeypatch.setattr(run.linters, "hadolint", lambda *_: Check("hadolint"))
    monkeypatch.setattr(run, "_today", lambda: DAY)
    scandir = os.scandir

    def scan(path):
        if str(path).endswith("/data"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)


TEXTS = pages()
BY_TEXT = [rule for rule, text in TEXTS.items() if BY_IMAGE not in text]


def test_each_rule_has_a_page_and_each_page_a_rule():
    assert set(TEXTS) == rules_of_the_workbook()


@pytest.mark.parametrize("rule", TEXTS)
def test_the_index_names_each_page_with_its_title(rule):
    title = TEXTS[rule].splitlines()[0].removeprefix("# ")
    assert f"| [`{rule}`]({rule}.md) | {title} |" in (PAGES / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", BY_TEXT)
def test_the_bad_file_has_the_finding_in_the_words_of_the_page(tmp_path, rule):
    found = [one for one in examined(tmp_path, rule, parts(TEXTS[rule])[0]) if one.rule == rule]
    assert [f"> {one.sentence}" for one in found] == re.findall(r"^> .*$", TEXTS[rule], re.MULTILINE)


@pytest.mark.parametrize("rule", BY_TEXT)
def test_the_good_file_has_no_finding_at_all(tmp_path, rule):
    assert examined(tmp_path, rule, parts(TEXTS[rule])[1]) == []


def built(**facts) -> BuiltImage:
    return replace(BuiltImage("t", "app", (), (), (), 1.0, 0, 1), **facts)


def share(what: str, size: int, place: str) -> Share:
    return Share(what, 9, size, "", size, ((place, size),))


IMAGES = {
    "caches-shipped": built(removable=(share(removable.CACHES, 73_000_000, "/root/.npm"),)),
    "tests-shipped": built(removable=(share(removable.TESTS, 4_200_000, "/app/tests"),)),
    "build-tools-shipped": built(removable=(share(removable.TOOLS, 236_000_000, "/usr"),)),
    "secret-in-image": built(secrets=(Secret("/app/.npmrc", "a token of npm"),)),
    "hidden-bytes": built(
        hidden=(Hidden("RUN npm ci", "RUN npm prune --omit=dev", "deleted", 81_600_000),)
    ),
}


def measured(sources: Sources, image: BuiltImage) -> list[Finding]:
    return [*images.check(sources, image), *shipped.check_image(sources, image)]


@pytest.mark.parametrize("rule", IMAGES)
def test_an_image_with_such_bytes_has_the_finding_in_the_words_of_the_page(rule):
    (finding,) = measured(of_text(parts(TEXTS[rule])[0]["Dockerfile"]), IMAGES[rule])
    assert finding.rule == rule
    assert f"> {finding.sentence}" in TEXTS[rule].splitlines()


def test_a_printed_error_is_told_in_the_words_of_the_page():
    text = TEXTS["error-in-a-step"]
    run_line = parts(text)[0]["Dockerfile"].splitlines()[1]
    printed = PrintedError(SimpleNamespace(instruction=run_line), "tar: invalid magic")
    assert f"> {printed}" in text.splitlines()


def test_an_image_without_them_has_none():
    assert not measured(of_text("FROM a\n"), built())


def test_what_only_an_image_tells_is_tried_here_or_on_an_engine():
    assert set(TEXTS) - set(BY_TEXT) == {*IMAGES, "error-in-a-step"}
