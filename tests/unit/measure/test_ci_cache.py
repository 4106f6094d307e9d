"""Where a fresh machine is to be had, and what becomes of one whose owner was killed."""

import os

import pytest

from helpers.engine import PrivateEngine
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.measure import ci_cache


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))


def machine_of(owner):
    home = paths.state("machines") / f"{owner}-abc123" / "trixie"
    home.mkdir(parents=True)
    (home / ".private-engine").touch()
    return home.parent


def test_a_machine_of_a_killed_owner_is_swept_and_a_living_ones_stays():
    dead, alive = machine_of(2**22 + 1), machine_of(os.getpid())
    ci_cache._sweep_machines()
    assert not dead.exists()
    assert alive.exists()


def test_without_the_private_engine_s_programs_there_is_none(monkeypatch):
    monkeypatch.setattr(PrivateEngine, "installed", property(lambda _: False))
    assert not ci_cache.available()
    with pytest.raises(WorkbookError, match="make engine"), ci_cache.fresh_machine([]):
        pass


def test_a_user_who_is_not_root_gets_none(monkeypatch):
    monkeypatch.setattr(PrivateEngine, "installed", property(lambda _: True))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not ci_cache.available()


def test_its_engine_keeps_images_as_containerd_does_and_the_usual_private_one_does_not(tmp_path):
    assert PrivateEngine(tmp_path, containerd_store=True)._configuration()["features"] == {
        "containerd-snapshotter": True
    }
    assert "features" not in PrivateEngine(tmp_path)._configuration()
