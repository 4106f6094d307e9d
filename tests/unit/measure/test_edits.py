"""Edits of a working copy: new each time, valid for npm, and gone afterwards."""

import json

import pytest

from helpers.host import workspace
from helpers.host.workspace import WorkspaceError
from helpers.measure import edits


@pytest.fixture
def app():
    with workspace.copy() as copy:
        yield copy


def contents(app):
    return {str(f.relative_to(app.path)): f.read_bytes() for f in app.path.rglob("*") if f.is_file()}


def changed(app, before):
    return {name for name, text in contents(app).items() if before.get(name) != text}


@pytest.mark.parametrize(
    ("edit", "files"),
    [
        (edits.source, {"src/version.ts"}),
        (edits.dependency, {"package.json", "package-lock.json"}),
        (edits.script, {"package.json"}),
        (edits.test, {"test/health.test.ts"}),
    ],
)
def test_an_edit_changes_its_files_only_and_is_undone_also_after_an_error(app, edit, files):
    before, during = contents(app), set()

    def break_off():
        with edit(app):
            during.update(changed(app, before))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert during == files
    assert contents(app) == before


@pytest.mark.parametrize("edit", [edits.source, edits.dependency, edits.script, edits.test])
def test_no_edit_is_made_twice(app, edit):
    seen = []
    for _ in range(2):
        with edit(app):
            seen.append(contents(app))
    assert seen[0] != seen[1]


def test_manifest_and_lock_file_agree_after_a_dependency_edit(app):
    with edits.dependency(app) as name:
        manifest = json.loads((app.path / "package.json").read_text())
        lock = json.loads((app.path / "package-lock.json").read_text())
        root = lock["packages"][""]
        assert manifest["dependencies"] == root["dependencies"]
        assert manifest["version"] == lock["version"] == root["version"]
        assert f"node_modules/{name}" in lock["packages"]


def test_a_script_edit_changes_no_dependency(app):
    before = json.loads((app.path / "package.json").read_text())
    with edits.script(app):
        after = json.loads((app.path / "package.json").read_text())
    assert after["dependencies"] == before["dependencies"]
    assert set(after["scripts"]) - set(before["scripts"]) == {"hello"}


def test_a_dependency_that_is_there_already_is_refused(app):
    with edits.dependency(app), pytest.raises(WorkspaceError, match="already"), edits.dependency(app):
        pass


def test_a_copy_without_the_file_is_refused(app):
    (app.path / "src/version.ts").unlink()
    with pytest.raises(WorkspaceError, match=r"src/version\.ts"), edits.source(app):
        pass


def test_a_broken_manifest_is_refused_in_a_sentence(app):
    app.write("package.json", "{")
    with pytest.raises(WorkspaceError, match="no JSON"), edits.script(app):
        pass
