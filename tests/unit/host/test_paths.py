"""Where the workbook keeps what it makes, and what is said where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.host import paths
from helpers.host.errors import WorkbookError


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout and a home of the test's own, and no wish of the reader's."""
    root = tmp_path / "checkout"
    root.mkdir()
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("WORKBOOK_STATE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return root


def _close(monkeypatch, folder: Path) -> None:
    """Have a folder that may only be read: the tests may run as root, whom no mode stops."""
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder and access(path, mode))


def test_state_lies_in_the_checkout_unless_the_reader_names_a_folder(checkout, tmp_path, monkeypatch):
    assert paths.state("layers") == checkout / ".workbook/layers"
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "named"))
    assert paths.state("layers") == tmp_path / "named/layers"


@pytest.mark.parametrize("closed", [".", ".workbook"])
def test_state_of_a_closed_checkout_lies_in_the_users_cache(checkout, tmp_path, monkeypatch, closed):
    (checkout / closed).mkdir(exist_ok=True)
    _close(monkeypatch, checkout / closed)
    first = paths.state()
    assert first.parent == tmp_path / "home/.cache"
    monkeypatch.setattr(paths, "ROOT", tmp_path / "another checkout")
    _close(monkeypatch, tmp_path / "another checkout")
    assert paths.state() != first


def test_what_the_workbook_made_is_removed_and_what_was_there_stays(checkout, tmp_path, monkeypatch):
    paths.state("layers")
    paths.remove_state()
    assert not (checkout / ".workbook").exists()
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "new"))
    paths.state("layers")
    paths.remove_state()
    assert not (tmp_path / "new").exists()
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
    paths.state("layers")
    with pytest.raises(WorkbookError, match="was there before the workbook used it"):
        paths.remove_state()
    assert checkout.is_dir()
