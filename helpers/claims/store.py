"""Keep the verdicts that the lessons reached on this machine, for the ledger at the end.

One entry a claim, the latest: what was judged, on which engine and bases, when, and in which lesson. It
judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from helpers.claims import Judgement, Verdict
from helpers.host.records import Kept


@dataclass(frozen=True)
class Record:
    """One verdict with its circumstances; ``when`` is UTC in ISO format."""

    claim: str
    verdict: str
    figures: str
    because: str
    lesson: str
    conditions: str
    stand_ins: bool
    when: str

    def __post_init__(self) -> None:
        Verdict(self.verdict)


_records = Kept("verdicts", Record, lambda record: record.claim)


def keep(judgement: Judgement, lesson: str, conditions: str, *, stand_ins: bool) -> Record:
    """Record a judgement in the place of an earlier one on the same claim, and return the record."""
    record = Record(
        claim=judgement.claim,
        verdict=str(judgement.verdict),
        figures=judgement.figures,
        because=judgement.because,
        lesson=lesson,
        conditions=conditions,
        stand_ins=stand_ins,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _records.put(record)
    return record


def records() -> dict[str, Record]:
    """Return the latest record of each claim that was judged on this machine."""
    return _records.all()
