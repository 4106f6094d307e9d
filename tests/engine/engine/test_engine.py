"""The engine that is found, held against what its own client says of it."""

from __future__ import annotations

import json
import subprocess

import pytest

from helpers import engine as engines

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]


def _said(engine, *arguments: str) -> str:
    command = engine.command(*arguments)
    environment = engine.process_environment()
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_client_and_the_sdk_reach_the_same_engine(engine):
    assert json.loads(_said(engine, "info", "--format", "{{json .ID}}")) == engine.client.info()["ID"]


def test_versions_architecture_and_root_are_the_engines_own(engine):
    info = json.loads(_said(engine, "info", "--format", "{{json .}}"))
    assert info["ServerVersion"].startswith(engine.version)
    assert info["DockerRootDir"] == engine.root
    version = json.loads(_said(engine, "version", "--format", "{{json .Server}}"))
    assert version["Arch"] == engine.architecture
    assert engine.buildx in _said(engine, "buildx", "version")


def test_it_is_looked_for_once(engine):
    assert engines.find() is engines.find()


def test_free_space_is_known_where_the_engines_disk_is_here(engine):
    free = engine.free_bytes
    assert free is None or free > 0
    if engine.private:
        assert free is not None


def test_the_containerd_store_is_recognised(engine):
    status = str(engine.client.info().get("DriverStatus"))
    assert (engine.store == "containerd") == ("containerd" in status)
