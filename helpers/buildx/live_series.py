"""Show how far a series of builds has come: one line, changed in place, whose clock ticks.

It is told what begins and counts; it builds nothing. `live` shows a single build, step by step.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from helpers.buildx import live

Show = Callable[[str, int], None]


@contextlib.contextmanager
def line(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that is told of each of ``total`` builds before it begins."""
    begun, current, seen = time.monotonic(), "", 0
    changed, since = threading.Event(), begun
    show = _surface(total)
    ticks = live.in_notebook()

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
        with live.ticking(draw, changed) if ticks else contextlib.nullcontext():
            yield tell
    except BaseException:
        show(f"{title}: stopped at {seen} of {total} after {_minutes(time.monotonic() - begun)}", seen)
        raise
    show(f"{title}: {seen} builds in {_minutes(time.monotonic() - begun)}", total)


def _surface(total: int) -> Show:
    if not live.in_notebook():
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
