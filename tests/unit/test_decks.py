"""Decks: every slide has its heading, nothing is too high, nothing is fetched."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup

from helpers import decks
from helpers.decks import DeckError
from helpers.host import paths


@pytest.fixture(autouse=True)
def _no_download(monkeypatch):
    parts = {"reveal_css": ".reveal{}", "reveal_js": "var Reveal", "notes_js": "var RevealNotes"}
    monkeypatch.setattr(decks, "_reveal", lambda: parts)


def cell(source, slide="-", **outputs):
    made = (
        nbformat.v4.new_markdown_cell(source) if slide != "code" else nbformat.v4.new_code_cell(source)
    )
    if outputs:
        made = nbformat.v4.new_code_cell(source)
        made.outputs = [
            nbformat.v4.new_output("display_data", {k.replace("_", "/"): v for k, v in outputs.items()})
        ]
    made.metadata["slideshow"] = {"slide_type": "-" if slide == "code" else slide}
    return made


def deck(tmp_path, *cells):
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    return decks.write(tmp_path / "lesson.ipynb", tmp_path / "slides").read_text()


def slides(page):
    """The headings of the innermost sections, in order."""
    return re.findall(r"<h[12][^>]*>([^<]+)", page)


def test_a_deck_names_its_lesson_and_asks_the_network_for_nothing(tmp_path):
    page = deck(tmp_path, cell("# 1 · A lesson", "slide"), cell("print(1)", "code"))
    assert "<title>1 · A lesson</title>" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    assert "import " not in page


def test_a_subslide_without_a_heading_gets_the_one_before(tmp_path):
    page = deck(tmp_path, cell("## Why", "slide"), cell("Because.", "subslide"))
    assert slides(page) == ["Why", "Why"]


def test_a_second_picture_goes_on_the_next_slide(tmp_path):
    picture = {"image_png": "iVBORw0KGgo="}
    page = deck(tmp_path, cell("## Look", "slide"), cell("a()", **picture), cell("b()", **picture))
    assert slides(page) == ["Look", "Look"]


def test_what_fits_stays_on_one_slide(tmp_path):
    page = deck(
        tmp_path, cell("## Look", "slide"), cell("a()", text_plain="one\ntwo"), cell("Then.", "fragment")
    )
    assert slides(page) == ["Look"]
    assert 'class="fragment"' in page


def test_notes_are_for_the_presenter_and_take_no_room(tmp_path):
    long = "\n".join(["A line that the presenter says."] * 40)
    page = deck(tmp_path, cell("## Look", "slide"), cell(long, "notes"), cell("Then."))
    assert slides(page) == ["Look"]
    assert '<aside class="notes">' in page


def table(rows):
    body = "".join(f"<tr><td>row {number}</td><td>{number}.0</td></tr>" for number in range(rows))
    return f"<p>It.</p><table><thead><tr><th>name</th></tr></thead><tbody>{body}</tbody></table>"


def test_a_long_table_goes_on_over_slides_and_keeps_its_head(tmp_path):
    page = deck(tmp_path, cell("## Look", "slide"), cell("a()", text_html=table(40)))
    assert slides(page) == ["Look"] * 3
    assert page.count("<th>name</th>") == 3
    assert re.findall(r"<td>(row \d+)</td>", page) == [f"row {number}" for number in range(40)]


def test_a_long_listing_goes_on_over_slides_line_by_line(tmp_path):
    lines = "".join(f'<span class="k">RUN</span> step {number}\n' for number in range(50))
    listing = f'<style>pre {{ }}</style><div class="highlight"><pre>{lines}</pre></div>'
    page = deck(tmp_path, cell("## Look", "slide"), cell("a()", text_html=listing))
    assert slides(page) == ["Look"] * 2
    assert re.findall(r"step (\d+)", page) == [str(number) for number in range(50)]


def test_a_heading_in_an_output_stays_with_what_follows(tmp_path):
    parts = table(14) + "<h3>More</h3>" + table(8)
    page = deck(tmp_path, cell("## Look", "slide"), cell("a()", text_html=parts))
    assert slides(page) == ["Look", "Look"]
    assert page.index("<h3>More</h3>") > page.rindex("<h2")


def test_a_picture_has_its_words(tmp_path):
    picture = cell("a()", image_png="iVBORw0KGgo=", text_plain="A chart")
    picture.outputs[0].metadata["image/png"] = {"alt": 'Bars, "a" < b'}
    page = BeautifulSoup(deck(tmp_path, cell("## Look", "slide"), picture), "html.parser")
    assert page.find("img")["alt"] == 'Bars, "a" < b'


def test_a_notebook_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DeckError, match=r"no notebook at .*none\.ipynb"):
        decks.write(tmp_path / "none.ipynb")


@pytest.mark.parametrize(
    "lesson", sorted((paths.ROOT / "notebooks").glob("*.ipynb")), ids=lambda f: f.stem
)
def test_each_lesson_makes_a_deck(lesson, tmp_path):
    page = decks.write(lesson, tmp_path).read_text()
    assert page.count("<section") > 5
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', re.sub(r'<a [^>]*href="[^"]*"', "", page))
