"""Every widget in a real JupyterLab, by mouse and by keyboard, in the light and in the dark theme.

The notebook is a small one of our own: it calls the verbs that the lessons call, on images of busybox.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from helpers import engine as engines
from helpers.host import debian, paths
from helpers.measure import cost
from helpers.measure.cost import Plan
from helpers.measure.pipeline import TransferBytes
from tests.browser import lab

pytestmark = [pytest.mark.engine, pytest.mark.slow]
SECONDS = 1000
NOTEBOOK = "widgets.ipynb"
OUTPUTS = ".jp-OutputArea-output"
PICTURE = {"width": 1280, "height": 7000}  # JupyterLab draws what is in view: all of it
BIG = TransferBytes(1_200_000_000, 400_000_000, 100_000_000, 1_000_000, 50_000_000, 450_000_000)
SMALL = TransferBytes(130_000_000, 47_000_000, 2_000_000, 10_000, 2_000_000, 50_000_000)
HEAVY = """\
FROM scratch
COPY busybox /bin/busybox
COPY three_megabytes /data/all
RUN ["/bin/busybox", "sleep", "1"]
RUN ["/bin/busybox", "sleep", "2"]
RUN ["/bin/busybox", "rm", "/data/all"]
CMD ["/bin/busybox", "true"]
"""
LIGHT = """\
FROM scratch AS tools
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sleep", "1"]
FROM scratch
COPY --from=tools /bin/busybox /bin/busybox
CMD ["/bin/busybox", "true"]
"""
BROKEN = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "false"]
RUN ["/bin/busybox", "true"]
"""
CELLS = {
    "build": """\
import contextlib, pathlib, pandas
from helpers import claims, examine, exercises, plots
from helpers.buildx import live
from helpers.buildx import BuildError, Request, build
from helpers.claims import ledger
def built(name, cold=True):
    request = Request(pathlib.Path(f"context/{name}"), pathlib.Path("context"), f"{TAG}-{name}-{cold}", cold=cold)
    with live.watcher(name) as watch:
        return build(request, watch)
heavy = built("heavy")""",
    "light": 'light = built("light")',
    "broken": 'with contextlib.suppress(BuildError):\n    built("broken")',
    "cached": 'cached = built("light", cold=False)',
    "side by side": """\
from helpers.lesson.widgets import SideBySide
SideBySide({"heavy": heavy, "light": light})""",
    "explorer": """\
from helpers.lesson.widgets import Explorer
Explorer({"heavy": heavy, "light": light})""",
    "calculator": """\
from helpers.lesson.widgets import Calculator
from helpers.measure.pipeline import TransferBytes
Calculator({"big": BIG, "small": SMALL}, "big", caption="the test's own figures")""",
    "chart": """\
sizes = [(r.tag, r.uncompressed_bytes / 1e6, r.compressed_bytes / 1e6) for r in (heavy, light)]
frame = pandas.DataFrame(sizes, columns=["variant", "uncompressed MB", "compressed MB"])
plots.sizes(frame)""",
    "frame": "frame",
    "dockerfile": 'from helpers import lesson\nlesson.show("alpine")',
    "verdict": 'claims.Judgement("S1", claims.Verdict.FAILS, "4 MB", "It is busybox.")',
    "ledger": "ledger.read()",
    "board": "ledger.read().chart()",
    "exercise": 'exercises.task("order")',
    "hint": """\
from helpers.exercises.exercise import Outcome
Outcome("A task", ("It builds",), (("It is small", "It has 4 MB."),), "Look at the last line.")""",
    "report": """\
examine.examine(examine.find(pathlib.Path("context"), "heavy"), build=False)""",
}


@pytest.fixture(scope="module")
def tag() -> Iterator[str]:
    """Begin the names of images that are gone afterwards."""
    tag = f"workbook-test:{uuid.uuid4().hex[:12]}"
    yield tag
    images = engines.find().client.images
    for image in images.list(name="workbook-test"):
        for name in image.tags:
            if name.startswith(tag):
                images.remove(name, force=True)


