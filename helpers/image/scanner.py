"""Count the known vulnerabilities of an image with Trivy or Grype, if one of them is installed.

A scanner compares the names and versions of packages with its own database. Without a scanner or its
database, nothing is counted and nothing is guessed. This module does not judge the counts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from helpers.engine import Engine

SEVERITIES = ("critical", "high", "medium", "low", "negligible", "unknown")
SEVERE = ("critical", "high")
_PATIENCE = 600  # seconds for one image; the first scan downloads the database


class ScannerError(WorkbookError):
    """A scanner is here but gave no counts."""


@dataclass(frozen=True)
class Findings:
    """A scanner's result: its name and version, the date of its database, the counts by severity.

    A vulnerability is one identifier (CVE, GHSA). It counts once for each image, at its highest
    severity, however many packages have it. ``database`` is empty when the scanner does not give a date.
    """

    scanner: str
    database: str
    severities: Mapping[str, int]

    @property
    def total(self) -> int:
        """The number of all vulnerabilities of the image."""
        return sum(self.severities.values())

    @property
    def severe(self) -> int:
        """The number of critical and high vulnerabilities, which commonly stop a pipeline."""
        return sum(self.severities.get(name, 0) for name in SEVERE)


@dataclass(frozen=True)
class Scanner:
    """A scanner on this machine: its name, its program, its command line, and how to read its report."""

    name: str
    program: str

    def command(self, reference: str) -> list[str]:
        """Return the command that scans an image of the engine."""
        return [self.program, *_SCANNERS[self.name].arguments(reference)]


@dataclass(frozen=True)
class _Kind:
    arguments: Callable[[str], list[str]]
    parse: Callable[[Mapping[str, Any]], Findings]


def find() -> Scanner | None:
    """Return the scanner on the PATH, Trivy before Grype; None when there is no scanner."""
    for name in _SCANNERS:
        if program := shutil.which(name):
            return Scanner(name, program)
    return None


def scan(scanner: Scanner, reference: str, engine: Engine) -> Findings:
    """Scan an image. Raises `ScannerError` with the scanner's last line when it gives no report."""
    command = scanner.command(reference)
    try:
        ran = subprocess.run(
            command,
            env=engine.process_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerError(f"{scanner.name} could not scan {reference}: {error}.") from None
    if ran.returncode:
        raise ScannerError(
            f"{scanner.name} counted nothing, most likely because it could not fetch its database: "
            f"{_last_line(ran.stderr)}"
        )
    return parse(scanner.name, ran.stdout)


def parse(name: str, report: str) -> Findings:
    """Return the findings in a scanner's JSON report. Raises `ScannerError` when it cannot be read."""
    try:
        return _SCANNERS[name].parse(json.loads(report))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScannerError(
            f"{name} gave a report that cannot be read ({error!r}); is its version a recent one?"
        ) from None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][-300:] if lines else "it said nothing."


def _trivy_command(reference: str) -> list[str]:
    return ["image", "--quiet", "--format", "json", "--scanners", "vuln", reference]


def _trivy_report(report: Mapping[str, Any]) -> Findings:
    if report["SchemaVersion"] != 2:
        raise ScannerError(f"This Trivy reports in schema {report['SchemaVersion']}; use one with 2.")
    rows = [row for result in report.get("Results") or () for row in result.get("Vulnerabilities") or ()]
    pairs = [(row["VulnerabilityID"], row["Severity"]) for row in rows]
    version = (report.get("Trivy") or {}).get("Version", "")
    return Findings(f"Trivy {version}".strip(), "", _count(pairs))


def _grype_command(reference: str) -> list[str]:
    return ["--quiet", "--output", "json", f"docker:{reference}"]


def _grype_report(report: Mapping[str, Any]) -> Findings:
    pairs = [
        (match["vulnerability"]["id"], match["vulnerability"].get("severity") or "unknown")
        for match in report["matches"]
    ]
    descriptor = report["descriptor"]
    database = descriptor.get("db") or {}
    built = (database.get("status") or database).get("built", "")  # under "status" since 0.88
    return Findings(f"Grype {descriptor['version']}", str(built)[:10], _count(pairs))


def _count(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the number of identifiers by severity; each counts once, at its highest severity."""
    worst: dict[str, int] = {}
    for identifier, severity in pairs:
        rank = _rank(severity)
        worst[identifier] = min(rank, worst.get(identifier, rank))
    counts = Counter(SEVERITIES[rank] for rank in worst.values())
    return {name: counts[name] for name in SEVERITIES if counts[name]}


def _rank(severity: str, order: Sequence[str] = SEVERITIES) -> int:
    name = severity.lower()
    return order.index(name) if name in order else len(order) - 1


_SCANNERS = {
    "trivy": _Kind(_trivy_command, _trivy_report),
    "grype": _Kind(_grype_command, _grype_report),
}
