"""JupyterLab as a learner meets it: the first lesson run from the menu, its build seen, its widgets used."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import Locator, Page

from tests.browser import lab

pytestmark = [pytest.mark.engine, pytest.mark.slow]
SECONDS = 1000
ERROR = "[data-mime-type='application/vnd.jupyter.error']"


@pytest.fixture
def lesson(page, served, lab_folder) -> Page:
    """Open a copy of lesson 01 in JupyterLab and run it from the menu; the copy has no outputs yet."""
    file = lab_folder / "notebooks" / "01_naive.ipynb"
    notebook = nbformat.read(file, as_version=4)
    for each in notebook.cells:
        if each.cell_type == "code":
            each.outputs, each.execution_count = [], None
    nbformat.write(notebook, file)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.set_default_timeout(120 * SECONDS)
    served.show(page, "notebooks/01_naive.ipynb")
    lab.run_all(page)
    return page


def cell(page: Page, source: str) -> Locator:
    return page.locator(".jp-CodeCell").filter(has_text=source).first


def wait_for(shown: Locator, seconds: float = 1500) -> Locator:
    """Wait until something is shown, and return it; a cell that ends with an error ends the waiting."""
    failed = shown.page.locator(ERROR)
    shown.or_(failed).first.wait_for(timeout=seconds * SECONDS)
    assert not failed.count(), failed.first.inner_text()
    return shown


def changed(shown: Locator, text: str) -> None:
    shown.page.wait_for_function("([e, t]) => e.innerText !== t", arg=[shown.element_handle(), text])


def test_lesson_1_runs_from_the_menu_and_its_widget_answers_mouse_and_keyboard(lesson, screenshots):
    page = lesson
    build = cell(page, 'naive = lesson.build("naive", cold=True)')
    wait_for(build.locator(".wb-bar").first)
    wait_for(build.get_by_text("built in").first)
    build.screenshot(path=screenshots / "progress.png")

    explorer = cell(page, "lesson.explore(naive)")
    handle = wait_for(explorer.get_by_role("slider"))
    before = explorer.inner_text()
    handle.focus()
    page.keyboard.press("ArrowRight")
    changed(explorer, before)
    by_keyboard = explorer.inner_text()
    explorer.scroll_into_view_if_needed()
    track = explorer.locator(".noUi-base").bounding_box()
    page.mouse.click(track["x"] + 0.8 * track["width"], track["y"] + track["height"] / 2)
    changed(explorer, by_keyboard)
    explorer.screenshot(path=screenshots / "explorer.png")

    chart = cell(page, "lesson.chart_layers(naive)")
    wait_for(chart.locator("img").first)
    chart.screenshot(path=screenshots / "chart.png")
