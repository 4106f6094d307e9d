"""A registry on loopback takes a push and gives it back, as a program and as a container."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from helpers.bases import local_registry
from helpers.buildx import Request, build
from helpers.host import debian, paths

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]


def get(address: str, path: str) -> dict:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
        return json.load(answer)


@pytest.fixture
def image(engine, context, tag):
    (context / "Dockerfile").write_text("FROM scratch\nCOPY busybox /\n")
    return build(Request(context / "Dockerfile", context, tag), engine=engine).tag


@pytest.fixture
def program(engine):
    """The registry's program, for an engine that shares this machine's loopback."""
    if (program := local_registry.program_for(engine)) is None:
        pytest.skip("its registry is a container, which the next run takes away")
    return program


def push(engine, reference, address):
    name = f"{address}/pushed"
    engine.client.images.get(reference).tag(name, tag="1")
    try:
        said = list(engine.client.api.push(name, tag="1", stream=True, decode=True))
    finally:
        engine.client.images.remove(f"{name}:1")
    assert not [line for line in said if "error" in line], said


def test_the_program_is_fetched_to_where_a_link_of_its_folder_leads(
    engine, program, tmp_path, monkeypatch
):
    (tmp_path / "apt").symlink_to(paths.state("apt"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "registry").symlink_to("elsewhere")
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
    assert local_registry.program_for(engine).read_bytes() == program.read_bytes()
    assert (tmp_path / "elsewhere" / "usr/bin/docker-registry").exists()


def folders_of(process: int) -> list[Path]:
    return list(paths.state("registries").glob(f"{process}-*"))


def test_the_program_takes_a_push_and_leaves_nothing(engine, image):
    with local_registry.serving(engine) as address:
        assert get(address, "/v2/_catalog") == {"repositories": []}
        push(engine, image, address)
        assert get(address, "/v2/pushed/tags/list")["tags"] == ["1"]
    assert folders_of(os.getpid()) == []


@pytest.mark.private_engine
def test_the_container_takes_a_push(engine, image, ours, monkeypatch):
    monkeypatch.setattr(local_registry, "program_for", lambda _: None)  # an engine elsewhere
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")
    with local_registry.serving(engine) as address:
        assert len(ours()) == 1
        push(engine, image, address)
        assert get(address, "/v2/_catalog") == {"repositories": ["pushed"]}
    assert not ours()


def test_it_ends_with_a_process_that_is_killed(program):
    script = (
        "import time\nfrom helpers.bases import local_registry\n"
        "with local_registry.serving() as address:\n    print(address, flush=True)\n    time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    address = owner.stdout.readline().strip()
    assert get(address, "/v2/") == {}
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert stops_answering(address)
    with local_registry.serving():
        assert folders_of(owner.pid) == []


@pytest.mark.private_engine
def test_ctrl_c_while_it_is_unpacked_leaves_no_half_a_program(engine, program, tmp_path, monkeypatch):
    packages, unpack, which = paths.state("apt"), debian.unpack, shutil.which
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None if "registry" in name else which(name))
    (tmp_path / "apt").symlink_to(packages)

    def interrupted(*given):
        os.truncate(unpack(*given) / "usr/bin/docker-registry", 1000)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(debian, "unpack", interrupted)
        with pytest.raises(KeyboardInterrupt):
            local_registry.program_for(engine)
    assert not local_registry.kept_program().exists()
    again = local_registry.program_for(engine)
    assert again == local_registry.kept_program()
    assert subprocess.run([again, "--version"], check=False).returncode == 0


def stops_answering(address: str) -> bool:
    for _ in range(50):
        try:
            get(address, "/v2/")
        except OSError:
            return True
        time.sleep(0.1)
    return False
