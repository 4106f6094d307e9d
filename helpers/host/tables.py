"""Tables for a reader: a DataFrame from rows, HTML for a page or a notebook, text for a terminal.

This module computes nothing. Every heading and cell is escaped, because a table may hold strangers'
text. 1 MB is 10^6 bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

MB = 1_000_000  # bytes, as Docker counts them


class Table(NamedTuple):
    """Rows of cells below their headings, which need no pandas until somebody wants a frame."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame."""
        return frame(self.rows, columns=self.heads)


def frame(
    rows: Iterable[Any], columns: Sequence[str] | None = None, index: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a DataFrame of rows: tuples in the order of ``columns``, or mappings that name their cells.

    ``rows`` may also be a mapping from a heading to a column: a sequence, or a mapping from row names.

    pandas is imported here, so that code that only measures does not need it.
    """
    import pandas as pd

    heads, names = (None if said is None else list(said) for said in (columns, index))
    return pd.DataFrame(rows if isinstance(rows, Mapping) else list(rows), columns=heads, index=names)


def page(title: str, body: str) -> str:
    """Return one self-contained HTML document; ``body`` is HTML, ``title`` is text."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def to_text(table: pd.DataFrame, width: int) -> str:
    """Return a table as plain text, at most ``width`` characters wide; no line ends with blanks."""
    return text_of(table.itertuples(index=False), list(table.columns), width)


def text_of(rows: Iterable[Sequence[object]], heads: Sequence[object], width: int) -> str:
    """Return rows of cells as plain text, at most ``width`` characters wide, below their headings.

    Columns of numbers are aligned right; no line ends with blanks.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    written = io.StringIO()
    console = Console(file=written, width=width, color_system=None, highlight=False)
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    cells = [list(row) for row in rows]
    for name, is_number in zip(heads, _numeric(cells, len(heads)), strict=True):
        drawn.add_column(Text(str(name)), justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(_cell(value)) for value in row))
    console.print(drawn)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()).strip("\n")


def to_html(table: pd.DataFrame) -> str:
    """Return a table as an HTML table; columns of numbers are aligned right."""
    return html_of(table.itertuples(index=False), heads=list(table.columns))


def html_of(
    rows: Iterable[Sequence[object]], heads: Sequence[object] = (), *, named: bool = False
) -> str:
    """Return rows of cells as an HTML table; without ``heads`` it has no headings.

    Numbers are aligned right. ``named`` makes the first cell of each row the heading of that row.
    """
    cells = [list(row) for row in rows]
    head = "".join(
        f'<th style="text-align:{"right" if is_number else "left"}">{escape(str(name))}</th>'
        for name, is_number in zip(heads, _numeric(cells, len(heads)), strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(_html_cell(value, "th" if named and not n else "td") for n, value in enumerate(row))
        + "</tr>"
        for row in cells
    )
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _html_cell(value: object, tag: str) -> str:
    style = f"text-align:{'right' if _is_number(value) else 'left'};vertical-align:top"
    return f'<{tag} style="{style}">{escape(_cell(value))}</{tag}>'


def _numeric(rows: Sequence[Sequence[object]], columns: int) -> list[bool]:
    """Return for each column whether it holds numbers alone."""
    return [bool(rows) and all(_is_number(row[n]) for row in rows) for n in range(columns)]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return " ".join(str(value).split())


def in_units(size: int) -> str:
    """Return bytes in the most readable unit, to a tenth: ``12.8 MB``, ``3.4 kB``, ``87 B``."""
    if size >= MB:
        return f"{size / MB:,.1f} MB"
    return f"{size / 1e3:.1f} kB" if size >= 1e3 else f"{size} B"


def in_mb(size: float) -> str:
    """Return bytes as MB (10^6 bytes), for a sentence."""
    megabytes = size / MB
    return f"{megabytes:,.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:80em;margin:2em auto;padding:0 1em;color:#1a1a1a}"
    "table{border-collapse:collapse}td,th{border-bottom:1px solid #bbb;padding:.35em .6em;"
    "text-align:left}"
)
