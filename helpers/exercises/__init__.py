"""Exercises: a task, a check that builds and tries what the learner wrote, hints, and a solution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.exercises import magics, records
from helpers.exercises.catalogue import CATALOGUE
from helpers.exercises.exercise import Exercise, Outcome
from helpers.host import tables
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CATALOGUE", "Exercise", "Outcome", "progress", "task"]


def task(name: str) -> Exercise:
    """Return an exercise by its name. Raises `WorkbookError` with the known names for any other name."""
    known = {exercise.name: exercise for exercise in CATALOGUE}
    if name not in known:
        raise WorkbookError(f"There is no exercise {name!r}; there are {', '.join(known)}.")
    return known[name]


def progress() -> pd.DataFrame:
    """Return one row for each exercise: lesson, exercise, whether it is solved, attempts and hints."""
    kept = records.all_records()
    rows = []
    for exercise in CATALOGUE:
        record = kept.get(exercise.name, records.Record(exercise.name))
        mark = "✓ solved" if record.solved else "· open"
        rows.append((exercise.lesson, exercise.title, mark, record.attempts, record.hints))
    return tables.frame(rows, columns=["lesson", "exercise", "state", "attempts", "hints"])


magics.register(task)
