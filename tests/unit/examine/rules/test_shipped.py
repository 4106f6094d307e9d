"""What ships though only the build needs it."""

from __future__ import annotations

import pytest

from helpers.examine.findings import Finding
from helpers.examine.rules import shipped
from tests.unit.examine.projects import of_folder

BUILDER = "FROM node AS builder\nWORKDIR /app\nCOPY . .\nRUN npm ci && npm run build\n"
SHIPS = "FROM node\nWORKDIR /app\nCOPY --from=builder {} ./\nCMD node server.js\n"


def found(tmp_path, text: str, files: dict[str, str] | None = None) -> list[Finding]:
    return shipped.check(
        of_folder(tmp_path, {"Dockerfile": text, "package.json": "{}", **(files or {})})
    )


@pytest.mark.parametrize("source", ["/app", "/app/", "/app/.", "app"])
def test_a_build_folder_that_is_copied_whole_is_found(tmp_path, source):
    (finding,) = found(tmp_path, BUILDER + SHIPS.format(source))
    assert (finding.rule, finding.line) == ("whole-build-folder", 7)
    assert "`npm run build` (line 4)" in finding.sentence


def test_a_folder_in_a_variable_is_the_same_folder(tmp_path):
    builder = BUILDER.replace("WORKDIR /app", "ENV HOME_DIR=/srv\nWORKDIR ${HOME_DIR}")
    assert found(tmp_path, builder + SHIPS.format("$HOME_DIR"))


LEFT = {
    "only the result": BUILDER + SHIPS.format("/app/dist"),
    "nothing was built": BUILDER.replace(" && npm run build", "") + SHIPS.format("/app"),
    "pruned before": BUILDER + "RUN npm prune --omit=dev && rm -rf src\n" + SHIPS.format("/app"),
    "another folder": BUILDER + SHIPS.format("/opt"),
    "from an image": SHIPS.format("/app").replace("builder", "company/image"),
}


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT)
def test_a_copy_of_what_runs_is_left(tmp_path, text):
    assert not found(tmp_path, text)


def test_where_the_sources_are_what_runs_a_whole_folder_is_right(tmp_path):
    assert not found(tmp_path, BUILDER + SHIPS.format("/app"), {"manage.py": ""})
