"""The benchmark's times: the workbook beside what one would type instead."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import BLUE, INK, ORANGE, SMALL, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Row = Mapping[str, Any]
_OURS, _THEIRS = (BLUE, "o", "the workbook"), (ORANGE, "s", "what it is held against")
_NAME = 36  # characters on a line of a row's name


@style.in_house_style
def bench(rows: Sequence[_Row], caption: str = "", title: str = "") -> Chart:
    """Draw the rows in seconds that have a peer and a goal: the fastest run and the range of both sides.

    ``rows`` are those of ``bench/results.json``. The others are in the words beside the picture only;
    where no row has a goal, those with a peer are drawn.
    """
    timed = [row for row in rows if row["unit"] == "s" and row["peer"]]
    drawn = [row for row in timed if row["goal"]] or timed
    title = title or _title(rows)
    figure, (axes,) = style.sheet(2.4 + 0.58 * len(drawn), title, caption)
    ends = [row[side][end] for row in drawn for side in ("project", "peer") for end in ("min", "max")]
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(min(ends) / 1.5, 40 * max(ends))
    axes.set_xlabel("seconds, fastest run and range; each line is ten times the one before")
    for at, row in enumerate(drawn):
        _side(axes, row["project"], at - 0.16, *_OURS[:2])
        _side(axes, row["peer"], at + 0.16, *_THEIRS[:2])
        far = max(row["project"]["max"], row["peer"]["max"])
        style.value(axes, far, at, _compared(row), away=12)
    style.name_rows(axes, [textwrap.fill(row["figure"], _NAME) for row in drawn])
    for label in axes.get_yticklabels():
        label.set(fontsize=SMALL, linespacing=1.0)
    _key(axes)
    return style.chart(
        figure, "Dot chart of times beside those by hand", title, map(_fact, rows), caption
    )


def _title(rows: Sequence[_Row]) -> str:
    judged = [row for row in rows if row["holds"] is not None]
    held = sum(bool(row["holds"]) for row in judged)
    return f"{held} of {len(judged)} goals for speed and memory hold"


def _side(axes: Axes, side: _Row, y: float, color: str, marker: str) -> None:
    axes.plot([side["min"], side["max"]], [y, y], "|-", ms=11, mew=2, linewidth=2, color=INK)
    axes.plot(side["min"], y, marker, ms=10, color=color, mec="white")


def _compared(row: _Row) -> str:
    ours, theirs = row["project"]["min"], row["peer"]["min"]
    verdict = ", missed" if row["holds"] is False else ""
    if 1.1 * ours < theirs:
        return f"{ours:.3g} s, {theirs / ours:.1f}x faster{verdict}"
    return f"{ours:.3g} s, {ours / theirs:.2f}x the time{verdict}"


def _fact(row: _Row) -> str:
    sides = [
        f"{side['name']} {side['min']:.3g} {row['unit']}"
        for side in (row["project"], row["peer"])
        if side
    ]
    goal = f" ({row['goal']}: {'holds' if row['holds'] else 'missed'})" if row["goal"] else ""
    return f"{row['figure']}: {', '.join(sides)}{goal}"


def _key(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker=marker, ms=10, linestyle="", color=color, mec="white", label=text)
        for color, marker, text in (_OURS, _THEIRS)
    ]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderpad=0
    )
