"""JupyterLab as a learner meets it: the first lesson run from the menu, its build seen, its widgets used."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Locator, Page

pytestmark = [pytest.mark.engine, pytest.mark.slow]
SECONDS = 1000


@pytest.fixture
def lesson(page, served) -> Page:
    """Open a copy of lesson 01 in JupyterLab."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.set_default_timeout(120 * SECONDS)
    page.goto(served.page("notebooks/01_naive.ipynb"))
    page.locator(".jp-Notebook").wait_for(timeout=90 * SECONDS)
    page.locator(".jp-MarkdownOutput h1").first.wait_for(timeout=90 * SECONDS)
    return page


def cell(page: Page, source: str):
    return page.locator(".jp-CodeCell").filter(has_text=source).first


def changed(shown, text: str) -> None:
    shown.page.wait_for_function("([e, t]) => e.innerText !== t", arg=[shown.element_handle(), text])


def scroll_to(page: Page, source: str):
    """JupyterLab draws the cells near the view: look from the top until the one with that source is there."""
    found = cell(page, source)
    page.locator(".jp-Notebook").first.hover()
    for wheel in (0, -100_000, *[500] * 80):
        if found.count() and found.is_visible():
            break
        page.mouse.wheel(0, wheel)
        page.wait_for_timeout(100)
    found.scroll_into_view_if_needed()
    return found


def wait_in(page: Page, source: str, ready: Callable[[Locator], bool], seconds: float = 900):
    """Wait until a cell shows something, and return the cell; ``seconds`` is for a very busy machine.

    JupyterLab follows what runs and takes the cells that are out of view out of the page, so the cell is
    looked for again and again. A cell that ended with an error ends the waiting.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(Error):  # the cell went out of the page between two looks
            found = scroll_to(page, source)
            if ready(found):
                return found
            failed = found.locator("[data-mime-type='application/vnd.jupyter.error']")
            assert not failed.count(), failed.first.inner_text()
        page.wait_for_timeout(300)
    pytest.fail(f"the cell {source!r} did not come so far in {seconds:.0f} s", pytrace=False)


def test_lesson_1_runs_from_the_menu_and_its_widget_answers_mouse_and_keyboard(lesson, screenshots):
    page = lesson
    page.get_by_role("menuitem", name="Run", exact=True).first.click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    source = 'naive = lesson.build("naive", cold=True)'
    wait_in(page, source, lambda shown: shown.locator(".wb-bar").count() > 0)
    build = wait_in(page, source, lambda shown: "built in" in shown.inner_text())
    build.screenshot(path=screenshots / "progress.png")

    explorer = wait_in(
        page, "lesson.explore(naive)", lambda shown: shown.get_by_role("slider").count() > 0
    )
    handle = explorer.get_by_role("slider")
    before = explorer.inner_text()
    handle.focus()
    page.keyboard.press("ArrowRight")
    changed(explorer, before)
    by_keyboard = explorer.inner_text()
    track = explorer.locator(".noUi-base").bounding_box()
    page.mouse.click(track["x"] + 0.8 * track["width"], track["y"] + track["height"] / 2)
    changed(explorer, by_keyboard)
    explorer.screenshot(path=screenshots / "explorer.png")

    chart = wait_in(page, "lesson.chart_layers(naive)", lambda shown: shown.locator("img").count() > 0)
    chart.screenshot(path=screenshots / "chart.png")


def test_the_progress_view_moves_while_a_build_runs(lesson):
    page = lesson
    page.get_by_role("menuitem", name="Kernel", exact=True).first.click()
    page.get_by_role("menuitem", name="Restart Kernel and Clear Outputs of All Cells…").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    first = scroll_to(page, "from helpers import claims, lesson")
    first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    build = scroll_to(page, 'naive = lesson.build("naive", cold=True)')
    build.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type('lesson.build("naive", cold=True)')
    page.keyboard.press("Shift+Enter")
    moved = page.locator(".wb-live").last
    moved.wait_for(timeout=300 * SECONDS)
    seen = set()
    while "built in" not in (text := moved.inner_text()):
        seen.add(text)
        page.wait_for_timeout(300)
    assert len(seen) > 2
