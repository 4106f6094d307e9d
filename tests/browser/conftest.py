"""What browser tests share: a Chromium, and a JupyterLab that it opens.

Chromium is the one on the PATH or Playwright's own; on a Debian host with root and neither, one is
unpacked with all that it needs into a folder of ours and started from there, so that these tests run
wherever the engine's do.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from helpers import debian, debian_root, places
from helpers.workshop import Workshop

PACKAGES = ("chromium", "fonts-dejavu-core")
WRAPPER = """\
#!/bin/sh
exec unshare --mount --propagation private sh -c '
  mount -t proc proc "{root}/proc" && mount --bind /tmp "{root}/tmp" && mount --rbind /dev "{root}/dev"
  exec chroot "{root}" /usr/bin/chromium "$@"' chromium "$@"
"""


def _own_chromium() -> Path:
    """Unpack Debian's Chromium with its libraries, once, and return a program that starts it."""
    home = places.state("browser")
    wrapper, root = home / "chromium", home / "root"
    if not wrapper.exists():
        workshop = Workshop(home)
        with workshop.scratch() as scratch:
            made = debian_root.make(
                debian.host_suite(), PACKAGES, debian.architecture(), workshop, scratch
            )
            shutil.rmtree(root, ignore_errors=True)
            made.rename(root)
        wrapper.write_text(WRAPPER.format(root=root))
        wrapper.chmod(0o755)
    return wrapper


def _program() -> str | None:
    """Return Chromium's program; None means the one that Playwright brings."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    with sync_playwright() as player:
        if Path(player.chromium.executable_path).exists():
            return None
    if not Path("/etc/debian_version").exists() or os.geteuid() != 0:
        pytest.fail(
            "There is no Chromium here; run `python -m playwright install chromium`.", pytrace=False
        )
    return str(_own_chromium())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = _program()
    quiet = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    yield page
    page.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where the pictures stay, to be looked at."""
    return places.state("screenshots")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[str]:
    """Start JupyterLab as `make lab` does, on copies of the lessons; yield its address with a token."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(places.ROOT / "notebooks", folder / "notebooks")
    port, token = free_port(), secrets.token_hex(8)
    command = [sys.executable, "-m", "helpers", "lab", "--no-browser", f"--port={port}"]
    command += [f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=places.ROOT, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/api", server, folder / "log")
        yield f"{address}/lab/tree/{{path}}?token={token}"
    finally:
        server.terminate()
        server.wait(20)


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-800:]}", pytrace=False)
