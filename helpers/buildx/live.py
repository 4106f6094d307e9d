"""Show a build while it runs: in a notebook, in a terminal, or as plain lines in a log.

`watcher` shows one build, and `series` the progress of several builds; both find out where they draw.
They show what `stream` reports, and their clocks tick between two reports. This module starts no build
and judges no result; the seconds that a lesson quotes come from `run`.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from html import escape
from typing import TYPE_CHECKING, Any

from helpers.buildx import step_log
from helpers.host.errors import redacted
from helpers.host.tables import in_units

if TYPE_CHECKING:
    from rich.console import RenderableType

    from helpers.buildx.stream import Progress, Step

TICK = 0.5  # seconds between two drawings while nothing happens
PAUSE = 0.2  # shortest time between two drawings
LONGEST = 96  # characters of an instruction that are shown
SILENT = 60.0  # seconds without output after which a running step is called silent
_POSITION = re.compile(r"(\d+)/\d+\] ")
_PROCESS = re.compile(r'^process ".*" did not complete successfully: ', re.DOTALL)
_LONG_NAME = re.compile(r"docker\.io/(?:library/)?|@sha256:[0-9a-f]{64}")


class State(Enum):
    """What a step is doing: a mark and a word, so that a reader needs neither colour nor mark."""

    WAITING = ("○", "waiting")
    RUNNING = ("●", "running")
    DONE = ("✓", "done")
    CACHED = ("=", "cached")
    FAILED = ("✗", "failed")
    STOPPED = ("■", "stopped")
    NOT_RUN = ("-", "not run")

    def __str__(self) -> str:
        return " ".join(self.value)


class Outcome(Enum):
    """How a build ended."""

    BUILT = "built in"
    FAILED = "failed after"
    STOPPED = "stopped after"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ``note`` is the first line of a failed step's error, or the first error that a successful step
    printed, or the time for which a running step has been silent.
    """

    key: str
    state: State
    stage: str
    text: str
    seconds: str
    note: str = ""


@dataclass(frozen=True)
class Board:
    """Everything that is drawn at one moment; ``done``, ``cached``, ``known`` count Dockerfile steps."""

    title: str
    headline: str
    done: int
    cached: int
    known: int
    outcome: Outcome | None
    rows: tuple[Row, ...]

    @property
    def nothing_ran(self) -> bool:
        """Whether the build succeeded and every step came from the cache."""
        return self.outcome is Outcome.BUILT and 0 < self.known == self.cached


@contextlib.contextmanager
def watcher(title: str) -> Iterator[Callable[[Progress], None]]:
    """Draw a build while it runs: yield the function that `helpers.buildx.build` takes as its watcher.

    The last drawing stays: the summary, or the failed step with its error. Exceptions pass through.
    """
    view = _View(title)
    with _surface() as draw:
        draw(view.board())
        try:
            with ticking(lambda: draw(view.board()), view.changed):
                yield view.take
            view.outcome = Outcome.BUILT
        except KeyboardInterrupt:
            view.outcome = Outcome.STOPPED
            raise
        except BaseException:
            view.outcome = Outcome.FAILED
            raise
        finally:
            draw(view.board())


class _View:
    """What is known about the build so far, and the clocks of its running steps."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.outcome: Outcome | None = None
        self.changed = threading.Event()
        self._begun = time.monotonic()
        self._seen: dict[str, float] = {}
        self._heard: dict[str, tuple[int, float]] = {}
        self._printed: dict[str, str] = {}  # the first error that each step printed and survived
        self._steps: tuple[Step, ...] = ()
        self._context_bytes = 0
        self._started = False

    def take(self, progress: Progress) -> None:
        """Copy everything to draw, because the build's thread goes on changing ``progress``."""
        now = time.monotonic()
        if not self._started:
            self._started, self._begun = True, now
        steps = progress.steps
        for step in steps:
            if step.running:
                self._seen.setdefault(step.digest, now)
                words, heard = progress.words_of(step), self._heard.get(step.digest)
                if heard is None or heard[0] != words:
                    self._heard[step.digest] = (words, now)
            elif step.done and not step.error and step.digest not in self._printed:
                said = step_log.errors(progress.log_of(step))
                self._printed[step.digest] = f"printed an error: {said[0]}" if said else ""
        self._context_bytes = progress.context_bytes
        self._steps = steps
        self.changed.set()

    def board(self) -> Board:
        steps, now = self._steps, time.monotonic()
        own = [step for step in steps if not step.internal]
        return Board(
            title=self.title,
            headline=_headline(own, now - self._begun, self.outcome),
            done=sum(step.done and not step.error for step in own),
            cached=sum(step.cached for step in own),
            known=len(own),
            outcome=self.outcome,
            rows=tuple(self._row(step, now) for step in _arranged(steps)),
        )

    def _row(self, step: Step, now: float) -> Row:
        state = _state(step, self.outcome)
        seconds, note = step.seconds, ""
        if state is State.RUNNING:
            seconds = now - self._seen[step.digest]
            note = _silence(now - self._heard[step.digest][1])
        elif state is State.FAILED:
            note = _first_line(step.error)
        elif state is State.DONE:
            note = _plain(self._printed.get(step.digest, ""))
        return Row(
            key=step.digest,
            state=state,
            stage=_plain(step.stage),
            text=self._text(step),
            seconds="" if seconds is None or state is State.CACHED else _duration(seconds),
            note=note,
        )

    def _text(self, step: Step) -> str:
        if _sends_context(step):
            return f"context: {in_units(self._context_bytes)} sent"
        return _plain(_LONG_NAME.sub("", step.instruction))


