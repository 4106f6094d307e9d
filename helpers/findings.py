"""One finding about a Dockerfile or its context: what was seen, where, and what to do about it.

It finds nothing itself: rules, linters and measurements make findings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Severity(Enum):
    """How much a finding matters, the gravest first."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Finding:
    """One thing that can be done better.

    ``topic`` is ``cache``, ``size``, ``context`` or ``style``; ``line`` counts from 1 in the
    Dockerfile, None where no line of it is meant; ``source`` is who found it.
    """

    rule: str
    topic: str
    severity: Severity
    line: int | None
    sentence: str
    remedy: str = ""
    source: str = "workbook"


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings the gravest first, then by line; what two sources say alike stays twice."""
    rank = {severity: number for number, severity in enumerate(Severity)}
    return tuple(sorted(findings, key=lambda f: (rank[f.severity], f.line or 0, f.source, f.rule)))


def to_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return one row a finding; a line of 0 stands for none."""
    import pandas as pd

    rows = [
        (f.line or 0, str(f.severity), f.topic, f.sentence, f.remedy, f"{f.source} {f.rule}")
        for f in findings
    ]
    columns = ["line", "severity", "topic", "finding", "what to do", "rule"]
    return pd.DataFrame(rows, columns=columns)
