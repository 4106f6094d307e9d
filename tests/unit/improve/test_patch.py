"""A patch is one that git applies: line ends, a missing last newline, new files, odd names."""

from __future__ import annotations

import subprocess

import pytest

from helpers.improve.draft import Edit
from helpers.improve.patch import ChangedFile, text_of
from tests.unit.improve.drafts import draft


@pytest.mark.parametrize(
    "before",
    [
        "FROM a\nRUN b\nCMD c\n",
        "FROM a\r\nRUN b\r\nCMD c\r\n",
        "FROM a\nRUN b\nCMD c",
        "FROM a\r\nRUN b\r\nCMD c",
        "\ufeffFROM a\n# é\nRUN b\nCMD c\n",
    ],
)
@pytest.mark.parametrize(
    "edit",
    [Edit(1, 1, ("FROM x", "ENV y=1")), Edit(4, 3, ("USER z",)), Edit(3, 3, ()), Edit(3, 2, ("A b",))],
)
def test_git_applies_a_patch_to_files_as_they_are(tmp_path, before, edit):
    draft(tmp_path, {"Dockerfile": before})
    after = draft(tmp_path, {"Dockerfile": before}).edited([edit]).text
    files = [ChangedFile("Dockerfile", before, after), ChangedFile(".dockerignore", None, ".git\n")]
    applied(tmp_path, text_of(files))
    assert (tmp_path / "Dockerfile").read_bytes() == after.encode()
    assert (tmp_path / ".dockerignore").read_bytes() == b".git\n"
    assert ("\r\n" in before) == ("\r\n" in after)
    assert after.count("\r") in (0, after.count("\n"))


def test_git_applies_a_patch_in_a_folder_of_the_repository_and_to_names_with_blanks(tmp_path):
    folder = tmp_path / "an api"
    folder.mkdir()
    (folder / "My Dockerfile").write_text("FROM a\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    applied(folder, text_of([ChangedFile("My Dockerfile", "FROM a\n", "FROM b\n")]))
    assert (folder / "My Dockerfile").read_text() == "FROM b\n"


def test_files_that_stay_are_not_in_the_patch():
    assert text_of([ChangedFile("a", "x\n", "x\n")]) == ""


def applied(folder, patch: str) -> None:
    command = ["git", "-C", str(folder), "apply", "-"]
    done = subprocess.run(command, input=patch.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
