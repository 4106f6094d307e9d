"""The magics ``%%dockerfile NAME`` and ``%%dockerignore NAME``: the cell is the answer to an exercise.

The magic keeps the answer, and `Exercise.check` without an argument tries it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from helpers.exercises.exercise import Exercise
from helpers.host.errors import WorkbookError


def register(task: Callable[[str], Exercise]) -> None:
    """Register the magics in the running IPython; outside IPython, do nothing.

    ``task`` finds an exercise by its name.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if not shell:
        return

    def dockerfile(name: str, answer: str) -> None:
        """Keep the cell as the answer to the exercise NAME: %%dockerfile NAME."""
        _keep(task(name.strip()), "Dockerfile", answer)

    def dockerignore(name: str, answer: str) -> None:
        """Keep the cell as the answer to the exercise NAME: %%dockerignore NAME."""
        _keep(task(name.strip()), ".dockerignore", answer)

    for magic in (dockerfile, dockerignore):
        shell.register_magic_function(magic, "cell")


def _keep(exercise: Exercise, file: str, answer: str) -> None:
    if file != exercise.answers:
        raise WorkbookError(f"This exercise asks for a {exercise.answers}: begin with {exercise.magic}.")
    exercise.keep(answer)
    print(f"{exercise.title}: your answer is kept; the next cell checks it.")