@pytest.fixture(scope="module")
def context(lab_folder):
    folder = lab_folder / "context"
    folder.mkdir()
    suite = debian.Suite(paths.state("apt"), debian.host_suite())
    unpacked = debian.unpack(suite.fetch(["busybox-static"]), lab_folder / ".busybox")
    program = next(p for p in unpacked.rglob("busybox") if p.is_file() and p.stat().st_size > 1e6)
    shutil.copy(program, folder / "busybox")
    (folder / "three_megabytes").write_bytes(bytes(3_000_000))
    for name, text in (("heavy", HEAVY), ("light", LIGHT), ("broken", BROKEN)):
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def notebook(browser, served, lab_folder, context, tag) -> Iterator[Page]:
    """Open the notebook and run it from the menu; what the first build showed is in ``page.seen``."""
    sources = [text.replace("BIG", repr(BIG)).replace("SMALL", repr(SMALL)) for text in CELLS.values()]
    sources[0] = f"TAG = {tag!r}\n{sources[0]}"
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=about), lab_folder / NOTEBOOK)
    page = browser.new_page(viewport=PICTURE)
    page.set_default_timeout(180 * SECONDS)
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    served.show(page, NOTEBOOK)
    lab.run_all(page)
    live = output(page, "build").locator(".wb-live")
    live.wait_for()
    seen = []
    while not seen or "built in" not in seen[-1]:
        seen.append(live.inner_text())
        page.wait_for_timeout(100)
    page.seen = seen
    output(page, "report").locator("table").first.wait_for(timeout=180 * SECONDS)
    yield page
    page.close()


def output(page: Page, name: str):
    return page.locator(".jp-CodeCell").nth(list(CELLS).index(name)).locator(".jp-Cell-outputWrapper")


def save(page: Page, file: Path, screenshots: Path) -> None:
    """Save the notebook, and wait until its file has the last output; that may take a while."""
    for _ in range(60):
        page.keyboard.press("Control+s")
        page.wait_for_timeout(SECONDS)
        if nbformat.read(file, as_version=4).cells[-1].outputs:
            return
    page.screenshot(path=screenshots / "not-saved.png")
    pytest.fail("JupyterLab did not save the notebook; not-saved.png shows why.")


def keep(page: Page, name: str, screenshots) -> None:
    output(page, name).screenshot(path=screenshots / f"{name.replace(' ', '_')}.png")


def figure(table, row: str, column: int) -> float:
    """Read a figure off a table."""
    return float(table.locator("tr", has_text=row).first.locator("td").nth(column).inner_text())


def planned(moves: TransferBytes, plan: Plan, column: str = "GB a month") -> float:
    frame = cost.month(moves, plan).set_index("what")
    return float(frame.loc[cost.PLANNED, column])


def line_of(calculator, label: str):
    """The control of the calculator with that label."""
    named = calculator.page.locator(".widget-label", has_text=re.compile(f"^{re.escape(label)}$"))
    return calculator.locator(".widget-inline-hbox").filter(has=named).first


def shows(calculator, moves: TransferBytes, plan: Plan) -> None:
    """Wait until the calculator shows the bill of a plan, and its picture says so as well."""
    wanted = planned(moves, plan)
    row = calculator.locator("tr", has_text=cost.PLANNED).first
    expect(row.locator("td").nth(1)).to_have_text(f"{wanted:.2f}")
    assert calculator.locator("img").last.get_attribute("alt")


def test_the_timeline_of_a_build_moves_while_it_runs(notebook, screenshots):
    running = [text for text in notebook.seen if re.search(r"● running[^\n]*sleep", text)]
    clocks = {re.search(r"● running[^\n]*sleep[^\n]*?([\d.]+) s", text)[1] for text in running}
    assert len(clocks) > 2, clocks
    assert "○ waiting" in running[0]
    took = re.search(r'✓ done[^\n]*sleep", "2"[^\n]*?([\d.]+) s', notebook.seen[-1])
    assert float(took[1]) >= 2
    keep(notebook, "build", screenshots)
    keep(notebook, "broken", screenshots)


def test_a_build_from_the_cache_is_one_line_until_it_is_clicked(notebook, screenshots):
    cached = output(notebook, "cached")
    keep(notebook, "cached", screenshots)
    expect(cached).to_contain_text("3 of 3 steps from cache")
    expect(cached.locator("table")).to_be_hidden()
    cached.locator("summary").click()
    expect(cached.locator("table")).to_be_visible()
    expect(cached.locator("table")).to_contain_text("= cached")