@contextlib.contextmanager
def ticking(draw: Callable[[], None], changed: threading.Event) -> Iterator[None]:
    """Draw from a separate thread until the block ends, even if it ends with an error.

    It draws soon after each change, and every `TICK` seconds.
    """
    over = threading.Event()

    def tick() -> None:
        while not over.wait(PAUSE):
            changed.wait(TICK - PAUSE)
            changed.clear()
            if not over.is_set():
                draw()

    thread = threading.Thread(target=tick, name="live-build", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        changed.set()
        thread.join()


def _sends_context(step: Step) -> bool:
    return step.name.startswith("[internal] load build context") or "load from client" in step.name


def _arranged(steps: tuple[Step, ...]) -> list[Step]:
    """Return the steps to show, in an order that does not depend on which ones run in parallel.

    The context comes first, then the stages, each after the stages that it builds on, then the export.
    BuildKit's other internal steps are shown only if they failed.
    """
    known = {step.digest: step for step in steps}
    graph = {step.digest: [i for i in step.inputs if i in known] for step in steps}
    depth: dict[str, int] = {}
    for digest in _in_order(graph):
        depth[digest] = 1 + max((depth.get(i, 0) for i in graph[digest]), default=0)
    reach: dict[str, int] = {}
    for step in steps:
        reach[step.stage] = max(reach.get(step.stage, 0), depth[step.digest])

    def place(step: Step) -> tuple[int, int, str, int]:
        if step.internal:
            return (0 if _sends_context(step) else 2, 0, "", 0)
        position = _POSITION.search(step.name)
        return (1, reach[step.stage], step.stage, int(position[1]) if position else 0)

    return sorted((step for step in steps if _shown(step)), key=place)


def _in_order(graph: dict[str, list[str]]) -> list[str]:
    """Return each step after its inputs; if the inputs form a circle, in the order of arrival."""
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        return list(graph)


def _shown(step: Step) -> bool:
    exports = step.name.startswith(("exporting to", "importing to"))
    return not step.internal or _sends_context(step) or exports or bool(step.error)


def _state(step: Step, outcome: Outcome | None) -> State:
    if step.error:
        return State.STOPPED if "context canceled" in step.error else State.FAILED
    if step.cached:
        return State.CACHED
    if step.done:
        return State.DONE
    if step.running:
        return State.STOPPED if outcome else State.RUNNING
    return State.NOT_RUN if outcome else State.WAITING


def _headline(steps: list[Step], elapsed: float, outcome: Outcome | None) -> str:
    done = sum(step.done and not step.error for step in steps)
    if outcome is Outcome.BUILT:
        cached = sum(step.cached for step in steps)
        return f"built in {_duration(elapsed)} · {cached} of {len(steps)} steps from cache"
    if outcome:
        return f"{outcome.value} {_duration(elapsed)} · {done} of {len(steps)} steps done"
    if not steps:
        return f"preparing · {_duration(elapsed)}"
    return f"{done} of {len(steps)} steps · {_duration(elapsed)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _silence(seconds: float) -> str:
    """Say how long a step has been silent, and what to do; empty while that is usual."""
    if seconds < SILENT:
        return ""
    return f"silent for {seconds:.0f} s: it may wait for the network; ■ or Ctrl-C stops the build"


def _plain(text: str) -> str:
    """Return the text on one line, without control characters and logins, shortened if it is long."""
    text = redacted("".join(c for c in " ".join(text.split()) if c.isprintable()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _first_line(error: str | None) -> str:
    """Return an error's first line, without the command, which the line above shows already."""
    lines = _PROCESS.sub("", error or "").splitlines()
    return _plain(next((line for line in lines if line.strip()), ""))


@contextlib.contextmanager
def _surface() -> Iterator[Callable[[Board], None]]:
    if in_notebook():
        yield _Notebook().draw
    elif sys.stderr.isatty():
        with _terminal() as draw:
            yield draw
    else:
        yield _Log().draw


def in_notebook() -> bool:
    """Whether output goes to a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


class _Notebook:
    """One output that is changed in place; the notebook keeps a table that needs no style sheet."""

    def __init__(self) -> None:
        from IPython.display import DisplayHandle

        self._handle: Any = DisplayHandle()
        self._drawn = False

    def draw(self, board: Board) -> None:
        data = {"text/html": as_html(board), "text/plain": as_text(board)}
        show = self._handle.update if self._drawn else self._handle.display
        show(data, raw=True)
        self._drawn = True


@contextlib.contextmanager
def _terminal() -> Iterator[Callable[[Board], None]]:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        yield lambda board: live.update(as_rich(board), refresh=True)


class _Log:
    """One line for each step when it ends, and one for the whole build."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def draw(self, board: Board) -> None:
        ended = (State.DONE, State.CACHED, State.FAILED, State.STOPPED)
        for row in board.rows:
            if row.state in ended and row.key not in self._told:
                self._told.add(row.key)
                print(f"{board.title}: {_line(row)}", file=sys.stderr)
        if board.outcome:
            print(f"{board.title}: {board.headline}", file=sys.stderr, flush=True)


def _line(row: Row, stage_width: int = 0) -> str:
    note = f" ({row.note})" if row.note else ""
    return f"{row.state!s:<9} {row.seconds:>8}  {row.stage:<{stage_width}} {row.text}{note}".rstrip()


def as_text(board: Board) -> str:
    """Return the board as plain text."""
    width = max((len(row.stage) for row in board.rows), default=0)
    return "\n".join([f"{board.title}: {board.headline}", *(_line(row, width) for row in board.rows)])


def as_html(board: Board) -> str:
    """Return the board as a heading, a progress bar and a table, readable without the style sheet.

    When no step ran, only the heading is shown, and a click opens the table.
    """
    heading = f"<strong>{escape(board.title)}</strong>: {escape(board.headline)}"
    if board.nothing_ran:
        table = _table(board.rows, f"Build of {board.title}")
        folded = f"<details><summary>{heading}</summary>{table}</details>"
        return f'<style>{_STYLE}</style><div class="wb-live">{folded}</div>'
    bad = board.outcome in (Outcome.FAILED, Outcome.STOPPED)
    share = 100 if board.outcome is Outcome.BUILT else 100 * board.done // max(1, board.known)
    label = f"Build of {board.title}"
    parts = [
        f"<style>{_STYLE}</style>",
        '<div class="wb-live">',
        f"<p>{heading}</p>",
        f'<div class="wb-bar{" wb-bad" if bad else ""}" role="progressbar" aria-label="{escape(label)}"'
        f' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share}"'
        f' aria-valuetext="{escape(board.headline)}"><div style="width:{share}%"></div></div>',
        _table(board.rows, label) if board.rows else "",
        "</div>",
    ]
    return "".join(parts)


def _table(rows: tuple[Row, ...], label: str) -> str:
    staged = any(row.stage for row in rows)
    names = ["state", *(["stage"] if staged else []), "instruction", "time"]
    head = "".join(f'<th scope="col" class="wb-{name}">{name}</th>' for name in names)
    body = "".join(_table_row(row, staged=staged) for row in rows)
    return (
        f'<table aria-label="Steps: {escape(label)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _table_row(row: Row, *, staged: bool) -> str:
    look = {State.WAITING: "wb-idle", State.NOT_RUN: "wb-idle", State.RUNNING: "wb-now"}
    look[State.FAILED] = "wb-failed"
    note = f"<br><em>{escape(row.note)}</em>" if row.note else ""
    stage = f"<td>{escape(row.stage)}</td>" if staged else ""
    kind = f' class="{look[row.state]}"' if row.state in look else ""
    text = escape(row.text)
    return (
        f"<tr{kind}><td>{row.state}</td>{stage}"
        f'<td class="wb-instruction" title="{text}"><code>{text}</code>{note}</td>'
        f'<td class="wb-time">{row.seconds}</td></tr>'
    )


def as_rich(board: Board) -> RenderableType:
    """Return the board for a terminal."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    styles = {
        State.FAILED: "bold red",
        State.RUNNING: "bold",
        State.WAITING: "dim",
        State.NOT_RUN: "dim",
    }
    table = Table(box=None, pad_edge=False, expand=True, show_header=False)
    for settings in ({}, {}, {"ratio": 1, "overflow": "ellipsis"}, {"justify": "right"}):
        table.add_column(no_wrap=True, **settings)
    for row in board.rows:
        style = styles.get(row.state, "")
        cells = (str(row.state), row.stage, row.text, row.seconds)
        table.add_row(*(Text(cell) for cell in cells), style=style)
        if row.note:
            table.add_row("", "", Text(row.note), "", style=style)
    heading = Text.assemble((board.title, "bold"), f": {board.headline}")
    return Group(heading, ProgressBar(total=max(1, board.known), completed=board.done), table)


# A series of builds


@contextlib.contextmanager
def series(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show the progress of a series of builds in one line, with a ticking clock.

    Yields a function that the caller calls with a phrase before each of the ``total`` builds.
    """
    begun, current, seen = time.monotonic(), "", 0
    changed, since = threading.Event(), begun
    show = _line_surface(total)
    ticks = in_notebook()

    def tell(what: str) -> None:
        nonlocal current, seen, since
        current, seen, since = what, seen + 1, time.monotonic()
        if ticks:
            changed.set()
        else:
            show(f"{title}: {seen} of {total} · {what} · {_minutes(since - begun)}", seen - 1)

    def draw() -> None:
        now = time.monotonic()
        if seen:
            clocks = f"for {_minutes(now - since)} · {_minutes(now - begun)} in all"
            show(f"{title}: {seen} of {total} · {current}, {clocks}", seen - 1)

    try:
        with ticking(draw, changed) if ticks else contextlib.nullcontext():
            yield tell
    except BaseException:
        show(f"{title}: stopped at {seen} of {total} after {_minutes(time.monotonic() - begun)}", seen)
        raise
    show(f"{title}: {seen} builds in {_minutes(time.monotonic() - begun)}", total)


def _line_surface(total: int) -> Callable[[str, int], None]:
    if not in_notebook():
        return lambda text, _: print(text, file=sys.stderr, flush=True)
    from IPython.display import DisplayHandle

    handle: Any = DisplayHandle()
    drawn = False

    def show(text: str, done: int) -> None:
        nonlocal drawn
        html = f'<p>{escape(text)}<br><progress value="{done}" max="{total}">{done}</progress></p>'
        draw = handle.update if drawn else handle.display
        draw({"text/html": html, "text/plain": text}, raw=True)
        drawn = True

    return show


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"


# The class is written twice so that it wins over JupyterLab's style of tables.
_STYLE = """
.wb-live{max-width:64em;font-size:max(1em,15px);color:var(--jp-content-font-color1,inherit)}
.wb-live p,.wb-live summary{margin:.2em 0}
.wb-live summary{cursor:pointer}
.wb-live .wb-bar{height:10px;margin:.3em 0 .5em;border-radius:5px;overflow:hidden;
background:var(--jp-layout-color3,#bdbdbd)}
.wb-live .wb-bar>div{height:100%;background:var(--jp-brand-color1,#1976d2)}
.wb-live .wb-bad>div{background:var(--jp-error-color1,#d32f2f)}
.wb-live.wb-live table{width:100%;table-layout:auto;margin:0;border-collapse:collapse;font-size:inherit}
.wb-live.wb-live table th,.wb-live.wb-live table td{padding:.15em .9em .15em 0;text-align:left;
white-space:nowrap;max-width:none;vertical-align:top}
.wb-live.wb-live table .wb-instruction{width:100%;max-width:0;overflow:hidden;text-overflow:ellipsis}
.wb-live.wb-live table .wb-time{padding-right:.3em;text-align:right;font-variant-numeric:tabular-nums}
.wb-live.wb-live table code{padding:0;font-size:.95em;background:none;color:inherit}
.wb-live .wb-idle{color:var(--jp-content-font-color2,inherit)}
.wb-live .wb-now{font-weight:bold}
.wb-live .wb-failed{font-weight:bold;color:var(--jp-error-color1,inherit)}
.wb-live td em{white-space:normal;font-style:normal}
"""
