"""How a build looks while it runs and afterwards, on recorded streams."""

from __future__ import annotations

import base64
import contextlib
import html.parser
import json
import re
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from helpers.buildx import live
from helpers.buildx.stream import Progress

STREAMS = Path(__file__).parent / "streams"
COLD = "live-three-stages-cold.txt"
PARTLY = "live-three-stages-partly-cached.txt"
CACHED = "live-two-stages-cached.txt"
FAILING = "live-failing-step.txt"


class BrokenBuildError(Exception):
    """What a failed build raises here."""


@pytest.fixture
def drawn(monkeypatch):
    """Every board that a watcher drew, the last one last."""
    boards = []

    @contextlib.contextmanager
    def surface():
        yield boards.append

    monkeypatch.setattr(live, "_surface", surface)
    return boards


def feed(watch, name, lines=None):
    progress = Progress()
    for line in (STREAMS / name).read_text().splitlines()[:lines]:
        if progress.feed(line):
            watch(progress)
    return progress


def interrupted(error, name, lines=None):
    """Replay a stream and end as a build does that raised ``error``."""
    with pytest.raises(error), live.watcher("demo") as watch:
        fail(feed(watch, name, lines), error)


def fail(_, error):
    raise error


def document(name, **vertex):
    return json.dumps({"vertexes": [{"digest": f"sha256:{name}", "name": name, **vertex}]})


def board_of(*documents, outcome=None):
    view, progress = live._View("demo"), Progress()
    for line in documents:
        progress.feed(line)
    view.take(progress)
    view.outcome = outcome
    return view.board()


def backwards(text):
    """Let the engine's clock run the other way: what was a second later is a second earlier."""

    def mirrored(found):
        zero = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
        return (zero - (datetime.fromisoformat(found[0]) - zero)).isoformat()

    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", mirrored, text)


@pytest.mark.parametrize("name", [COLD, PARTLY, FAILING])
def test_an_engine_whose_clock_runs_backwards_gives_no_negative_time(name):
    progress, view = Progress(), live._View("demo")
    for line in backwards((STREAMS / name).read_text()).splitlines():
        if progress.feed(line):
            view.take(progress)
            shown = [float(row.seconds.removesuffix(" s")) for row in view.board().rows if row.seconds]
            assert all(seconds >= 0 for seconds in shown)
    assert all(step.seconds is None or step.seconds >= 0 for step in progress.steps)
    assert all(step.started is None or step.started >= 0 for step in progress.steps)
    assert any(step.done and not step.cached for step in progress.steps)


def test_steps_that_need_each_other_are_drawn_all_the_same():
    one, other = (
        document(f"[{n}/2] RUN x", inputs=[f"sha256:[{m}/2] RUN x"]) for n, m in ((1, 2), (2, 1))
    )
    assert [row.text for row in board_of(one, other).rows] == ["RUN x", "RUN x"]


def ticking_threads():
    return [thread for thread in threading.enumerate() if thread.name == "live-build"]


def test_the_summary_says_how_long_and_how_much_came_from_the_cache(drawn):
    with live.watcher("demo") as watch:
        feed(watch, PARTLY)
    assert re.fullmatch(r"built in \d+\.\d s · 4 of 9 steps from cache", drawn[-1].headline)


def test_rows_are_the_context_the_stages_in_order_and_the_export(drawn):
    with live.watcher("demo") as watch:
        feed(watch, PARTLY)
    rows = drawn[-1].rows
    assert rows[0].text == "context: 3.0 MB sent"
    assert [row.stage for row in rows[1:-1]] == ["deps"] * 3 + ["builder"] * 3 + ["runner"] * 3
    assert rows[-1].text == "exporting to image"
    assert not any("load .dockerignore" in row.text for row in rows)


def test_each_row_has_a_mark_and_a_word_and_cached_steps_no_seconds(drawn):
    with live.watcher("demo") as watch:
        feed(watch, PARTLY)
    by_text = {row.text: row for row in drawn[-1].rows}
    assert str(by_text["WORKDIR /app"].state) == "= cached"
    assert by_text["WORKDIR /app"].seconds == ""
    assert str(by_text["RUN busybox sleep 1.1"].state) == "✓ done"
    assert by_text["RUN busybox sleep 1.1"].seconds == "2.0 s"


