"""What browser tests share: a Chromium, a JupyterLab that it opens, and judges of what they show."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from helpers.host import paths
from tests.browser import chromium as browsers
from tests.browser import lab
from tests.browser.lab import Lab

expect.set_options(timeout=120_000)  # milliseconds, for a very busy machine
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
UNDESCRIBED = """where => [...document.querySelectorAll(where)].flatMap(part =>
  [...part.querySelectorAll('img')].filter(img => img.alt.length < 20).map(img => img.outerHTML.slice(0, 120)))"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsers.opened() as browser:
        yield browser


@pytest.fixture
def page(browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    yield page
    page.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where the pictures stay, to be looked at."""
    return paths.state("screenshots")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Give what serves a folder on loopback and returns the address."""
    servers = []

    def serve(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def asked(page) -> list[str]:
    """The addresses that the page asks for, as the browser tells; what stands inside a page is none."""
    asked: list[str] = []

    def note(url: str) -> None:
        if not url.startswith(("data:", "blob:")):
            asked.append(url.replace("ws://", "http://", 1))

    page.on("request", lambda request: note(request.url))
    page.on("websocket", lambda socket: note(socket.url))
    return asked


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory) -> Path:
    """The folder that JupyterLab shows: copies of the lessons, and what a test writes there."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(paths.ROOT / "notebooks", folder / "notebooks")
    return folder


@pytest.fixture(scope="session")
def served(lab_folder) -> Iterator[Lab]:
    """Start JupyterLab as `make lab` does, in that folder."""
    with lab.serving(lab_folder) as served:
        yield served


@pytest.fixture
def dress(served, page) -> Iterator[Callable[[str], None]]:
    """Give what sets JupyterLab's theme, light or dark, for pages opened from then on."""
    setting = (
        f"{served.address}/lab/api/settings/@jupyterlab/apputils-extension:themes?token={served.token}"
    )

    def dress(theme: str) -> None:
        answer = page.request.put(setting, data={"raw": json.dumps({"theme": f"JupyterLab {theme}"})})
        assert answer.ok, answer.text()

    yield dress
    dress("Light")


@pytest.fixture(scope="session")
def faint() -> Callable[[Page, str], list[str]]:
    """Give what names the text that stands out too little, of the parts that a CSS selector finds."""

    def faint(page: Page, where: str) -> list[str]:
        found = page.evaluate(CONTRAST, where)
        assert found["judged"], f"there is no text at {where}"
        return [
            f"{each['found']}:1, not {each['needed']}: {each['text']!r} in {each['where']}, "
            f"{each['color']} on {each['behind']}"
            for each in found["wrong"]
        ]

    return faint


@pytest.fixture(scope="session")
def undescribed() -> Callable[[Page, str], list[str]]:
    """Give what names the pictures without a text alternative, of the parts that a CSS selector finds."""
    return lambda page, where: page.evaluate(UNDESCRIBED, where)
