"""Notes for the presenter in JupyterLab: out of the learner's way until the button above is pressed."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow
SECONDS = 1000


def markdown(text, kind):
    return nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}})


@pytest.fixture
def notebook(page, served, lab_folder) -> Page:
    cells = [
        markdown("# A lesson", "slide"),
        markdown("First aside", "notes"),
        markdown("Second aside", "notes"),
        nbformat.v4.new_code_cell("6 * 7"),
    ]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=about), lab_folder / "notes.ipynb")
    page.set_default_timeout(180 * SECONDS)
    served.show(page, "notes.ipynb")
    return page


def test_notes_are_hidden_until_they_are_asked_for(notebook, screenshots):
    button = notebook.get_by_role("button", name="Notes", exact=True)
    notes = notebook.locator(".jp-MarkdownCell", has_text="aside")
    expect(notes).to_have_count(2)
    expect(notes.first).to_be_hidden()
    button.click()
    expect(notes.first).to_be_visible()
    expect(notes.last).to_be_visible()
    notebook.screenshot(path=screenshots / "notes.png")
    button.click()
    expect(notes.first).to_be_hidden()


def test_the_keys_pass_over_hidden_notes(notebook):
    active = notebook.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    notebook.locator("h1", has_text="A lesson").click()
    expect(active).to_contain_text("A lesson")
    notebook.keyboard.press("ArrowDown")
    expect(active).to_contain_text("6 * 7")
    notebook.keyboard.press("ArrowUp")
    expect(active).to_contain_text("A lesson")
    notebook.keyboard.press("Shift+Enter")
    expect(active).to_contain_text("6 * 7")


def test_a_notebook_without_notes_has_no_button(page, served, lab_folder):
    nbformat.write(
        nbformat.v4.new_notebook(cells=[markdown("# Plain", "slide")]), lab_folder / "plain.ipynb"
    )
    served.show(page, "plain.ipynb")
    page.locator(".jp-Toolbar-item[data-jp-item-name='kernelName']").first.wait_for()
    expect(page.get_by_role("button", name="Notes", exact=True)).to_have_count(0)
