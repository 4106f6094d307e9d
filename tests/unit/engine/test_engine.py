"""What the reader is told when Docker, its client or its buildx is missing; no engine is needed."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.bases import local_registry
from helpers.engine import engine, private
from helpers.engine.engine import EngineError, NoEngineError

INFO = {
    "ServerVersion": "26.1.5+dfsg1",
    "Architecture": "x86_64",
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"]],
    "DockerRootDir": "/var/lib/docker",
}


class _FakeEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """As much of an engine's interface as it takes to be found."""

    daemon_threads = True
    info: dict

    def __init__(self, path: Path, info: dict) -> None:
        self.info = info
        super().__init__(str(path), _Answers)


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"/info": self.server.info, "/version": {"ApiVersion": "1.45"}}
        content = next((v for k, v in body.items() if self.path.endswith(k)), "OK")
        sent = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """Let no setting of this machine count, and no private engine."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(engine, "_found", None)
    monkeypatch.setattr(private.PrivateEngine, "running", False)
    (tmp_path / "bin").mkdir()
    (tmp_path / "config.json").write_text("{}")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a fake engine and point DOCKER_HOST at it."""
    started = []

    def begin(name: str = "docker.sock", **facts) -> _FakeEngine:
        server = _FakeEngine(tmp_path / name, {**INFO, **facts})
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        started.append(server)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / name}")
        return server

    yield begin
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def client(tmp_path):
    """Put a `docker` command on the PATH that says this of its buildx."""

    def write(says: str = "github.com/docker/buildx v0.13.1 abc", code: int = 0) -> Path:
        script = tmp_path / "bin" / "docker"
        script.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
        script.chmod(0o755)
        return script

    return write


def _sentence(kind: type[EngineError]) -> str:
    with pytest.raises(kind) as caught:
        engine.find()
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert text.count(". ") <= 1
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return text


def test_an_engine_that_answers_is_described(start, client):
    start()
    script = client()
    found = engine.find()
    assert found.description == "Docker Engine 26.1.5, buildx 0.13.1, linux/amd64"
    assert (found.store, found.root, found.private) == ("overlay2", "/var/lib/docker", False)
    assert found.command("info") == [str(script), "info"]


def test_the_containerd_store_is_told_apart(start, client):
    start(Driver="overlayfs", DriverStatus=[["driver-type", "io.containerd.snapshotter.v1"]])
    client()
    assert engine.find().store == "containerd"


def test_a_rootless_engine_is_told_apart_and_gets_no_registry_of_this_machines_loopback(start, client):
    server = start(DockerRootDir="/")
    client()
    assert not engine.find().rootless
    server.info["SecurityOptions"] = ["name=seccomp,profile=builtin", "name=rootless"]
    engine._found = None
    assert engine.find().rootless
    assert engine.find().free_bytes is not None
    assert local_registry.program_for(engine.find()) is None


def test_an_engine_without_cgroups_is_known_to_count_nothing_of_a_container(start, client):
    server = start(CgroupDriver="cgroupfs")
    client()
    assert engine.find().accounts
    server.info["CgroupDriver"] = "none"
    engine._found = None
    assert not engine.find().accounts


def test_an_arm_machine_goes_by_dockers_name(start, client):
    start(Architecture="aarch64")
    client()
    assert engine.find().architecture == "arm64"


def test_docker_host_that_leads_nowhere_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/dead.sock")
    text = _sentence(NoEngineError)
    assert f"No Docker engine answers at DOCKER_HOST=unix://{tmp_path}/dead.sock" in text
    assert "unset the variable" in text


@pytest.mark.parametrize("value", ["tcp://127.0.0.1:1", "nonsense://x", "unix:///no/such", "tcp://[::"])
def test_any_bad_docker_host_is_one_sentence(monkeypatch, value):
    monkeypatch.setenv("DOCKER_HOST", value)
    assert f"DOCKER_HOST={value}" in _sentence(NoEngineError)


def test_docker_host_that_never_answers_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "_PATIENCE", 0.3)
    with socketserver.UnixStreamServer(str(tmp_path / "mute.sock"), socketserver.BaseRequestHandler):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/mute.sock")
        begun = time.monotonic()
        assert "DOCKER_HOST" in _sentence(NoEngineError)
        assert time.monotonic() - begun < 30


