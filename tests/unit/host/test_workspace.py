"""A working copy leaves its original alone and goes when it is done with."""

import os
import subprocess
import sys

import pytest

from helpers.host import paths, workspace
from helpers.host.errors import WorkbookError


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "Projekt mit Ümlaut"
    (folder / "src").mkdir(parents=True)
    (folder / "node_modules" / "left-pad").mkdir(parents=True)
    (folder / "src" / "index.ts").write_text("const answer = 41;\n")
    (folder / ".env.local").write_text("REAL=secret")
    return folder


def test_a_copy_leaves_out_what_tools_make_and_real_secrets(project):
    with workspace.copy(project) as copy:
        names = {file.name for file in copy.path.rglob("*")}
    assert names == {"src", "index.ts"}


def test_an_edit_changes_the_copy_and_not_the_original(project):
    with workspace.copy(project) as copy:
        edited = copy.edit("src/index.ts", "41", "42")
        assert edited.read_text() == "const answer = 42;\n"
    assert (project / "src" / "index.ts").read_text() == "const answer = 41;\n"


def test_the_copy_is_gone_after_an_exception(project):
    def work():
        with workspace.copy(project) as copy:
            folders.append(copy.path.parent)
            raise RuntimeError

    folders = []
    with pytest.raises(RuntimeError):
        work()
    assert not folders[0].exists()


def test_what_a_killed_process_left_is_swept_by_the_next_copy(project):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = paths.state("copies") / f"{ended.pid}-abc"
    mine = paths.state("copies") / f"{os.getpid()}-abc"
    left.mkdir()
    mine.mkdir()
    workspace.copy(project).close()
    assert not left.exists()
    assert mine.exists()


def test_the_secret_of_the_lesson_is_visibly_fake(project):
    with workspace.copy(project, with_secret=True) as copy:
        text = (copy.path / ".env.local").read_text()
    assert "fake" in text
    assert "NOT_A_REAL_KEY" in text


@pytest.mark.parametrize("old", ["43", "n"])
def test_an_edit_that_names_no_single_place_is_refused(project, old):
    with workspace.copy(project) as copy, pytest.raises(WorkbookError, match="stands once"):
        copy.edit("src/index.ts", old, "x")


def test_nothing_outside_the_copy_is_written(project):
    with workspace.copy(project) as copy, pytest.raises(WorkbookError, match="outside"):
        copy.write("../../escaped", "x")


def test_a_wrong_path_is_said_in_one_sentence(tmp_path):
    with pytest.raises(WorkbookError, match="no project folder at"):
        workspace.copy(tmp_path / "nowhere")


def test_a_copy_that_is_interrupted_leaves_no_half(project):
    def ignore(folder, _names):
        if folder.endswith("src"):
            raise KeyboardInterrupt
        return []

    with pytest.raises(KeyboardInterrupt):
        workspace.copy(project, ignore=ignore)
    assert not list(paths.state("copies").iterdir())