def test_the_order_of_rows_stays_as_steps_begin_and_end(drawn):
    with live.watcher("demo") as watch:
        progress = Progress()
        orders = []
        for line in (STREAMS / COLD).read_text().splitlines():
            if progress.feed(line):
                watch(progress)
                orders.append([s.name for s in live._arranged(progress.steps) if not s.internal])
    full = [order for order in orders if len(order) == 9]
    assert full
    assert all(order == full[-1] for order in full)


def test_a_running_step_counts_its_seconds():
    view, progress = live._View("demo"), Progress()
    progress.feed(document("[a 1/1] RUN x", started="2026-01-01T00:00:00Z"))
    view.take(progress)
    before = view.board().rows[0]
    time.sleep(0.15)
    after = view.board().rows[0]
    assert before.state is live.State.RUNNING
    assert (before.seconds, after.seconds) == ("0.0 s", "0.2 s") or after.seconds > before.seconds


def test_a_step_without_a_word_for_a_minute_is_said_to_be_silent_until_it_speaks(monkeypatch):
    monkeypatch.setattr(live, "SILENT", 0.1)
    view, progress, name = live._View("demo"), Progress(), "[a 1/1] RUN npm ci"
    said = json.dumps({"logs": [{"vertex": f"sha256:{name}", "stream": 1, "data": "b25lCg=="}]})
    notes = []
    for line in (document(name, started="2026-01-01T00:00:00Z"), said):
        progress.feed(line)
        view.take(progress)
        notes.append(view.board().rows[0].note)
        time.sleep(0.15)
        notes.append(view.board().rows[0].note)
        view.take(progress)  # of another step
        assert view.board().rows[0].note == notes[-1]
    assert notes[::2] == ["", ""]
    assert all(note.startswith("silent for 0 s: it may wait for the network") for note in notes[1::2])
    assert notes[1] in live.as_html(view.board())
    progress.feed(document(name, started="2026-01-01T00:00:00Z", completed="2026-01-01T00:02:00Z"))
    view.take(progress)
    assert view.board().rows[0].note == ""


def test_it_redraws_while_nothing_is_reported_but_not_too_often(drawn):
    with live.watcher("demo") as watch:
        feed(watch, COLD, lines=300)
        begun, count = time.monotonic(), len(drawn)
        while len(drawn) < count + 2:
            assert time.monotonic() < begun + 60
            time.sleep(0.05)
        extra, seconds = len(drawn) - count, time.monotonic() - begun
    assert extra <= seconds / live.PAUSE + 1


def test_a_failed_step_is_marked_with_the_first_line_of_its_error(drawn):
    interrupted(BrokenBuildError, FAILING)
    failed = next(row for row in drawn[-1].rows if row.state is live.State.FAILED)
    assert failed.note == "exit code: 7"
    assert re.fullmatch(r"failed after \d+\.\d s · 3 of 6 steps done", drawn[-1].headline)
    assert [row.state for row in drawn[-1].rows[-2:]] == [live.State.NOT_RUN] * 2


def test_an_interrupt_marks_what_ran_as_stopped(drawn):
    interrupted(KeyboardInterrupt, COLD, lines=400)
    assert drawn[-1].headline.startswith("stopped after")
    assert live.State.RUNNING not in {row.state for row in drawn[-1].rows}
    assert live.State.STOPPED in {row.state for row in drawn[-1].rows}


def test_a_step_cancelled_because_another_failed_is_stopped_not_failed():
    times = {"started": "2026-01-01T00:00:00Z", "completed": "2026-01-01T00:00:01Z"}
    board = board_of(
        document("[a 1/1] RUN x", **times, error="exit code: 1"),
        document("[b 1/1] RUN y", **times, error="rpc error: context canceled"),
        outcome=live.Outcome.FAILED,
    )
    assert [row.state for row in board.rows] == [live.State.FAILED, live.State.STOPPED]


def test_an_internal_step_that_failed_is_shown():
    times = {"started": "2026-01-01T00:00:00Z", "completed": "2026-01-01T00:00:01Z"}
    name = "[internal] load metadata for docker.io/library/nope:1"
    board = board_of(document(name, **times, error="not found\nmore"), outcome=live.Outcome.FAILED)
    assert [(row.state, row.note) for row in board.rows] == [(live.State.FAILED, "not found")]


