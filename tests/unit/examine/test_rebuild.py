"""Which source file a measured rebuild edits."""

from __future__ import annotations

import pytest

from helpers.buildx import context, dockerfile
from helpers.examine import rebuild


def chosen(tmp_path, files: list[str], text: str, ignore: str = "") -> str | None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / ".dockerignore").write_text(ignore)
    file = dockerfile.parse(text)
    survey = context.survey(tmp_path, context.rules(tmp_path, tmp_path / "Dockerfile"))
    return rebuild.source_to_edit(file, None, survey)


ALL = "FROM a\nCOPY . .\n"


def test_it_is_where_programs_are_and_the_first_by_name(tmp_path):
    assert chosen(tmp_path, ["setup.js", "src/b.ts", "src/a.ts", "src/x/a.ts"], ALL) == "src/a.ts"


@pytest.mark.parametrize(
    "other",
    ["test/a.ts", "node_modules/x/a.js", "vite.config.ts", "src/a.test.ts", "src/a.d.ts", "a.md"],
)
def test_tests_settings_and_packages_are_not_the_program(tmp_path, other):
    assert chosen(tmp_path, [other], ALL) is None


def test_it_is_one_that_the_dockerfile_copies(tmp_path):
    files = ["api/main.go", "web/main.go"]
    assert chosen(tmp_path, files, "FROM a\nCOPY web/ ./web/\n") == "web/main.go"
    assert chosen(tmp_path, files, "FROM a\nCOPY */main.go ./\n") == "api/main.go"
    assert chosen(tmp_path, files, "FROM a\nCOPY go.mod ./\n") is None


def test_a_path_from_a_variable_may_be_any(tmp_path):
    assert chosen(tmp_path, ["api/main.go"], "FROM a\nARG P\nCOPY $P /x\n") == "api/main.go"


def test_what_a_copy_excludes_is_not_edited_and_what_a_link_leads_to_is(tmp_path):
    files = ["src/a.ts", "src/b.ts"]
    assert chosen(tmp_path, files, "FROM a\nCOPY --exclude=src/a.ts . .\n") == "src/b.ts"
    assert chosen(tmp_path, files, "FROM a\nCOPY --parents **/b.ts ./\n") == "src/b.ts"
    (tmp_path / "main").symlink_to("src/b.ts")
    assert chosen(tmp_path, files, "FROM a\nCOPY main ./\n") == "src/b.ts"


def test_what_is_ignored_or_copied_by_a_skipped_stage_does_not_count(tmp_path):
    assert chosen(tmp_path, ["src/a.py"], ALL, ignore="src\n") is None
    assert chosen(tmp_path, ["src/a.py"], "FROM a AS unused\nCOPY . .\nFROM a\nRUN x\n") is None


def test_two_edits_are_never_the_same():
    lines = {rebuild._blank_line() for _ in range(50)}
    assert len(lines) == 50
    assert all(line.isspace() and line.endswith(b"\n") for line in lines)
