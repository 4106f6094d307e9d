"""The verdicts that the lessons reached on this machine: one for each claim, shown on one page.

A later verdict on a claim replaces the earlier one. The ledger judges and builds nothing. When a verdict
is missing, it names the lesson to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import plots
from helpers.claims.model import CLAIMS, Claim, Judgement, Verdict
from helpers.host import paths, tables
from helpers.host.errors import WorkbookError
from helpers.host.records import Kept
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd

FOLDER = paths.ROOT / "notebooks" / "report"
TITLE = "Docker multi-stage builds, on trial: the verdicts of this machine"


@dataclass(frozen=True)
class Record:
    """One verdict with the conditions of its measurement; ``when`` is UTC in ISO format."""

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


_kept = Kept("verdicts", Record, lambda record: record.claim)


def keep(judgement: Judgement, lesson: str, conditions: str, *, stand_ins: bool) -> Record:
    """Record a judgement, replacing an earlier one on the same claim, and return the record."""
    record = Record(
        claim=judgement.claim,
        verdict=str(judgement.verdict),
        figures=judgement.figures,
        because=judgement.why,
        lesson=lesson,
        conditions=conditions,
        stand_ins=stand_ins,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _kept.put(record)
    return record


def records() -> dict[str, Record]:
    """Return the latest record of each claim that was judged on this machine."""
    return _kept.all()


@dataclass(frozen=True)
class Ledger:
    """Every claim of the article, in order, each with its record, or None if it was not judged yet."""

    entries: tuple[tuple[Claim, Record | None], ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each claim: id, claim, short, verdict, measured, lesson."""
        rows = [
            (claim.id, claim.text, claim.short, *_said(record), claim.lesson)
            for claim, record in self.entries
        ]
        return tables.frame(rows, columns=["id", "claim", "short", "verdict", "measured", "lesson"])

    def chart(self) -> Chart:
        """Draw the verdicts as a board, with a tile for each claim."""
        return plots.board(self.to_frame(), caption=" · ".join(self._conditions()[:1]))

    def missing(self) -> list[str]:
        """Return the lessons to run for the missing verdicts, in reading order."""
        return sorted({claim.lesson for claim, record in self.entries if record is None})

    def count(self, verdict: str) -> int:
        """Return the number of claims with this verdict, such as ``holds``."""
        return sum(record is not None and record.verdict == verdict for _, record in self.entries)

    def summary(self) -> str:
        """Return a phrase with the number of claims for each verdict."""
        said = [f"{verdict}: {number}" for verdict in Verdict if (number := self.count(verdict))]
        waiting = sum(record is None for _, record in self.entries)
        return ", ".join([*said, *([f"not tried yet: {waiting}"] if waiting else [])])

    def to_markdown(self) -> str:
        """Return the page as Markdown."""
        lines = [f"# {TITLE}", "", f"{self.summary()}.", ""]
        lines += ["| claim | verdict | measured | why | lesson |", "|---|---|---|---|---|"]
        for claim, record in self.entries:
            verdict, measured = _said(record)
            cells = [f"**{claim.id}** {claim.text}", verdict, measured]
            cells += [record.because if record else "", claim.lesson]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines += ["", *(f"- {line}" for line in self._conditions()), ""]
        return "\n".join(lines)

    def to_html(self) -> str:
        """Return the page as one self-contained HTML document."""
        notes = "".join(f"<li>{escape(line)}</li>" for line in self._conditions())
        rows = [
            (claim.id, claim.text, *_said(record), _why(claim, record), claim.lesson)
            for claim, record in self.entries
        ]
        heads = ("id", "claim", "verdict", "measured", "why", "lesson")
        table = tables.html_of(rows, heads, named=True)
        summary = f"<p>{escape(self.summary())}.</p>"
        return tables.page(TITLE, f"{summary}{table}<h2>Measured on</h2><ul>{notes}</ul>")

    def save(self, folder: Path) -> list[Path]:
        """Write the page as ``verdicts.html`` and ``verdicts.md``; return their paths.

        Raises `WorkbookError` when ``folder`` cannot be written.
        """
        pages = {"verdicts.html": self.to_html(), "verdicts.md": self.to_markdown()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in pages.items():
                (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise WorkbookError(
                f"The report cannot be written to {folder}: {error.strerror}; give another folder."
            ) from error
        return [folder / name for name in pages]

    def _repr_html_(self) -> str:
        rows = "".join(_folded(claim, record) for claim, record in self.entries)
        return f"<p>{escape(self.summary())}.</p><table>{rows}</table>"

    def __repr__(self) -> str:
        rows = [
            f"{claim.id}  {_said(record)[0]:<24} {_said(record)[1]}" for claim, record in self.entries
        ]
        return "\n".join([f"{self.summary()}.", *rows])

    def _conditions(self) -> list[str]:
        kept = (record.conditions for _, record in self.entries if record)
        return list(dict.fromkeys(kept))


def read() -> Ledger:
    """Return the ledger of this machine."""
    known = records()
    return Ledger(tuple((claim, known.get(claim.id)) for claim in CLAIMS.values()))


def _said(record: Record | None) -> tuple[str, str]:
    if record is None:
        return "· not tried yet", ""
    note = " (stand-in bases)" if record.stand_ins else ""
    return f"{Verdict(record.verdict).mark} {record.verdict}", record.figures + note


def _folded(claim: Claim, record: Record | None) -> str:
    """Return a row with verdict and claim; a click shows the figures and the reason."""
    verdict, measured = _said(record)
    behind = (measured, _why(claim, record), f"Lesson {claim.lesson}")
    lines = "".join(f"<div>{escape(line)}</div>" for line in behind if line)
    return (
        f'<tr><td style="text-align:left;vertical-align:top"><b>{escape(verdict)}</b></td>'
        f'<td style="text-align:left"><details><summary><b>{claim.id}</b> {escape(claim.text)}</summary>'
        f"{lines}</details></td></tr>"
    )


def _why(claim: Claim, record: Record | None) -> str:
    return record.because if record else f"Run the lesson {claim.lesson}."
