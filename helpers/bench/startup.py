"""How long a fresh Python takes to import the package, and what a lesson imports of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from helpers import places
from helpers.bench import rows, typed
from helpers.bench.rows import Row
from helpers.engine import Engine

_LESSON = "from helpers import cache_lesson, claims, exercises, lesson"


def measure(_where: Engine) -> Iterator[Row]:
    """Start Python to import, and to do nothing."""
    for figure, line in (("`import helpers`", "import helpers"), ("the imports of lesson 04", _LESSON)):
        yield rows.compare(
            f"{figure} in a new process",
            _start(line),
            ("python -c pass", _start("pass")),
            runs=15,
            goal=("at most 0.3 s in all", lambda mine, _: mine <= 0.3),
        )


def _start(line: str) -> Callable[[], float]:
    return rows.timed(lambda: typed.run((sys.executable, "-c", line), folder=places.ROOT))
