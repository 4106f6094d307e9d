"""How long a fresh Python takes to import the package, and what a lesson imports of it.

Modules are compiled already, as from a reader's second start on: Python keeps what it compiled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from helpers.engine import Engine
from helpers.host import paths
from tests.bench import rows, typed
from tests.bench.rows import Row

_LESSON = "from helpers import claims, exercises, lesson; from helpers.lesson import cache"


def measure(_engine: Engine) -> Iterator[Row]:
    """Start Python to import, and to do nothing."""
    with paths.temporary() as compiled:
        for figure, line in (
            ("`import helpers`", "import helpers"),
            ("the imports of lesson 04", _LESSON),
        ):
            start = _start(line, compiled)
            start()
            yield rows.compare(
                f"{figure} in a new process",
                start,
                ("python -c pass", _start("pass", compiled)),
                runs=15,
                goal=("at most 0.3 s in all", lambda mine, _: mine <= 0.3),
            )


def _start(line: str, compiled: Path) -> Callable[[], float]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(compiled)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = (sys.executable, "-c", line)
    return rows.timed(lambda: typed.run(command, environment=environment, folder=paths.ROOT))
