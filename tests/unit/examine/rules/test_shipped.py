"""What ships though only the build needs it."""

from __future__ import annotations

import pytest

from helpers.examine.findings import Finding
from helpers.examine.removable import CACHES, TESTS, TOOLS, Share
from helpers.examine.report import BuiltImage
from helpers.examine.rules import shipped
from tests.unit.examine.projects import of_folder, of_text

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


MB = 1_000_000
TEXT = 'FROM node:24-trixie AS b\nFROM node:24-trixie\nCMD ["node", "a.js"]\n'


def measured(*shares: Share, told: tuple[str, ...] = (), text: str = TEXT) -> list[Finding]:
    image = BuiltImage("t", "app", (), shares, (), 1.0, 0, 1)
    return shipped.check_image(of_text(text), image, told)


def share(what: str, own: int, base: int = 0) -> Share:
    return Share(what, 9, own + base, "", own, (("/root/.npm", own),))


@pytest.mark.parametrize(
    ("what", "rule"),
    [(CACHES, "caches-shipped"), (TESTS, "tests-shipped"), (TOOLS, "build-tools-shipped")],
)
def test_what_the_steps_leave_in_the_image_is_told_by_its_bytes(what, rule):
    (finding,) = measured(share(what, 31 * MB))
    assert finding.rule == rule
    assert "31.0 MB" in finding.sentence
    assert not measured(share(what, 900_000))


def test_caches_and_tests_are_named_by_their_folders():
    assert "31.0 MB in /root/.npm" in measured(share(CACHES, 31 * MB))[0].sentence


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        (
            "/root/.npm",
            "`npm cache clean --force`. Or keep it outside the image: `RUN --mount=type=cache,",
        ),
        ("/home/node/.cache/yarn", "target=/home/node/.cache/yarn,uid=1000,gid=1000 …`."),
        ("/home/me/.cache/pip", "Empty it in the RUN that fills it: `pip install --no-cache-dir …`."),
        ("/root/.m2", "`rm -rf /root/.m2`"),
    ],
)
def test_the_remedy_for_a_cache_is_that_of_its_tool_and_its_user(place, remedy):
    cache = Share(CACHES, 9, 31 * MB, "", 31 * MB, ((place, 31 * MB),))
    assert remedy in measured(cache)[0].remedy


def test_tools_of_a_full_base_are_told_in_its_line():
    (finding,) = measured(share(TOOLS, 0, 469 * MB))
    assert (finding.rule, finding.line) == ("build-tools-shipped", 2)
    assert "`node:24-trixie`" in finding.sentence
    assert not measured(share(CACHES, 0, 90 * MB))


@pytest.mark.parametrize("rule", ["one-stage", "full-size-base"])
def test_where_the_text_tells_their_cause_the_tools_are_no_second_finding(rule):
    assert not measured(share(TOOLS, 31 * MB), told=(rule,))


def test_an_image_for_development_may_have_its_tools():
    assert not measured(share(TOOLS, 31 * MB), text="FROM node\nCMD nodemon a.js\n")
