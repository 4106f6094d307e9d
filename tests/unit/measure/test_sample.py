"""The sample app's Dockerfiles, and edits of a copy: new each time, valid for npm, gone afterwards."""

import json
from datetime import date

import pytest

from helpers.buildx import dockerfile
from helpers.claims import support
from helpers.host import workspace
from helpers.host.errors import WorkbookError
from helpers.measure import sample


def test_every_dockerfile_has_a_short_name_and_a_line_that_says_what_it_shows():
    for name, file in sample.dockerfiles().items():
        assert name == name.lower()
        assert file.read_text().startswith("# "), name


def test_the_bases_of_all_dockerfiles_are_prepared_once_each():
    names = sample.base_images()
    assert names[:2] == ["node:20", "node:20-alpine"]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["recommended", "pinned", "alpine_nonroot", "one_libc_debian"])
def test_what_is_recommended_stands_on_lines_that_get_fixes_the_day_it_was_chosen(name):
    for image in dockerfile.read(sample.dockerfile(name)).base_images():
        assert support.lines_of(image)
        assert not support.ended([image], date(2026, 11, 30)), image


def test_the_recommended_file_runs_without_root_in_a_folder_that_root_made():
    lines = sample.dockerfile("recommended").read_text().splitlines()
    start = lines.index("FROM gcr.io/distroless/nodejs24-debian13:nonroot AS runner")
    assert lines[start + 1 : start + 3] == ["USER 0", "WORKDIR /app"]
    assert [line for line in lines if line.startswith("USER")][-1] == "USER 65532"
    assert any(line.startswith("HEALTHCHECK") for line in lines)


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
        (sample.source_edit, {"src/version.ts"}),
        (sample.dependency_edit, {"package.json", "package-lock.json"}),
        (sample.script_edit, {"package.json"}),
        (sample.test_edit, {"test/health.test.ts"}),
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


@pytest.mark.parametrize(
    "edit", [sample.source_edit, sample.dependency_edit, sample.script_edit, sample.test_edit]
)
def test_no_edit_is_made_twice(app, edit):
    seen = []
    for _ in range(2):
        with edit(app):
            seen.append(contents(app))
    assert seen[0] != seen[1]


def test_manifest_and_lock_file_agree_after_a_dependency_edit(app):
    with sample.dependency_edit(app) as name:
        manifest = json.loads((app.path / "package.json").read_text())
        lock = json.loads((app.path / "package-lock.json").read_text())
        root = lock["packages"][""]
        assert manifest["dependencies"] == root["dependencies"]
        assert manifest["version"] == lock["version"] == root["version"]
        assert f"node_modules/{name}" in lock["packages"]


def test_a_script_edit_changes_no_dependency(app):
    before = json.loads((app.path / "package.json").read_text())
    with sample.script_edit(app):
        after = json.loads((app.path / "package.json").read_text())
    assert after["dependencies"] == before["dependencies"]
    assert set(after["scripts"]) - set(before["scripts"]) == {"hello"}


def test_a_dependency_that_is_there_already_is_refused(app):
    with (
        sample.dependency_edit(app),
        pytest.raises(WorkbookError, match="already"),
        sample.dependency_edit(app),
    ):
        pass


def test_a_copy_without_the_file_is_refused(app):
    (app.path / "src/version.ts").unlink()
    with pytest.raises(WorkbookError, match=r"src/version\.ts"), sample.source_edit(app):
        pass


def test_a_broken_manifest_is_refused_in_a_sentence(app):
    app.write("package.json", "{")
    with pytest.raises(WorkbookError, match="no JSON"), sample.script_edit(app):
        pass
