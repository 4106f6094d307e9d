"""The notebook server that `make lab` starts keeps its token and listens on this machine alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import helpers.__main__ as commands
from helpers.host import paths
from helpers.host.errors import WorkbookError

OPENING = re.compile(
    r"token|password|allow_unauthenticated|disable_check_xsrf|allow_origin|\bip=|allow_remote|IdentityProvider"
)


@pytest.mark.parametrize("root", [True, False])
def test_its_command_opens_nothing(root, monkeypatch):
    given: list[list[str]] = []
    monkeypatch.setattr(commands, "start_engine", lambda: None)
    monkeypatch.setattr(os, "execv", lambda _, words: given.append(words))
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(sys, "argv", ["helpers", "lab"])
    commands.open_lab()
    assert given[0][1:3] == ["-m", "jupyterlab"]
    assert [word for word in given[0] if OPENING.search(word)] == []


@pytest.mark.parametrize("file", ["Makefile", ".ci/run", "docs/class.md"])
def test_nothing_that_starts_it_opens_anything(file):
    text = (paths.ROOT / file).read_text()
    assert [
        line for line in text.splitlines() if "lab" in line and re.search(r"token=''|token=\"\"", line)
    ] == []


@pytest.mark.slow
def test_the_server_that_really_runs_asks_for_its_token(tmp_path):
    """Without an engine it opens all the same, and says so; its settings are no one's but its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    environment |= {
        "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock",
        "HOME": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "no_proxy": "127.0.0.1,localhost",
    }
    command = [sys.executable, "-m", "helpers", "lab", "--no-browser"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=paths.ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        told = wait_for(tmp_path, server)
        assert len(told["token"]) >= 32
        assert told["password"] is False
        assert told["hostname"] == "localhost"
        if sys.platform == "linux":
            addresses = listening(server.pid)
            assert "0100007F" in addresses  # 127.0.0.1
            assert addresses <= {"0100007F", "00000000000000000000000001000000"}
        address = f"http://127.0.0.1:{told['port']}/api/contents"
        assert status(address) == 403
        assert status(f"{address}?token=guessed") == 403
        assert status(f"{address}?token={told['token']}") == 200
    finally:
        server.terminate()
        server.wait(20)


def wait_for(folder: Path, server: subprocess.Popen) -> dict:
    """Return what the server writes of itself once it listens."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        for file in (folder / "runtime").glob("jpserver-*.json"):
            told = json.loads(file.read_text() or "{}")
            if told and status(f"http://127.0.0.1:{told['port']}/api"):
                return told
        time.sleep(0.2)
    pytest.fail((folder / "log").read_text()[-800:], pytrace=False)


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def listening(process: int) -> set[str]:
    """Return the addresses on which a process listens, as the kernel writes them."""
    held = set()
    for handle in Path(f"/proc/{process}/fd").iterdir():
        try:
            held |= set(re.findall(r"socket:\[(\d+)\]", str(handle.readlink())))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            words = row.split()
            if words[3] == "0A" and words[9] in held:
                found.add(words[1].partition(":")[0])
    return found


def test_an_engine_that_is_missing_keeps_no_one_from_the_lessons(monkeypatch, capsys):
    def fail():
        raise WorkbookError("No Docker engine answers at tcp://reader:planted@host:1; start it.")

    monkeypatch.setattr(commands, "start_engine", fail)
    monkeypatch.setattr(os, "execv", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["helpers", "lab"])
    commands.open_lab()
    said = capsys.readouterr().out
    assert "The lessons open all the same" in said
    assert "planted" not in said
