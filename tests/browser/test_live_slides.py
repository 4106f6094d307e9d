"""Live slides in JupyterLab at the size of a projector: read from the back row, and run by the keyboard."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
SECONDS = 1000
SMALLEST = 24  # pixels of letters on a screen of 1280 by 720
SIZE = "text => parseFloat(getComputedStyle(text).fontSize)"


def cell(make, source, kind):
    return make(source, metadata={"slideshow": {"slide_type": kind}})


@pytest.fixture
def slides(page, asked, served, lab_folder):
    """Present a small notebook of the lessons' kind, in the lessons' folder, as the projector button does."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    cells = [
        cell(
            markdown, "# Sums\n\nWords to read, and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |", "slide"
        ),
        cell(code, "print(6 * 7)", "-"),
        cell(markdown, "\n\n".join(["A line.", *["Another."] * 40, "The end."]), "slide"),
    ]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=about)
    nbformat.write(notebook, lab_folder / "notebooks" / "live.ipynb")
    page.set_default_timeout(180 * SECONDS)
    served.present(page, "notebooks/live.ipynb")
    page.locator("section.present section.present h1").wait_for(timeout=180 * SECONDS)
    return page


def test_a_cell_runs_by_the_keyboard_and_all_of_it_is_large_enough(slides, screenshots):
    slide = slides.locator("section.present section.present")
    slide.locator(".cm-content", has_text="6 * 7").click()
    output = slide.locator(".jp-OutputArea-output", has_text="42")
    while not output.count():  # the kernel may not listen yet
        slides.keyboard.press("Control+Enter")
        slides.wait_for_timeout(2 * SECONDS)
    expect(output).to_be_visible()
    slides.screenshot(path=screenshots / "live-slides.png")
    for part in ("p", "td", "p code", ".cm-line", ".jp-OutputArea-output pre"):
        size = slide.locator(part).filter(visible=True).first.evaluate(SIZE)
        assert size >= SMALLEST, f"{part}: {size} px"


def test_a_tall_slide_scrolls_to_its_end(slides):
    slides.keyboard.press("Space")
    end = slides.locator("section.present section.present p", has_text="The end.")
    expect(end).not_to_be_in_viewport()
    slides.mouse.move(640, 360)
    for _ in range(60):  # the slide may still be on its way in
        slides.mouse.wheel(0, 5000)
        slides.wait_for_timeout(500)
        if end.evaluate("it => it.getBoundingClientRect().bottom <= innerHeight"):
            return
    pytest.fail("the end of the slide was not reached")


def test_no_letter_comes_from_the_network(slides, served, asked):
    assert [address for address in asked if not address.startswith(served.address)] == []
