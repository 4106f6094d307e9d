"""The book as a browser shows it: nothing from another host, every picture described, all text legible."""

from __future__ import annotations

import subprocess
import sys

import pytest

from helpers.host import paths

LESSONS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def site(tmp_path_factory, serve):
    """Render the book and serve it; return the address."""
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning"]
    subprocess.run([*command, paths.ROOT / "docs/book", folder], check=True)
    return serve(folder)


def test_the_first_page_leads_to_every_lesson_and_to_the_findings(site, page):
    page.goto(f"{site}/index.html")
    links = page.locator("article a.reference.internal").evaluate_all("all => all.map(a => a.href)")
    lessons = [f"{site}/lessons/{lesson.stem}.html" for lesson in LESSONS]
    assert links == [*lessons, f"{site}/findings/index.html"]


def test_pages_ask_no_other_host_and_are_legible_in_both_themes(site, page, asked, faint, undescribed):
    weak, wordless = [], []
    for lesson in LESSONS:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{site}/lessons/{lesson.stem}.html")
            weak += faint(page, "article")
        wordless += undescribed(page, "article")
    assert [url for url in asked if not url.startswith(f"{site}/")] == []
    assert len(asked) > 2 * len(LESSONS)
    assert wordless == []
    assert weak == []
