"""A guess in a real JupyterLab: the box begins empty, and a later cell says how far off the guess was."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser import lab

pytestmark = pytest.mark.slow
SECONDS = 1000
CELLS = (
    """\
from helpers import lesson
disk = lesson.guess("How large will the image be on disk?", "MB")
stops = lesson.guess("Will the build stop?", choices=("yes", "no"))""",
    "disk.against(1200)\nstops.against(True)",
)


@pytest.fixture(params=["Light", "Dark"])
def notebook(request, page, dress, served, lab_folder) -> Page:
    """Open the notebook in a theme, with a kernel of its own, and run it from the menu."""
    file = f"guess-{request.param}.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=about), lab_folder / file)
    page.set_default_timeout(180 * SECONDS)
    dress(request.param)
    served.show(page, file)
    lab.run_all(page)
    return page


def outputs(page: Page, cell: int):
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-Cell-outputWrapper")


def test_run_all_guesses_nothing_and_a_number_typed_is_set_against_the_measured_one(
    notebook, faint, screenshots
):
    page = notebook
    asked, said = outputs(page, 0), outputs(page, 1)
    expect(said).to_contain_text("You made no guess; it is 1,200 MB.")
    expect(page.locator(".jp-InputPrompt", has_text="[*]")).to_have_count(
        0
    )  # else the box is drawn anew
    box = asked.get_by_label("How large will the image be on disk?")
    expect(box).to_have_value("")
    box.press_sequentially("400")
    expect(box).to_have_value("400")  # outside the box, JupyterLab takes 0 0 for a restart of the kernel
    asked.get_by_role("button", name="yes").click()
    assert faint(page, ".jp-OutputArea-output") == []
    page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(said).to_contain_text("You guessed 400 MB, and it is 1,200 MB: too low by a factor of 3.0.")
    expect(said).to_contain_text("You guessed right: the answer is yes.")
    light = page.evaluate("document.body.dataset.jpThemeLight")
    page.screenshot(path=screenshots / f"guess-light-{light}.png")
