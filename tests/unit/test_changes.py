"""A new version of the sample app differs from the one before in what was meant to change."""

import json

import pytest

from helpers import changes, places, workspace
from helpers.changes import Change
from helpers.workspace import WorkspaceError


@pytest.fixture
def copy():
    with workspace.copy() as made:
        yield made


def changed(copy):
    files = [f.relative_to(copy.path) for f in copy.path.rglob("*") if f.is_file()]
    original = places.SAMPLE_APP
    return {str(f) for f in files if (copy.path / f).read_bytes() != (original / f).read_bytes()}


def documents(folder):
    return [json.loads((folder / name).read_text()) for name in ("package.json", "package-lock.json")]


def test_a_source_edit_touches_one_source_file(copy):
    changes.apply(Change.SOURCE, copy)
    assert changed(copy) == {"src/routes/health.ts"}


def test_a_dependency_edit_makes_one_more_package_one_of_production(copy):
    changes.apply(Change.DEPENDENCY, copy)
    assert changed(copy) == {"package.json", "package-lock.json"}
    before, locked_before = documents(places.SAMPLE_APP)
    after, locked = documents(copy.path)
    assert set(after["dependencies"]) - set(before["dependencies"]) == {changes.PROMOTED}
    assert locked["packages"][""]["dependencies"] == after["dependencies"]
    entry = f"node_modules/{changes.PROMOTED}"
    assert locked_before["packages"][entry]["dev"]
    assert "dev" not in locked["packages"][entry]


def test_a_change_that_is_there_already_is_refused(copy):
    changes.apply(Change.DEPENDENCY, copy)
    with pytest.raises(WorkspaceError, match="no development package"):
        changes.apply(Change.DEPENDENCY, copy)


def test_a_change_is_known_by_what_a_lesson_calls_it():
    assert Change("source edit") is Change.SOURCE
    assert Change("dependency edit") is Change.DEPENDENCY


def test_releases_follow_each_other(copy):
    health = copy.path / "src/routes/health.ts"
    changes.release(copy, "first")
    changes.release(copy, "second")
    assert health.read_text().count("release: 'second',") == 1
    changes.apply(Change.SOURCE, copy)
    assert health.read_text().count("release:") == 1
    assert "release: 'second.1'," in health.read_text()
