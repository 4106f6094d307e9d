"""The slides as a browser shows them: nothing is fetched, all is legible, a tall one is read to its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.host import paths
from tests.browser import decks

LESSONS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))
TALK = Path("talk.ipynb")
SMALLEST = 0.7  # of the usual size of letters


@pytest.fixture(scope="module")
def site(tmp_path_factory, serve):
    """Serve the slides of all lessons; return the address."""
    folder = tmp_path_factory.mktemp("slides")
    nbformat.write(tall_lesson(), folder / "tall.ipynb")
    make = [sys.executable, paths.ROOT / "docs/slides/talk.py"]
    (folder / TALK).write_bytes(subprocess.check_output(make))
    decks.write([*LESSONS, folder / "tall.ipynb", folder / TALK], folder)
    return serve(folder)


def tall_lesson():
    """Return a lesson whose second slide is several screens high, with a fragment at its end."""
    listing = nbformat.v4.new_output("stream", text="".join(f"line {number}\n" for number in range(200)))
    cells = [
        nbformat.v4.new_markdown_cell("# A lesson", metadata={"slideshow": {"slide_type": "slide"}}),
        nbformat.v4.new_markdown_cell("## Long", metadata={"slideshow": {"slide_type": "subslide"}}),
        nbformat.v4.new_code_cell("print()", outputs=[listing]),
        nbformat.v4.new_markdown_cell("The end.", metadata={"slideshow": {"slide_type": "fragment"}}),
        nbformat.v4.new_markdown_cell("## After", metadata={"slideshow": {"slide_type": "slide"}}),
    ]
    return nbformat.v4.new_notebook(cells=cells)


SLIDE = """() => {
  const slide = Reveal.getCurrentSlide();
  const cut = [...slide.querySelectorAll('*')].filter(e => getComputedStyle(e).overflowY !== 'visible'
    && e.scrollHeight > e.clientHeight + 1 && e.clientHeight);
  return {
    cut: cut.map(e => e.innerText.slice(0, 60)),
    heading: (slide.querySelector('h1, h2') || {}).innerText || '',
    width: slide.scrollWidth,
    height: slide.scrollHeight, shown: slide.clientHeight,
    fit: Number(slide.style.getPropertyValue('--fit') || 1),
  };
}"""
# How far the reader of a slide came: the lowest part of it that was in view, and where it ends.
READ = """() => {
  const slide = Reveal.getCurrentSlide();
  return {at: Reveal.getIndices(), seen: slide.scrollTop + slide.clientHeight, end: slide.scrollHeight,
    last: Reveal.isLastSlide() && !Reveal.availableFragments().next};
}"""


def slides(page):
    while True:
        while page.evaluate("Reveal.availableFragments().next"):
            page.evaluate("Reveal.nextFragment()")
        yield page.evaluate(SLIDE)
        if page.evaluate("Reveal.isLastSlide()"):
            return
        page.evaluate("Reveal.next()")


def opened(page, site, lesson):
    page.goto(f"{site}/{lesson.stem}.html")
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    page.add_style_tag(content="* { transition: none !important }")


@pytest.mark.parametrize("lesson", [*LESSONS, TALK], ids=lambda file: file.stem)
def test_each_slide_has_a_heading_and_its_width_and_nothing_is_fetched(
    lesson, site, page, asked, faint, undescribed
):
    opened(page, site, lesson)
    shown, weak = [], []
    for slide in slides(page):
        shown.append(slide)
        weak += faint(page, ".reveal .slides section.present:not(.stack)")
    assert weak == []
    assert undescribed(page, ".reveal .slides") == []
    assert len(shown) > 4
    assert [slide for slide in shown if slide["cut"]] == []
    assert [slide for slide in shown if not slide["heading"]] == []
    assert [slide for slide in shown if slide["shown"] > decks.HEIGHT] == []
    assert [slide for slide in shown if slide["width"] > decks.WIDTH] == []
    assert min(slide["fit"] for slide in shown) >= SMALLEST
    assert set(asked) <= {f"{site}/{lesson.stem}.html", f"{site}/favicon.ico"}


@pytest.mark.parametrize("lesson", [Path("tall"), Path("04_cache")], ids=str)
def test_the_space_bar_reads_every_slide_to_its_end_and_goes_on(lesson, site, page):
    opened(page, site, lesson)
    left: dict[tuple[int, int], float] = {}  # pixels below what was seen of each slide
    tallest = 0
    for _ in range(500):
        state = page.evaluate(READ)
        place = (state["at"]["h"], state["at"]["v"])
        left[place] = min(left.get(place, state["end"]), state["end"] - state["seen"])
        tallest = max(tallest, state["end"])
        if state["last"] and left[place] <= 1:
            break
        page.keyboard.press("Space")
    assert len(left) == page.evaluate("Reveal.getTotalSlides()")
    assert {place: pixels for place, pixels in left.items() if pixels > 1} == {}
    assert tallest > decks.HEIGHT, "no slide of this lesson is tall, so nothing was scrolled"


def test_the_way_back_begins_at_the_top_of_a_slide(site, page):
    opened(page, site, LESSONS[1])
    before = page.evaluate("Reveal.getSlidePastCount()")
    page.keyboard.press("PageDown")
    assert page.evaluate("Reveal.getSlidePastCount()") == before + 1
    page.keyboard.press("Shift+Space")
    assert page.evaluate("Reveal.getSlidePastCount()") == before
