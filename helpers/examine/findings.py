"""A finding about a project (what was seen, in which line, what to do), and the check that made it.

Rules, linters and measurements make the findings; this module only describes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from helpers.host import tables
from helpers.host.tables import Table

if TYPE_CHECKING:
    import pandas as pd


class Severity(Enum):
    """How much a finding matters, the most serious first."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Finding:
    """One thing that can be done better.

    ``topic`` is ``cache``, ``size``, ``context`` or ``style``. ``line`` is the line of the Dockerfile,
    counted from 1; None when the finding has no line. ``source`` names what found it.
    """

    rule: str
    topic: str
    severity: Severity
    line: int | None
    sentence: str
    remedy: str = ""
    source: str = "workbook"


@dataclass(frozen=True)
class Check:
    """One check of an examination: its name, and what it found.

    ``note`` is a sentence that says why the check was not done; it is empty when it was done. ``result``
    is the result of a check that makes no findings.
    """

    what: str
    findings: tuple[Finding, ...] = ()
    note: str = ""
    result: str = ""

    @property
    def outcome(self) -> str:
        """The result of the check, in a phrase or a sentence."""
        return self.note or self.result or counted(self.findings)


@dataclass(frozen=True)
class Listing:
    """Findings as a reader sees them: each with its line, its sentence and what to do."""

    findings: tuple[Finding, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each finding."""
        return table(self.findings).to_frame()

    def __repr__(self) -> str:
        return "\n".join(_said(finding) for finding in self.findings) or "no findings"

    def _repr_html_(self) -> str:
        if not self.findings:
            return "<p>No findings.</p>"
        rows = [
            (f.line or "", f.severity, f.sentence, f.remedy, f"{f.source} {f.rule}")
            for f in self.findings
        ]
        return tables.html_of(rows, ("line", "severity", "finding", "what to do", "rule"))


def _said(finding: Finding) -> str:
    line = f"line {finding.line}: " if finding.line else ""
    remedy = f"\n    → {finding.remedy}" if finding.remedy else ""
    return f"{finding.severity}: {line}{finding.sentence} ({finding.source} {finding.rule}){remedy}"


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings, the most serious first, then by line; equal findings of two sources both stay."""
    rank = {severity: number for number, severity in enumerate(Severity)}
    return tuple(sorted(findings, key=lambda f: (rank[f.severity], f.line or 0, f.source, f.rule)))


def counted(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each severity, such as ``2 errors, 1 hint``."""
    counts = Counter(str(finding.severity) for finding in findings)
    said = [f"{counts[str(s)]} {s}{'s' * (counts[str(s)] > 1)}" for s in Severity if counts[str(s)]]
    return ", ".join(said) or "no findings"


def table(findings: Iterable[Finding]) -> Table:
    """Return one row for each finding; line 0 means that it has no line."""
    rows = [
        (f.line or 0, str(f.severity), f.topic, f.sentence, f.remedy, f"{f.source} {f.rule}")
        for f in findings
    ]
    return Table(["line", "severity", "topic", "finding", "what to do", "rule"], rows)
