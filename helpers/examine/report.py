"""The report on a project: the figures, and each part of it as a table and as JSON.

`examine.run` fills the report in, and `host.tables` writes each table. 1 MB is 10^6 bytes; seconds are
wall time. Text from the project, its Dockerfile or a linter is escaped in HTML.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from helpers.examine import findings as _findings
from helpers.examine.credentials import Secret
from helpers.examine.findings import Check, Finding
from helpers.examine.rebuild import Rebuild
from helpers.examine.removable import Share
from helpers.examine.unwanted import Unwanted
from helpers.host import tables
from helpers.host.tables import MB, Table

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 120  # characters on a line of the text by default
_MARKS = {"error": "✗", "warning": "!", "hint": "·"}


@dataclass(frozen=True)
class LayerSize:
    """One layer of the image, or all layers of its base; later layers hide its ``wasted_bytes``."""

    instruction: str
    from_base: bool
    uncompressed_bytes: int
    compressed_bytes: int
    wasted_bytes: int


@dataclass(frozen=True)
class Hidden:
    """Bytes of files above the base that a later layer hides, by the instructions of both layers.

    ``how`` is ``deleted`` or ``replaced``.
    """

    instruction: str
    by: str
    how: str
    bytes: int


@dataclass(frozen=True)
class BuiltImage:
    """The built image: its user, its layers, and the files that a final stage would not need.

    ``secrets`` are the files above the base that hold a secret, ``hidden`` what later layers hide.
    """

    tag: str
    user: str
    layers: tuple[LayerSize, ...]
    removable: tuple[Share, ...]
    secrets: tuple[Secret, ...]
    build_seconds: float
    steps_cached: int
    steps: int
    hidden: tuple[Hidden, ...] = ()

    @property
    def uncompressed_bytes(self) -> int:
        """The sum of the layers' bytes, uncompressed."""
        return sum(layer.uncompressed_bytes for layer in self.layers)

    @property
    def compressed_bytes(self) -> int:
        """The sum of the layers' bytes, compressed, as a registry holds them."""
        return sum(layer.compressed_bytes for layer in self.layers)

    @property
    def wasted_bytes(self) -> int:
        """The bytes that are stored but that no container can see."""
        return sum(layer.wasted_bytes for layer in self.layers)

    @property
    def removable_bytes(self) -> int:
        """The bytes that a final stage would not need; a lower bound."""
        return sum(share.bytes for share in self.removable)


@dataclass(frozen=True)
class Folder:
    """One entry at the top of the context: its bytes, and how many of them are sent."""

    name: str
    bytes: int
    sent_bytes: int


@dataclass(frozen=True)
class BuildContext:
    """The contents of the context, and what is sent; ``received_bytes`` is what a build asked for.

    ``ignore_file`` is the name of the ignore file that applies; empty when there is none. ``unwanted``,
    ``secrets`` and ``env_files`` are not kept out by it; ``env_files`` are the places where developers
    have an ``.env`` of their own, which is not there yet.
    """

    ignore_file: str
    folders: tuple[Folder, ...]
    unwanted: tuple[Unwanted, ...]
    secrets: tuple[Secret, ...] = ()
    env_files: tuple[str, ...] = ()
    received_bytes: int | None = None

    @property
    def bytes(self) -> int:
        """The bytes of all files."""
        return sum(folder.bytes for folder in self.folders)

    @property
    def sent_bytes(self) -> int:
        """The bytes of the files that no pattern keeps out."""
        return sum(folder.sent_bytes for folder in self.folders)


