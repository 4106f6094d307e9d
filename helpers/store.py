"""Keep the verdicts that the lessons reached on this machine, for the ledger at the end.

One small file, one entry a claim, the latest: what was judged, on which engine and bases, when, and in
which lesson. It judges nothing. A file that cannot be read counts as empty and is set aside.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers import places
from helpers.claims import Judgement, Verdict

_FILE = "verdicts.json"


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
    with _locked() as file:
        known = _read(file)
        known[record.claim] = record
        _write(file, known)
    return record


def records() -> dict[str, Record]:
    """Return the latest record of each claim that was judged on this machine."""
    with _locked() as file:
        return _read(file)


@contextmanager
def _locked() -> Iterator[Path]:
    folder = places.state("ledger")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / _FILE


def _read(file: Path) -> dict[str, Record]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        found = [Record(**entry) for entry in entries]
        for record in found:
            Verdict(record.verdict)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError):
        file.replace(file.with_suffix(".unreadable"))
        return {}
    return {record.claim: record for record in found}


def _write(file: Path, known: dict[str, Record]) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as fresh:
        json.dump([asdict(known[claim]) for claim in sorted(known)], fresh, indent=1, ensure_ascii=False)
    Path(name).replace(file)