def test_the_calculator_answers_the_mouse(notebook, screenshots):
    calculator = output(notebook, "calculator")
    shows(calculator, BIG, Plan())
    calculator.get_by_role("button", name="small", exact=True).click()
    shows(calculator, SMALL, Plan())
    nodes = line_of(calculator, "nodes")
    track = nodes.locator(".noUi-base").bounding_box()
    notebook.mouse.click(track["x"] + 0.5 * track["width"], track["y"] + track["height"] / 2)
    expect(nodes.locator(".widget-readout")).not_to_have_text("1")
    plan = Plan(nodes=int(nodes.locator(".widget-readout").inner_text()))
    assert 40 < plan.nodes < 60
    shows(calculator, SMALL, plan)
    keep(notebook, "calculator", screenshots)


def test_the_calculator_answers_the_keyboard(notebook):
    page, calculator = notebook, output(notebook, "calculator")
    nodes = int(line_of(calculator, "nodes").locator(".widget-readout").inner_text())
    calculator.get_by_role("button", name="small", exact=True).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    shows(calculator, BIG, Plan(nodes=nodes))
    line_of(calculator, "deploys a day").get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    shows(calculator, BIG, Plan(nodes=nodes, deploys_a_day=52))
    price = line_of(calculator, "USD a GB moved").locator("input")
    price.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("0.2")
    page.keyboard.press("Tab")
    plan = Plan(nodes=nodes, deploys_a_day=52, usd_per_gb_moved=0.2)
    cell = calculator.locator("tr", has_text=cost.PLANNED).first.locator("td").nth(2)
    expect(cell).to_have_text(f"{planned(BIG, plan, 'USD a month'):.2f}")


def test_two_dockerfiles_side_by_side_answer_mouse_and_keyboard(notebook, screenshots):
    page, pair = notebook, output(notebook, "side by side")
    left, right = (pair.locator(".widget-vbox").nth(at) for at in range(2))
    copied, slept = "COPY three_megabytes /data/all", 'RUN ["/bin/busybox", "sleep", "2"]'
    assert figure(left, copied, 3) == 3
    assert figure(left, slept, 2) >= 2
    expect(right).not_to_contain_text(copied)
    keep(page, "side by side", screenshots)

    left.get_by_role("button", name="light", exact=True).click()
    expect(left).not_to_contain_text(copied)
    expect(left).to_contain_text("COPY --from=tools")

    right.get_by_role("button", name="light", exact=True).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(right).to_contain_text(copied)
    assert figure(right, copied, 3) == 3


def test_jupyterlab_asks_no_other_host(notebook, served):
    fetched = [url for url in notebook.asked if not url.startswith(("data:", "blob:"))]
    assert len(fetched) > 50
    assert [url for url in fetched if not url.startswith(f"{served.address}/")] == []


def test_every_picture_has_its_words(notebook, undescribed):
    assert output(notebook, "chart").locator("img").count() == 1
    assert undescribed(notebook, OUTPUTS) == []


@pytest.mark.parametrize("name", ["explorer", "side by side"])
def test_headings_stand_above_their_columns(notebook, name):
    """Beside the table of a data frame, whose style browsers apply to every table of the page."""
    aligned = "all => [...new Set(all.map(cell => getComputedStyle(cell).textAlign))]"
    cells = output(notebook, name).locator(".wb-table")
    assert cells.locator("th").evaluate_all(aligned) == ["left"]
    assert cells.locator("td").evaluate_all(aligned) == ["left"]


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_all_text_stands_out(theme, notebook, lab_folder, dress, served, faint, screenshots):
    save(notebook, lab_folder / NOTEBOOK, screenshots)
    dress(theme)
    served.show(notebook, NOTEBOOK)
    output(notebook, "report").locator("table").first.wait_for()
    output(notebook, "calculator").get_by_role("slider").first.wait_for()
    notebook.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert faint(notebook, OUTPUTS) == []
    notebook.screenshot(path=screenshots / f"widgets-{theme}.png")
