"""A chart of several counts of several images, with one small panel for each count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import BLUE, MUTED, Chart

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

UNKNOWN = "not comparable"
_COLUMNS = 3
_ROOM = 1.75  # a panel's width in lengths of its longest bar, so that the number beside it fits


@style.in_house_style
def surface(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw each measure of the attack surface for each variant; each panel has its own scale.

    There is one row for each variant, named by the index, and one column for each measure: a count, or
    NaN when it is not known.
    """
    names = [str(name) for name in frame.index]
    title = title or _title(frame)
    columns = min(_COLUMNS, len(frame.columns))
    lines = -(-len(frame.columns) // columns)
    height = 1.7 + lines * (0.65 + 0.36 * len(names))
    figure, panels = style.sheet(height, title, caption, columns=columns, lines=lines)
    for axes, (measure, numbers) in zip(panels, frame.items(), strict=False):
        axes.set_title(str(measure), loc="left", fontsize=15, fontweight="bold")
        _panel(axes, [float(number) for number in numbers])
        style.name_rows(axes, names)
    for axes in panels[: len(frame.columns)][-columns:]:
        axes.set_xlabel("count, on its own scale", fontsize=style.SMALL)
    for axes in panels[len(frame.columns) :]:
        axes.set_visible(False)
    facts = (
        f"{measure}: " + ", ".join(f"{n} {_word(v)}" for n, v in zip(names, numbers, strict=True))
        for measure, numbers in frame.items()
    )
    return style.chart(figure, "Bar charts of the attack surface", title, facts, caption)


def _panel(axes: Axes, numbers: list[float]) -> None:
    longest = max((n for n in numbers if not math.isnan(n)), default=0) or 1
    for at, number in enumerate(numbers):
        known = not math.isnan(number)
        share = number / longest if known else 0.0
        axes.barh(at, share, height=0.66, color=BLUE)
        style.value(axes, share, at, _word(number), bold=known and number == 0)
    axes.set_xlim(0, _ROOM)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_color(MUTED)


def _word(number: float) -> str:
    return UNKNOWN if math.isnan(number) else f"{number:,.0f}"


def _title(frame: pd.DataFrame) -> str:
    first = str(frame.columns[0])
    numbers = frame[first].dropna()
    most, least = str(numbers.idxmax()), str(numbers.idxmin())
    return f"{first.capitalize()}: {numbers[most]:,.0f} in {most}, {numbers[least]:,.0f} in {least}"
