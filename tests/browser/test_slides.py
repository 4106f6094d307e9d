"""The slides as a browser shows them: all that is on a slide fits and is legible, nothing is fetched."""

from __future__ import annotations

import pytest

from helpers import decks
from helpers.host import paths

LESSONS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))
SMALLEST = 0.7  # of the usual size of letters


@pytest.fixture(scope="module")
def site(tmp_path_factory, serve):
    """Serve the decks of all lessons; return the address."""
    folder = tmp_path_factory.mktemp("slides")
    for lesson in LESSONS:
        decks.write(lesson, folder)
    return serve(folder)


SLIDE = """() => {
  const slide = Reveal.getCurrentSlide();
  const cut = [...slide.querySelectorAll('*')].filter(e => getComputedStyle(e).overflowY !== 'visible'
    && e.scrollHeight > e.clientHeight + 1 && e.clientHeight);
  return {
    cut: cut.map(e => e.innerText.slice(0, 60)),
    heading: (slide.querySelector('h1, h2') || {}).innerText || '',
    height: slide.scrollHeight, width: slide.scrollWidth,
    fit: Number(slide.style.getPropertyValue('--fit') || 1),
  };
}"""


def slides(page):
    while True:
        while page.evaluate("Reveal.availableFragments().next"):
            page.evaluate("Reveal.nextFragment()")
        yield page.evaluate(SLIDE)
        if page.evaluate("Reveal.isLastSlide()"):
            return
        page.evaluate("Reveal.next()")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda file: file.stem)
def test_each_slide_has_a_heading_and_fits_and_nothing_is_fetched(
    lesson, site, page, asked, faint, undescribed
):
    page.goto(f"{site}/{lesson.stem}.html")
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    page.add_style_tag(content="* { transition: none !important }")
    shown, weak = [], []
    for slide in slides(page):
        shown.append(slide)
        weak += faint(page, ".reveal .slides section.present:not(.stack)")
    assert weak == []
    assert undescribed(page, ".reveal .slides") == []
    assert len(shown) > 4
    assert [slide for slide in shown if slide["cut"]] == []
    assert [slide for slide in shown if not slide["heading"]] == []
    assert [slide for slide in shown if slide["height"] > decks.HEIGHT] == []
    assert [slide for slide in shown if slide["width"] > decks.WIDTH] == []
    assert min(slide["fit"] for slide in shown) >= SMALLEST
    assert set(asked) <= {f"{site}/{lesson.stem}.html", f"{site}/favicon.ico"}


def test_the_arrow_keys_turn_the_pages(site, page):
    page.goto(f"{site}/01_naive.html")
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    before = page.evaluate("Reveal.getSlidePastCount()")
    page.keyboard.press("Space")
    assert page.evaluate("Reveal.getSlidePastCount()") == before + 1