def test_a_docker_context_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("DOCKER_CONTEXT", "farm")
    assert "DOCKER_CONTEXT=farm" in _sentence(NoEngineError)


def _write_context(tmp_path: Path, name: str, host: str) -> None:
    from docker.context.config import get_context_id

    folder = tmp_path / "contexts" / "meta" / get_context_id(name)
    folder.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints}))


def test_docker_context_wins_over_the_current_context_as_in_docker(start, client, monkeypatch, tmp_path):
    start("one.sock", ServerVersion="24.0.1")
    start("two.sock", ServerVersion="25.0.2")
    monkeypatch.delenv("DOCKER_HOST")
    client()
    for name in ("one", "two"):
        _write_context(tmp_path, name, f"unix://{tmp_path}/{name}.sock")
    (tmp_path / "config.json").write_text('{"currentContext": "one"}')
    assert engine.find().version == "24.0.1"
    monkeypatch.setenv("DOCKER_CONTEXT", "two")
    assert engine.find().version == "25.0.2"


def test_a_damaged_context_is_one_sentence(monkeypatch, tmp_path):
    _write_context(tmp_path, "one", "x")
    next(tmp_path.glob("contexts/meta/*/meta.json")).write_text("{")
    monkeypatch.setenv("DOCKER_CONTEXT", "one")
    assert "DOCKER_CONTEXT=one" in _sentence(NoEngineError)


def test_without_any_setting_the_remedy_fits_the_system(monkeypatch):
    monkeypatch.setattr(engine, "_reader_client", lambda: None)
    assert "`make engine`" in _sentence(NoEngineError)
    monkeypatch.setattr(engine.os, "uname", lambda: SimpleNamespace(sysname="Darwin"))
    assert "Docker Desktop" in _sentence(NoEngineError)


def test_a_setting_of_the_reader_is_never_replaced_by_the_private_engine(monkeypatch, tmp_path):
    monkeypatch.setattr(private.PrivateEngine, "running", True)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/dead.sock")
    _sentence(NoEngineError)


def test_an_old_engine_is_refused_with_its_version(start, client):
    start(ServerVersion="20.10.24")
    client()
    assert _sentence(EngineError) == (
        "Docker Engine 20.10.24 is too old for the workbook; install version 23 or later."
    )


def test_no_docker_command_is_said_so(start):
    start()
    assert "`docker` command is not on the PATH" in _sentence(EngineError)


def test_no_buildx_is_said_so(start, client):
    start()
    client("docker: 'buildx' is not a docker command.", code=1)
    assert "has no buildx" in _sentence(EngineError)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("github.com/docker/buildx v0.12.1 30feaa1", "0.12.1"),
        ("github.com/docker/buildx 0.10.5+ds1", "0.10.5+ds1"),
        ("buildx unknown", "unknown"),
        ("", "0"),
    ],
)
def test_an_old_buildx_is_refused_with_its_version(start, client, says, version):
    start()
    client(says)
    assert f"buildx {version} is too old" in _sentence(EngineError)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", "0.13.1"),
        ("github.com/docker/buildx v0.29.1-desktop.1 x", "0.29.1-desktop.1"),
        ("github.com/docker/buildx v1.0.0 x", "1.0.0"),
    ],
)
def test_each_spelling_of_a_version_is_understood(start, client, says, version):
    start()
    client(says)
    assert engine.find().buildx == version


def test_a_docker_command_that_cannot_run_is_said_so(start, client):
    start()
    client().write_bytes(b"\x7fELF nothing")
    assert "does not run" in _sentence(EngineError)


def test_an_engine_is_looked_up_once_while_it_answers_and_settings_stay(start, client, monkeypatch):
    start("one.sock")
    client()
    first = engine.find()
    assert engine.find() is first
    start("two.sock", ServerVersion="28.5.2")
    assert engine.find().version == "28.5.2"


def test_an_engine_that_went_away_is_no_longer_returned(start, client, tmp_path):
    server = start()
    client()
    engine.find()
    server.shutdown()
    server.server_close()
    (tmp_path / "docker.sock").unlink()
    _sentence(NoEngineError)
