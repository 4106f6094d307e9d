"""Where a rootless engine's user can come in, and what its daemon finds; none is started."""

from __future__ import annotations

import pytest

from helpers.host.errors import PrivateEngineError
from tests.engines import rootless
from tests.engines.rootless import RootlessEngine


def test_a_folder_that_its_user_cannot_enter_is_named(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(PrivateEngineError, match=r"user cannot enter .*; move the workbook"):
        RootlessEngine(closed / "engine", programs=tmp_path).start()
    assert list(closed.iterdir()) == []


def test_its_own_tools_come_first_and_the_runtime_folder_is_its_home(tmp_path):
    engine = RootlessEngine(tmp_path / "engine", programs=tmp_path / "programs")
    seen = engine._daemon_environment()
    assert seen["PATH"].split(":")[:2] == [
        f"{tmp_path}/engine/tools/usr/bin",
        f"{tmp_path}/programs/usr/bin",
    ]
    assert seen["HOME"] == seen["XDG_RUNTIME_DIR"] == str(engine.socket.parent)


def test_no_path_becomes_part_of_the_script_that_prepares_its_user(tmp_path):
    engine = RootlessEngine(tmp_path / "a $(b) 'c", programs=tmp_path)
    command = engine._command()
    assert command[command.index("-ec") + 1] == rootless._AS_USER
