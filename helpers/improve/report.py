"""The result of an improvement: each change with its outcome, the figures, the patch, the proof.

`improve.trial` fills it in. 1 MB is 10^6 bytes; seconds are wall time. Text from the project is escaped
in HTML.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from html import escape
from typing import TYPE_CHECKING, Any

from helpers.host import tables
from helpers.host.tables import MB

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 120  # characters on a line of the text by default


class Outcome(Enum):
    """What became of a proposed change."""

    KEPT = "kept"
    DROPPED = "dropped"
    NOT_TRIED = "not tried"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Figures:
    """What was measured of an image; ``rebuild_seconds`` is None where no rebuild was measured.

    ``uncompressed_bytes`` are on disk, ``compressed_bytes`` on the wire. ``packages`` counts those of
    the operating system, ``shells`` the paths of shells. ``rebuild_seconds`` is the build after an edit
    of one source file.
    """

    uncompressed_bytes: int
    compressed_bytes: int
    packages: int
    shells: int
    user: str
    rebuild_seconds: float | None = None


@dataclass(frozen=True)
class Step:
    """One change: its rule, its reason, the lines of the file at that moment, and what became of it.

    ``why`` says what it gained, or why it was dropped or not tried. ``figures`` are of the image with
    it; None when there is none.
    """

    rule: str
    reason: str
    lines: tuple[int, ...]
    outcome: Outcome
    why: str
    figures: Figures | None = None


@dataclass(frozen=True)
class Improvement:
    """A project's Dockerfile before and after the changes that were proven, one at a time.

    ``steps`` are in the order in which they were tried. ``files`` holds the new text of each changed
    file by its path from ``folder``, the folder in which ``git apply`` takes the ``patch``; they are as
    the project has them, while all else is free of credentials. ``proof``
    says in a sentence what was seen alike, and ``notes`` what was asked and what was not. ``failure``
    says why nothing could be tried; it is empty otherwise.
    """

    project: str
    dockerfile: str
    before: Figures | None
    after: Figures | None
    steps: tuple[Step, ...]
    proof: str
    notes: tuple[str, ...]
    folder: str
    patch: str
    files: Mapping[str, str] = field(repr=False)
    seconds: float = 0.0
    builds: int = 0
    conditions: str = ""
    failure: str = ""

    @property
    def kept(self) -> tuple[Step, ...]:
        """The changes that the patch holds."""
        return tuple(step for step in self.steps if step.outcome is Outcome.KEPT)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each change, in the order in which they were tried."""
        rows, last = [], self.before
        for step in self.steps:
            size = step.figures.uncompressed_bytes / MB if step.figures else float("nan")
            gained = (
                (last.uncompressed_bytes - step.figures.uncompressed_bytes) / MB
                if last and step.figures and step.outcome is Outcome.KEPT
                else float("nan")
            )
            gained = 0.0 if abs(gained) < 0.05 else gained  # no -0.0
            rows.append((step.rule, str(step.outcome), gained, size, step.reason, step.why))
            last = step.figures if step.outcome is Outcome.KEPT and step.figures else last
        columns = ["change", "outcome", "MB less", "image MB", "reason", "why"]
        return tables.frame(rows, columns=columns)

    def figures(self) -> pd.DataFrame:
        """Return one row for each figure: what, before, after."""
        if self.before is None or self.after is None:
            return tables.frame([], columns=["what", "before", "after"])
        rows = [
            (what, _of(self.before, name), _of(self.after, name))
            for what, name in (
                ("image on disk, MB", "uncompressed_bytes"),
                ("image on the wire, compressed, MB", "compressed_bytes"),
                ("the build after an edit of one source file, s", "rebuild_seconds"),
                ("packages of the system", "packages"),
                ("shells", "shells"),
                ("the process runs as", "user"),
            )
        ]
        return tables.frame(rows, columns=["what", "before", "after"])

    def to_dict(self) -> dict[str, Any]:
        """Return all but the texts of the files as plain values; names of fields contain their units."""
        found: dict[str, Any] = dataclasses.asdict(self) | {"files": sorted(self.files)}
        for made, step in zip(found["steps"], self.steps, strict=True):
            made["outcome"] = str(step.outcome)
        return found

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def to_html(self) -> str:
        """Return the report as one self-contained page."""
        return tables.page(f"{self.project}: {self.dockerfile} improved", self._repr_html_())

    def to_text(self, width: int = _WIDTH) -> str:
        """Return the report as plain text, at most ``width`` characters wide."""
        parts = [textwrap.fill(self._subject(), width)]
        for title, table in self._tables():
            parts += ["", title, tables.to_text(table, width)]
        parts += ["", *(textwrap.fill(line, width) for line in self._proof())]
        if self.patch:
            parts += ["", f"The patch, for `git apply` in {self.folder}:", self.patch.rstrip("\n")]
        if self.conditions:
            parts += ["", textwrap.fill(f"Measured on {self.conditions}", width)]
        return "\n".join(parts).rstrip()

    def _subject(self) -> str:
        if self.failure:
            return f"{self.project}, {self.dockerfile}: nothing was tried. {self.failure}"
        tried = sum(step.outcome is not Outcome.NOT_TRIED for step in self.steps)
        parts = [f"{len(self.kept)} of {tried} changes that were tried are kept."]
        if self.before and self.after:
            sizes = (self.before.uncompressed_bytes, self.after.uncompressed_bytes)
            parts.append(f"{tables.in_mb(sizes[0])} became {tables.in_mb(sizes[1])}.")
        parts.append(f"{self.builds} builds, {self.seconds:.0f} s.")
        return f"{self.project}, {self.dockerfile}: {' '.join(parts)}"

    def _proof(self) -> list[str]:
        if not self.proof:
            return []
        lead = "What each kept change rests on: before and after, the image did the same. "
        return [lead + self.proof, *self.notes]

    def _tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        figures = self.figures()
        if len(figures):
            yield "Before and after", figures
        steps = self.to_frame()
        if len(steps):
            for name in ("MB less", "image MB"):
                steps[name] = ["" if cell != cell else f"{cell:,.1f}" for cell in steps[name]]
            yield "The changes, in the order in which they were tried", steps

    def _repr_html_(self) -> str:
        parts = [f"<p>{escape(self._subject())}</p>"]
        for title, table in self._tables():
            parts.append(f"<h3>{escape(title)}</h3>{tables.to_html(table)}")
        parts += [f"<p>{escape(line)}</p>" for line in self._proof()]
        if self.patch:
            parts.append(f"<h3>The patch</h3><pre>{escape(self.patch)}</pre>")
        if self.conditions:
            parts.append(f"<p><small>{escape(self.conditions)}</small></p>")
        return "".join(parts)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self._subject()


def _of(figures: Figures, name: str) -> str:
    value = getattr(figures, name)
    if value is None:
        return "not measured"
    if name.endswith("_bytes"):
        return f"{value / MB:,.1f}"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
