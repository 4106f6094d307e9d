"""Write an examination for a reader: as HTML for a page or a notebook, as text for a terminal.

It computes nothing. All that comes from the project, its Dockerfile or a linter is escaped.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from helpers.examine.findings import counted
from helpers.examine.report import MB, Examination

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 120  # columns of the text where nothing else is said
_MARKS = {"error": "✗", "warning": "!", "hint": "·"}


def document(report: Examination) -> str:
    """Return one self-contained HTML document."""
    title = f"{report.project}: {report.dockerfile} examined"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{fragment(report)}</body></html>\n"
    )


def fragment(report: Examination) -> str:
    """Return the report as HTML without a frame, for a notebook."""
    parts = [f"<p>{escape(_subject(report))}</p>"]
    if report.failure:
        parts.append(f"<p><b>No image:</b> {escape(report.failure)}</p>")
    for title, frame in _tables(report):
        parts.append(f"<h3>{escape(title)}</h3>{_html(frame)}")
    if report.notes:
        notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
        parts.append(f"<h3>What was not done</h3><ul>{notes}</ul>")
    if report.conditions:
        parts.append(f"<p><small>{escape(report.conditions)}</small></p>")
    return "".join(parts)


def text(report: Examination, width: int = _WIDTH) -> str:
    """Return the report as plain text with tables, ``width`` columns wide."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    page = io.StringIO()
    console = Console(file=page, width=width, color_system=None, highlight=False)
    console.print(Text(_subject(report)))
    if report.failure:
        console.print(Text(f"\nNo image: {report.failure}"))
    for title, frame in _tables(report):
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        numeric = [frame[name].dtype.kind in "fi" for name in frame.columns]
        for name, is_number in zip(frame.columns, numeric, strict=True):
            table.add_column(str(name), justify="right" if is_number else "left", overflow="fold")
        for row in frame.itertuples(index=False):
            table.add_row(*(Text(_cell(value)) for value in row))
        console.print(table)
    for note in report.notes:
        console.print(Text(f"Not done: {note}"), soft_wrap=True)
    if report.conditions:
        console.print(Text(f"Measured on {report.conditions}"), soft_wrap=True)
    return page.getvalue().rstrip()


def _subject(report: Examination) -> str:
    target = f", target {report.target}" if report.target else ""
    stages = "; ".join(f"{name} FROM {base}" for name, base in report.stages)
    return f"{report.project}, {report.dockerfile}{target}. Stages: {stages}."


def _tables(report: Examination) -> Iterator[tuple[str, pd.DataFrame]]:
    figures = report.figures()
    if len(figures):
        yield "The figures", figures
    findings = report.to_frame()
    if len(findings):
        findings["severity"] = [f"{_MARKS[word]} {word}" for word in findings["severity"]]
        findings["line"] = [str(line) if line else "" for line in findings["line"]]
        yield f"Findings: {counted(report.findings)}", findings
    if report.image:
        yield "Layers", report.layers()
        if report.image.spare:
            share = report.image.spare_bytes / MB
            yield f"A final stage would not need at least {share:,.1f} MB of it", report.spare()
    if report.context:
        ignore = report.context.ignore_file or "no ignore file"
        yield f"Build context ({ignore})", report.sent().head(12)
    if report.rebuild:
        yield f"Rebuild after a blank line was added to {report.rebuild.edited}", report.steps()


def _html(frame: pd.DataFrame) -> str:
    numeric = [frame[name].dtype.kind in "fi" for name in frame.columns]
    sides = ["right" if is_number else "left" for is_number in numeric]
    heads = "".join(
        f'<th style="text-align:{side}">{escape(str(name))}</th>'
        for name, side in zip(frame.columns, sides, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(_html_cell(value) for value in row) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _html_cell(value: object) -> str:
    side = "right" if isinstance(value, (int, float)) and not isinstance(value, bool) else "left"
    return f'<td style="text-align:{side};vertical-align:top">{escape(_cell(value))}</td>'


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return " ".join(str(value).split())


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:80em;margin:2em auto;padding:0 1em;color:#1a1a1a}"
    "table{border-collapse:collapse}td,th{border-bottom:1px solid #bbb;padding:.35em .6em;"
    "text-align:left}"
)
