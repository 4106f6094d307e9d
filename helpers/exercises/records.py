"""Remember which exercises were solved on this machine, and how many hints were shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from helpers.host.records import Kept


@dataclass(frozen=True)
class Record:
    """One exercise: attempts, hints shown, and the time of its first solution (UTC, ISO), or empty."""

    exercise: str
    attempts: int = 0
    hints: int = 0
    solved: str = ""


_records = Kept("exercises", Record, lambda record: record.exercise)


def of(exercise: str) -> Record:
    """Return the record of an exercise; a new record when it was never tried."""
    return _records.all().get(exercise, Record(exercise))


def all_records() -> dict[str, Record]:
    """Return the records of all exercises that were tried, by name."""
    return _records.all()


def attempted(exercise: str, *, solved: bool) -> None:
    """Count one attempt; the time of the first solution is kept."""

    def edit(known: dict[str, Record]) -> None:
        old = known.get(exercise, Record(exercise))
        when = old.solved or (datetime.now(UTC).isoformat(timespec="seconds") if solved else "")
        known[exercise] = replace(old, attempts=old.attempts + 1, solved=when)

    _records.change(edit)


def hinted(exercise: str) -> int:
    """Count one more hint, and return the new number of hints."""
    seen: list[int] = []

    def edit(known: dict[str, Record]) -> None:
        old = known.get(exercise, Record(exercise))
        known[exercise] = replace(old, hints=old.hints + 1)
        seen.append(old.hints + 1)

    _records.change(edit)
    return seen[0]
