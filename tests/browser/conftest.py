"""What browser tests share: a Chromium, a JupyterLab that it opens, and judges of what they show."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from helpers import browser as browsers
from helpers import lab, places
from helpers.lab import Lab

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
    return places.state("screenshots")


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory) -> Path:
    """The folder that JupyterLab shows: copies of the lessons, and what a test writes there."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(places.ROOT / "notebooks", folder / "notebooks")
    return folder


@pytest.fixture(scope="session")
def served(lab_folder) -> Iterator[Lab]:
    """Start JupyterLab as `make lab` does, in that folder."""
    with lab.serving(lab_folder) as served:
        yield served


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
