"""The command's own part: variables of the start, and files that it may change."""

from __future__ import annotations

import subprocess

import pytest

from helpers.examine import find
from helpers.host.errors import WorkbookError
from helpers.improve import command, trial


def test_variables_come_from_a_file_and_from_the_command_line(tmp_path):
    file = tmp_path / "vars"
    file.write_text("# a comment\n\nA=1\nB=x=y\n")
    assert command._environment(["A=2"], file) == {"A": "2", "B": "x=y"}


def test_an_error_shows_no_value(tmp_path):
    file = tmp_path / "vars"
    file.write_text("hunter2secret\n")
    for pairs, given in (([], file), (["hunter2secret"], None)):
        with pytest.raises(WorkbookError) as caught:
            command._environment(pairs, given)
        assert "hunter2" not in str(caught.value)


def test_only_files_that_git_has_as_they_are_may_be_changed(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    project = find(tmp_path)
    with pytest.raises(WorkbookError, match="git does not know"):
        command._require_clean(project)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    with pytest.raises(WorkbookError, match="changes that git does not have"):
        command._require_clean(project)
    subprocess.run([*git, "add", "Dockerfile"], check=True)
    subprocess.run([*git, "commit", "-qm", "a"], check=True)
    command._require_clean(project)
    (tmp_path / ".dockerignore").write_text("a\n")
    with pytest.raises(WorkbookError, match=r"\.dockerignore"):
        command._require_clean(project)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("GET /a?b=1", ("GET", "/a?b=1")),
        ("/x", ("GET", "/x")),
        ("post /y", ("POST", "/y")),
        ("GET x", None),
    ],
)
def test_a_probe_is_a_method_and_a_path(given, read):
    if read:
        assert trial._probe(given) == read
    else:
        with pytest.raises(WorkbookError, match="METHOD /path"):
            trial._probe(given)
