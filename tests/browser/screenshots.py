"""Make the README's pictures anew: ``python -m tests.browser.screenshots``.

One is the chart of the article's variants; the others show a build as it runs, an image looked into, a
report and a slide.

A notebook with the lessons' own verbs runs in a real JupyterLab, on the reader's engine. Under each
picture of it stand the engine, the kind of its base and the date; the slide's chart says its own.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import bases
from helpers import engine as engines
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.lesson import verbs
from tests.browser import chromium, decks, lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = paths.ROOT / "docs"
VARIANT, BASE = "alpine", "node:20-alpine"
SLIDE = ("01_naive", "What is inside?")
_WIDTH, _HEIGHT = 1200, 1500  # pixels of the page; a picture is cut from it
_SHARP = 1.5  # dots a pixel
_COLORS = 128
_HIGHEST = 1330  # dots; a longer report goes on in the workbook
_SECONDS = 1000.0  # in Playwright's milliseconds
_CELLS = {
    "live": f'from helpers import lesson\n\nimage = lesson.build("{VARIANT}", cold=True)',
    "explorer": "lesson.explore(image)",
    "report": f'from helpers.lesson import own\n\nown.examine(file="{VARIANT}", rebuild=False)',
}


def draw_sizes(folder: Path = FOLDER) -> Path:
    """Build the article's variants, write the chart of their sizes and return its path."""
    results = [verbs.build(name) for name in ("naive", "alpine", "distroless", "distroless_pruned")]
    file = folder / "sizes.png"
    verbs.chart_sizes(*results).save(file)
    return file


def take(folder: Path = FOLDER) -> list[Path]:
    """Write the screenshots into ``folder`` and return their paths.

    Raises `WorkbookError` when there is no engine or no browser, or when something is not shown.
    """
    from playwright.sync_api import Error

    engine = engines.find()
    notes = "; ".join(base.note for base in bases.resolve([BASE], engine))
    beneath = f"{engine.description} · {notes} · {datetime.now(UTC):%Y-%m-%d}"
    with paths.temporary() as scratch, chromium.opened() as opened:
        try:
            shots = _of_lab(opened, scratch)
            slide = _of_slide(opened, scratch)
        except Error as error:
            raise WorkbookError(f"JupyterLab did not show what was expected: {error}.") from error
    taken = [_write(folder / f"{name}.png", shot, beneath) for name, shot in shots.items()]
    return [*taken, _write(folder / "slide.png", slide)]


def _of_lab(opened: Browser, folder: Path) -> dict[str, bytes]:
    import nbformat

    cells = [nbformat.v4.new_code_cell(source) for source in _CELLS.values()]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=about), folder / "a.ipynb")
    size = {"width": _WIDTH, "height": _HEIGHT}
    page = opened.new_page(viewport=size, device_scale_factor=_SHARP)  # type: ignore[arg-type]
    page.set_default_timeout(100 * _SECONDS)
    with lab.serving(folder) as served:
        served.show(page, "a.ipynb")
        page.keyboard.press("Control+b")  # the folder's list gives its room to the notebook
        lab.run_all(page)
        live, explorer, report = (page.locator(".jp-CodeCell").nth(at) for at in range(3))
        live.locator(".wb-now").nth(0).wait_for()
        page.wait_for_function("document.querySelectorAll('.wb-live tr').length > 8")
        page.wait_for_timeout(2 * _SECONDS)
        shots = {"live": live.screenshot()}
        explorer.get_by_role("slider").wait_for(timeout=600 * _SECONDS)
        explorer.get_by_role("slider").press("End")
        explorer.get_by_role("slider").press("ArrowLeft")
        explorer.locator("td", has_text="/app/node_modules/").first.wait_for()
        shots["explorer"] = explorer.screenshot()
        report.locator("table", has_text="finding").first.wait_for()
        page.wait_for_timeout(_SECONDS)
        shots["report"] = report.screenshot()
    page.close()
    return shots


def _of_slide(opened: Browser, folder: Path) -> bytes:
    """Return the slide with a chart below the heading that `SLIDE` names."""
    lesson, heading = SLIDE
    decks.write([paths.ROOT / "notebooks" / f"{lesson}.ipynb"], folder)
    size = {"width": decks.WIDTH, "height": decks.HEIGHT}
    page = opened.new_page(viewport=size)  # type: ignore[arg-type]
    page.goto((folder / f"{lesson}.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    slide = page.locator("section.present:not(.stack)")
    while not (slide.locator("h1, h2").first.inner_text() == heading and slide.locator("img").count()):
        if page.evaluate("Reveal.isLastSlide()"):
            raise WorkbookError(f"No slide of {lesson} has the heading {heading!r} and a chart.")
        page.evaluate("Reveal.next()")
    shot = page.screenshot()
    page.close()
    return shot


def _write(file: Path, shot: bytes, beneath: str = "") -> Path:
    """Write a picture, its conditions beneath, in few colours so that it stays small."""
    from matplotlib import font_manager
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, _HIGHEST)))
    whole = Image.new("RGB", (picture.width, picture.height + (36 if beneath else 0)), "white")
    whole.paste(picture)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 18)
    ImageDraw.Draw(whole).text((12, picture.height + 6), beneath, "#555555", font)
    whole.quantize(_COLORS).save(file, optimize=True)
    return file


if __name__ == "__main__":
    try:
        for picture in (draw_sizes(), *take()):
            print(picture.relative_to(paths.ROOT), flush=True)
    except WorkbookError as error:
        sys.exit(str(error))