def test_a_build_that_never_began_still_ends_in_a_sentence(drawn):
    with pytest.raises(BrokenBuildError), live.watcher("demo"):
        raise BrokenBuildError
    assert drawn[0].headline.startswith("preparing")
    assert drawn[-1].headline.startswith("failed after")
    assert drawn[-1].rows == ()


@pytest.mark.parametrize("error", [None, BrokenBuildError, KeyboardInterrupt, SystemExit])
def test_no_thread_outlives_the_build(drawn, error):
    with contextlib.suppress(BaseException), live.watcher("demo") as watch:
        feed(watch, CACHED)
        assert ticking_threads()
        if error:
            raise error
    assert not ticking_threads()


def test_a_long_name_of_a_base_loses_registry_and_digest():
    name = f"[builder 1/5] FROM docker.io/library/node:20@sha256:{'a' * 64}"
    assert board_of(document(name)).rows[0].text == "FROM node:20"


def test_a_long_instruction_ends_in_an_ellipsis_and_control_characters_are_gone():
    board = board_of(document("[1/1] RUN echo \x1b[31m\u202e\n" + "x" * 300))
    text = board.rows[0].text
    assert len(text) == live.LONGEST
    assert text.endswith("…")
    assert text.isprintable()


def test_html_escapes_what_a_dockerfile_says():
    board = board_of(document('[1/1] RUN echo "<script>alert(1)</script>"'))
    assert "<script>" not in live.as_html(board)
    assert "&lt;script&gt;" in live.as_html(board)


