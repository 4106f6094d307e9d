"""How long a fresh Python takes to import what a lesson imports, and to examine without a build.

Modules are compiled already, as from a reader's second start on: Python keeps what it compiled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from helpers.engine import Engine
from helpers.host import paths, workspace
from helpers.measure import sample
from tests.bench import rows, typed
from tests.bench.rows import Row

_LESSON = "from helpers import claims, exercises, lesson; from helpers.lesson import cache"


def measure(_engine: Engine) -> Iterator[Row]:
    """Start Python to import, to examine a small project without a build, and to do nothing."""
    with paths.temporary() as compiled:
        for figure, line in (
            ("`import helpers`", "import helpers"),
            ("the imports of lesson 04", _LESSON),
        ):
            start = _start(("-c", line), compiled)
            start()
            yield rows.compare(
                f"{figure} in a new process",
                start,
                ("python -c pass", _start(("-c", "pass"), compiled)),
                runs=15,
                goal=("at most 0.3 s in all", lambda mine, _: mine <= 0.3),
            )
        with workspace.copy() as app:
            file = app.write("Dockerfile", sample.dockerfile("naive").read_text())
            examine = _start(("-m", "helpers", "examine", str(file), "--no-build"), compiled)
            examine()
            yield rows.compare(
                "`examine --no-build` of the sample app",
                examine,
                ("python -c pass", _start(("-c", "pass"), compiled)),
                runs=15,
                goal=("at most 0.5 s in all", lambda mine, _: mine <= 0.5),
            )


def _start(arguments: Sequence[str], compiled: Path) -> Callable[[], float]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(compiled)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = (sys.executable, *arguments)
    return rows.timed(lambda: typed.run(command, environment=environment, folder=paths.ROOT))
