"""Builds go where the reader's settings lead: another engine, or another BuildKit, and nowhere else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from helpers import engine as engines
from helpers import image
from helpers.bases import Base, Source
from helpers.buildx import BuildError, Request, build
from helpers.engine import PrivateEngine, builder
from helpers.host.errors import WorkbookError

pytestmark = [
    pytest.mark.engine,
    pytest.mark.every_engine,
    pytest.mark.private_engine,
]

SHELL = "COPY busybox /bin/sh\nCOPY busybox /bin/busybox\n"
DOCKERFILE = f"FROM scratch\n{SHELL}COPY source.txt /source.txt\nRUN busybox cat /source.txt > /copy\n"


class _Bridge:
    """A socket on which the BuildKit inside a Docker engine answers as a ``buildkitd`` would."""

    def __init__(self, engine_socket: Path, path: Path) -> None:
        self._engine_socket = engine_socket
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as buildkit:
            buildkit.connect(str(self._engine_socket))
            buildkit.sendall(
                b"POST /grpc HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            )
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += buildkit.recv(1)
            assert b" 101 " in head, head
            up = threading.Thread(target=_pass_on, args=(client, buildkit), daemon=True)
            up.start()
            _pass_on(buildkit, client)
            up.join()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    try:
        while piece := one.recv(1 << 16):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture(scope="module")
def second(programs, tmp_path_factory) -> Iterator[PrivateEngine]:
    """Start an engine that has nothing; its store can hand images out to another engine."""
    own = PrivateEngine(tmp_path_factory.mktemp("second"), programs=programs, containerd_store=True)
    try:
        own.start()
        yield own
    finally:
        own.remove()


@pytest.fixture
def settings(engine, monkeypatch, tmp_path) -> pytest.MonkeyPatch:
    """Set what leads to the first engine, with a client configuration of the test's own."""
    before = engine.process_environment()
    kept = Path(before.get("DOCKER_CONFIG", Path.home() / ".docker"), "config.json")
    config = json.loads(kept.read_text()) if kept.exists() else {}
    folder = tmp_path / "client"
    folder.mkdir()
    plugins = (
        {"cliPluginsExtraDirs": config["cliPluginsExtraDirs"]} if "cliPluginsExtraDirs" in config else {}
    )
    (folder / "config.json").write_text(json.dumps(plugins))
    for name in ("DOCKER_CONTEXT", "BUILDX_BUILDER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("PATH", str(Path(engine.docker).parent), prepend=os.pathsep)
    return monkeypatch


def _docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


def _has(engine, tag: str) -> bool:
    try:
        return bool(engine.client.images.get(tag))
    except ImageNotFound:
        return False


def _request(context: Path, tag: str, text: str = DOCKERFILE, **wishes) -> Request:
    (context / "Dockerfile").write_text(text)
    return Request(context / "Dockerfile", context, tag, **wishes)


def _assert_it_is_there_and_can_be_measured(result, here, elsewhere) -> None:
    assert result.engine.client.info()["ID"] == here.client.info()["ID"]
    assert _has(here, result.tag)
    assert not _has(elsewhere, result.tag)
    assert result.uncompressed_bytes > 1e6
    assert result.compressed_bytes > 5e5
    assert image.find(result.tag, here).files.get("/copy").bytes == len("first\n")
    said = here.client.containers.run(result.tag, ["busybox", "cat", "/copy"], remove=True)
    assert said == b"first\n"


@pytest.mark.parametrize("how", ["DOCKER_HOST", "DOCKER_CONTEXT", "docker context use"])
def test_the_engine_that_is_chosen_builds_and_no_other(engine, second, settings, context, tag, how):
    there = engines.of(second)
    if how == "DOCKER_HOST":
        settings.setenv("DOCKER_HOST", f"unix://{second.socket}")
    else:
        _docker("context", "create", "class", "--docker", f"host=unix://{second.socket}")
        settings.delenv("DOCKER_HOST", raising=False)
        if how == "DOCKER_CONTEXT":
            settings.setenv("DOCKER_CONTEXT", "class")
        else:
            _docker("context", "use", "class")
    result = build(_request(context, tag))
    try:
        _assert_it_is_there_and_can_be_measured(result, there, engine)
    finally:
        there.client.images.remove(tag, force=True)


@pytest.fixture
def plain(context) -> Path:
    """Give the build context a name that buildx can send to a builder elsewhere."""
    return context.rename(context.with_name("plain"))


@pytest.fixture
def farm(second, settings, tmp_path) -> Iterator[pytest.MonkeyPatch]:
    """Choose a remote BuildKit, the one inside the second engine."""
    settings.chdir(tmp_path)  # buildx sends the name of the working folder along
    path = tmp_path / "bk.sock"
    bridge = _Bridge(second.socket, path)
    try:
        _docker("buildx", "create", "--name", "farm", "--driver", "remote", f"unix://{path}")
        settings.setenv("BUILDX_BUILDER", "farm")
        yield settings
    finally:
        bridge.close()


def test_the_builder_that_is_chosen_builds_and_the_engine_gets_the_image(
    engine, second, farm, plain, tag
):
    there = engines.of(second)
    known = {row["ID"] for row in there.client.df()["BuildCache"]}
    result = build(_request(plain, tag, cold=True))
    assert "builder farm (remote)" in result.conditions
    assert {row["ID"] for row in there.client.df()["BuildCache"]} - known
    _assert_it_is_there_and_can_be_measured(result, engines.find(), there)


def test_a_builder_elsewhere_is_given_the_stand_in_that_only_the_engine_has(
    engine, second, farm, plain, new_tag
):
    farm.delenv("BUILDX_BUILDER")
    base = build(_request(plain, new_tag(), f"FROM scratch\n{SHELL}ENV FROM_BASE=yes\n"))
    farm.setenv("BUILDX_BUILDER", "farm")
    stand_in = Base("node:20", Source.STAND_IN, base.tag)
    text = "FROM node:20\nCOPY source.txt /source.txt\nRUN busybox cat /source.txt > /copy\n"
    result = build(_request(plain, new_tag(), text, bases=(stand_in,)))
    assert not _has(engines.of(second), base.tag)
    assert any("=oci-layout://" in word for word in result.command)
    _assert_it_is_there_and_can_be_measured(result, engines.find(), engines.of(second))
    assert "FROM_BASE=yes" in engine.client.images.get(result.tag).attrs["Config"]["Env"]
    again = build(_request(plain, result.tag, text, bases=(stand_in,)))
    assert all(step.cached for step in again.steps if not step.internal)


def test_a_context_whose_name_buildx_cannot_send_elsewhere_is_one_sentence(farm, context, tag):
    with pytest.raises(BuildError, match=r"^buildx cannot send .* rename the folder"):
        build(_request(context, tag))


def test_a_builder_that_is_another_engine_is_refused_in_one_sentence(second, settings):
    _docker("context", "create", "class", "--docker", f"host=unix://{second.socket}")
    settings.setenv("BUILDX_BUILDER", "class")
    with pytest.raises(WorkbookError, match=r"'class' is another Docker engine .*DOCKER_CONTEXT=class"):
        engines.find()
    settings.delenv("DOCKER_HOST", raising=False)
    settings.setenv("DOCKER_CONTEXT", "class")
    assert not engines.find().builder.apart


def test_a_private_engine_builds_for_itself_whatever_builder_is_chosen(second, farm, context, tag):
    there = engines.of(second)
    assert there.builder == builder.ENGINE
    result = build(_request(context, tag), engine=there)
    assert _has(there, tag)
    assert "BUILDX_BUILDER=''" in result.shell_command
    there.client.images.remove(tag, force=True)