class Page(html.parser.HTMLParser):
    """The tags of a page, and what stands outside its style sheet."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def test_html_is_an_accessible_table_that_reads_without_styles(drawn):
    with live.watcher("demo") as watch:
        feed(watch, COLD)
    page = Page(live.as_html(drawn[-1]))
    bar = next(attrs for _, attrs in page.tags if attrs.get("role") == "progressbar")
    assert (bar["aria-label"], bar["aria-valuenow"]) == ("Build of demo", "100")
    assert [tag for tag, _ in page.tags].count("tr") == 1 + len(drawn[-1].rows)
    assert sum(attrs.get("scope") == "col" for _, attrs in page.tags) == 4
    assert "✓ done" in page.text
    assert not page.open


def test_a_build_of_which_nothing_ran_is_one_line_with_its_steps_behind_a_click(drawn):
    with live.watcher("demo") as watch:
        feed(watch, CACHED)
    page = Page(live.as_html(drawn[-1]))
    tags = [tag for tag, _ in page.tags]
    assert tags.index("details") < tags.index("summary") < tags.index("table")
    assert "open" not in dict(page.tags)["details"]
    assert tags.count("tr") == 1 + len(drawn[-1].rows)
    assert not page.open


@pytest.mark.parametrize("name", [COLD, PARTLY])
def test_a_build_of_which_something_ran_shows_its_steps(drawn, name):
    with live.watcher("demo") as watch:
        feed(watch, name)
    assert "<details" not in live.as_html(drawn[-1])


def test_a_file_of_one_stage_has_no_column_for_stages():
    page = Page(live.as_html(board_of(document("[1/1] RUN x"))))
    assert "stage" not in page.text


def test_plain_text_keeps_its_shape_whatever_the_figures(drawn):
    for _ in range(2):
        with live.watcher("demo") as watch:
            feed(watch, COLD)
    shapes = {re.sub(r"\d+\.\d", "N", re.sub(r" {2,}", " ", live.as_text(b))) for b in drawn[-1:]}
    assert len(shapes) == 1
    assert live.as_text(drawn[-1]).splitlines()[1] == "✓ done       3.2 s          context: 5.0 MB sent"


def test_a_log_has_one_line_a_finished_step_and_one_for_the_whole(capsys, monkeypatch):
    monkeypatch.setattr(live, "in_notebook", lambda: False)
    with live.watcher("demo") as watch:
        feed(watch, PARTLY)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 9 + 2 + 1
    assert all(line.startswith("demo: ") for line in lines)
    assert "built in" in lines[-1]


def test_a_terminal_shows_the_failed_step(monkeypatch):
    from rich.console import Console

    board = board_of(
        document(
            "[1/1] RUN [red]x",
            started="2026-01-01T00:00:00Z",
            completed="2026-01-01T00:00:01Z",
            error="exit code: 1",
        ),
        outcome=live.Outcome.FAILED,
    )
    console = Console(width=60, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(live.as_rich(board))
    text = console.export_text()
    assert "✗ failed" in text
    assert "RUN [red]x" in text
    assert "exit code: 1" in text


def test_a_notebook_gets_one_output_changed_in_place(monkeypatch):
    sent = []

    class Handle:
        def display(self, data, raw):
            sent.append(("display", data))

        def update(self, data, raw):
            sent.append(("update", data))

    monkeypatch.setattr("IPython.display.DisplayHandle", Handle)
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    with live.watcher("demo") as watch:
        feed(watch, CACHED)
    assert [kind for kind, _ in sent[:1]] == ["display"]
    assert {kind for kind, _ in sent[1:]} == {"update"}
    assert set(sent[-1][1]) == {"text/html", "text/plain"}
    assert "7 of 7 steps from cache" in sent[-1][1]["text/plain"]


def test_watching_a_cached_build_costs_less_than_20_ms(drawn):
    costs = []
    for _ in range(5):
        begun = time.process_time()
        with live.watcher("demo") as watch:
            feed(watch, CACHED)
        costs.append(time.process_time() - begun)
    assert min(costs) < 0.02


def test_importing_it_loads_nothing_heavy():
    code = "import sys, helpers.buildx.live; print([m for m in ('rich', 'IPython', 'docker') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_step_that_printed_an_error_and_succeeded_says_so():
    data = base64.b64encode(b"npm error Exit handler never called!\n").decode()
    begun = {"started": "2026-01-01T00:00:01Z"}
    board = board_of(
        document("[1/2] RUN npm ci", **begun),
        json.dumps({"logs": [{"vertex": "sha256:[1/2] RUN npm ci", "stream": 2, "data": data}]}),
        document("[1/2] RUN npm ci", **begun, completed="2026-01-01T00:00:02Z"),
        document("[2/2] RUN true", **begun, completed="2026-01-01T00:00:02Z"),
        outcome=live.Outcome.BUILT,
    )
    notes = {row.text: row.note for row in board.rows}
    assert notes == {
        "RUN npm ci": "printed an error: npm error Exit handler never called!",
        "RUN true": "",
    }
    assert "Exit handler never called!" in live.as_html(board)


# A series of builds


def test_each_build_is_told_with_its_number_and_the_last_line_counts_them(capsys, monkeypatch):
    monkeypatch.setattr(live, "in_notebook", lambda: False)
    with live.series("experiment", 2) as told:
        told("naive, cold")
        told("alpine, cold")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("experiment: 1 of 2 · naive, cold · ")
    assert lines[1].startswith("experiment: 2 of 2 · alpine, cold · ")
    assert lines[2].startswith("experiment: 2 builds in ")


def test_a_series_that_breaks_off_says_where_and_lets_the_error_pass(capsys, monkeypatch):
    monkeypatch.setattr(live, "in_notebook", lambda: False)

    def break_off():
        with live.series("experiment", 5) as told:
            told("naive, cold")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert "experiment: stopped at 1 of 5" in capsys.readouterr().err


def test_in_a_notebook_the_clocks_of_the_build_and_of_the_series_tick(monkeypatch):
    shown = []
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr(live, "_line_surface", lambda _: lambda text, done: shown.append((text, done)))
    with live.series("experiment", 2) as told:
        time.sleep(0.6)
        assert not shown
        told("naive, cold")
        time.sleep(1.6)
        told("alpine, cold")
        time.sleep(0.4)
    assert shown.pop()[0].startswith("experiment: 2 builds in ")
    clocks = r"experiment: (\d) of 2 · (?:naive|alpine), cold, for (\d+) s · (\d+) s in all"
    told = [tuple(map(int, re.fullmatch(clocks, text).groups())) for text, _ in shown]
    assert [done for _, done in shown] == [number - 1 for number, _, _ in told]
    own = {number: [clock for which, clock, _ in told if which == number] for number in (1, 2)}
    assert own[1][0] == 0 < own[1][-1]
    assert own[2][0] == 0
    whole = [clock for _, _, clock in told]
    assert whole == sorted(whole)
    assert whole[-1] >= 2