@dataclass(frozen=True)
class Report:
    """The whole report: every check with its findings, or why it was not done, and the figures.

    ``image`` and ``rebuild`` are None when nothing was built. ``conditions`` names engine, bases and
    date; it is empty when nothing was built. ``failure`` is a sentence that says why a build failed.
    """

    project: str
    dockerfile: str
    target: str
    stages: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]
    context: BuildContext | None
    image: BuiltImage | None
    rebuild: Rebuild | None
    conditions: str
    failure: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all checks, the most serious first."""
        return _findings.in_order(finding for check in self.checks for finding in check.findings)

    @property
    def not_done(self) -> tuple[str, ...]:
        """A sentence about each check that was not done."""
        return tuple(f"{check.what}: {check.note}" for check in self.checks if check.note)

    def tried(self) -> pd.DataFrame:
        """Return one row for each check: its result, or why it was not done."""
        return self._tried().to_frame()

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each finding, the most serious first."""
        return _findings.table(self.findings).to_frame()

    def figures(self) -> pd.DataFrame:
        """Return one row for each main figure: what, value, unit."""
        return self._figures().to_frame()

    def layers(self) -> pd.DataFrame:
        """Return one row for each layer, the base's in one row; empty when nothing was built."""
        return self._layers().to_frame()

    def removable(self) -> pd.DataFrame:
        """Return one row for each kind of file that a final stage would not need."""
        return self._removable().to_frame()

    def sent(self) -> pd.DataFrame:
        """Return one row for each top entry of the context, the largest first: its MB, and MB sent."""
        return self._sent().to_frame()

    def steps(self) -> pd.DataFrame:
        """Return one row for each step of the rebuild; a cached step took 0 seconds."""
        return self._steps().to_frame()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; the names of the fields contain their units."""
        found: dict[str, Any] = dataclasses.asdict(self)
        found["stages"] = [{"name": name, "base": base} for name, base in self.stages]
        found["findings"] = [
            dataclasses.asdict(finding) | {"severity": str(finding.severity)}
            for finding in self.findings
        ]
        found["checks"] = [
            {"what": check.what, "done": not check.note, "outcome": check.outcome}
            for check in self.checks
        ]
        for part, names in (
            (self.image, ("uncompressed_bytes", "compressed_bytes", "wasted_bytes", "removable_bytes")),
            (self.context, ("bytes", "sent_bytes")),
        ):
            key = "image" if part is self.image else "context"
            if part is not None:
                found[key] |= {name: getattr(part, name) for name in names}
        return found

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def to_html(self) -> str:
        """Return the report as one self-contained HTML document."""
        return tables.page(f"{self.project}: {self.dockerfile} examined", self._html("open"))

    def to_text(self, width: int = _WIDTH) -> str:
        """Return the report as plain text, at most ``width`` characters wide."""
        parts = [textwrap.fill(self._subject(), width)]
        if self.failure:
            parts += ["", textwrap.fill(f"No image: {self.failure}", width)]
        for title, table in (*self._main_tables(), *self._details()):
            parts += ["", title, tables.text_of(table.rows, table.heads, width)]
        if self.conditions:
            parts += ["", f"Measured on {self.conditions}"]
        return "\n".join(parts).rstrip()

    def _figures(self) -> Table:
        rows: list[tuple[str, float, str]] = []
        if self.image:
            rows += [
                ("image on disk", self.image.uncompressed_bytes / MB, "MB"),
                ("image on the wire, compressed", self.image.compressed_bytes / MB, "MB"),
                ("stored, but hidden by later layers", self.image.wasted_bytes / MB, "MB"),
                ("not needed by a final stage, at least", self.image.removable_bytes / MB, "MB"),
            ]
        if self.context:
            rows += [("context that the ignore file lets through", self.context.sent_bytes / MB, "MB")]
        if self.image:
            cached = f"{self.image.steps_cached} of {self.image.steps} steps from the cache"
            rows += [(f"this build, {cached}", self.image.build_seconds, "s")]
        if self.rebuild:
            rows += [
                ("the build after an edit of one source file", self.rebuild.seconds, "s"),
                ("steps that the edit made run again", float(len(self.rebuild.lost)), "steps"),
            ]
        return Table(["what", "value", "unit"], rows)

    def _tried(self) -> Table:
        rows = [(check.what, not check.note, check.outcome) for check in self.checks]
        return Table(["check", "done", "outcome"], rows)

    def _layers(self) -> Table:
        rows = [
            (
                x.instruction,
                x.from_base,
                x.uncompressed_bytes / MB,
                x.compressed_bytes / MB,
                x.wasted_bytes / MB,
            )
            for x in (self.image.layers if self.image else ())
        ]
        columns = ["instruction", "from base", "uncompressed MB", "compressed MB", "hidden later MB"]
        return Table(columns, rows)

    def _removable(self) -> Table:
        shares = self.image.removable if self.image else ()
        rows = [(s.what, s.files, s.bytes / MB, s.method) for s in shares]
        return Table(["what", "files", "at least MB", "told by"], rows)

    def _sent(self) -> Table:
        folders = self.context.folders if self.context else ()
        rows = [(f.name, f.bytes / MB, f.sent_bytes / MB) for f in folders]
        return Table(["in the context", "MB", "of it sent MB"], rows)

    def _steps(self) -> Table:
        outcomes = self.rebuild.steps if self.rebuild else ()
        rows = [
            (o.stage, o.instruction, "cached" if o.cached else "ran again", o.seconds) for o in outcomes
        ]
        columns = ["stage", "step", "after the edit", "seconds"]
        return Table(columns, rows)

    def _subject(self) -> str:
        target = f", target {self.target}" if self.target else ""
        stages = "; ".join(f"{name} FROM {base}" for name, base in self.stages)
        return f"{self.project}, {self.dockerfile}{target}. Stages: {stages}."

    def _main_tables(self) -> Iterator[tuple[str, Table]]:
        """Yield the main tables that have rows, each with its title."""
        figures = self._figures()
        if figures.rows:
            yield "The figures", figures
        found = _findings.table(self.findings)
        if found.rows:
            rows = [
                (str(line or ""), f"{_MARKS[str(severity)]} {severity}", *more)
                for line, severity, *more in found.rows
            ]
            yield f"Findings: {_findings.counted(self.findings)}", found._replace(rows=rows)

    def _details(self) -> Iterator[tuple[str, Table]]:
        """Yield the tables with details, each with its title."""
        if self.image:
            yield "Layers", self._layers()
            if self.image.removable:
                share = self.image.removable_bytes / MB
                yield f"A final stage would not need at least {share:,.1f} MB of it", self._removable()
        if self.context:
            ignore = self.context.ignore_file or "no ignore file"
            sent = self._sent()
            yield f"Build context ({ignore})", sent._replace(rows=sent.rows[:12])
        if self.rebuild:
            yield f"Rebuild after a blank line was added to {self.rebuild.edited}", self._steps()
        yield "What was tried", self._tried()

    def _repr_html_(self) -> str:
        return self._html("")

    def _html(self, unfolded: str) -> str:
        """Return the report; its details need a click unless ``unfolded`` is "open"."""
        parts = [f"<p>{escape(self._subject())}</p>"]
        if self.failure:
            parts.append(f"<p><b>No image:</b> {escape(self.failure)}</p>")
        for title, table in self._main_tables():
            parts.append(f"<h3>{escape(title)}</h3>{tables.html_of(table.rows, table.heads)}")
        for title, table in self._details():
            heading = f"<summary><b>{escape(title)}</b></summary>"
            written = tables.html_of(table.rows, table.heads)
            parts.append(f"<details {unfolded}>{heading}{written}</details>")
        if self.conditions:
            parts.append(f"<p><small>{escape(self.conditions)}</small></p>")
        return "".join(parts)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        sizes = "no image"
        if self.image:
            disk, wire = self.image.uncompressed_bytes / MB, self.image.compressed_bytes / MB
            sizes = f"{disk:,.1f} MB on disk, {wire:,.1f} MB on the wire"
        return f"{self.project}, {self.dockerfile}: {sizes}; {_findings.counted(self.findings)}"
