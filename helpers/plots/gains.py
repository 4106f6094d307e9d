"""A chart of what each change to a Dockerfile gained."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import BASE, KEPT, LEFT, MUTED, Chart, mb

if TYPE_CHECKING:
    import pandas as pd


@style.in_house_style
def gains(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw a waterfall: the image as it was, what each change took away or added, the image at the end.

    Columns: change, image MB. Each row is the image's size after a change; the first row is the image
    before all changes.
    """
    names = [str(name) for name in frame["change"]]
    values = [float(value) for value in frame["image MB"]]
    first, last = values[0], values[-1]
    title = title or f"{mb(first)} became {mb(last)}, {first / last:.1f}x smaller"
    figure, (axes,) = style.sheet(2.6 + 0.48 * (len(values) + 1), title, caption)
    axes.barh(0, first, height=0.68, **BASE.fill())
    style.value(axes, first, 0, mb(first), bold=True)
    for at in range(1, len(values)):
        before, after = values[at - 1], values[at]
        look = KEPT if after <= before else LEFT
        axes.barh(at, abs(after - before), left=min(before, after), height=0.68, **look.fill())
        axes.vlines(before, at - 1, at, color=MUTED, linewidth=1)
        style.value(axes, max(before, after), at, _gained(after - before))
    end = len(values)
    axes.vlines(last, end - 1, end, color=MUTED, linewidth=1)
    axes.barh(end, last, height=0.68, **BASE.fill())
    style.value(axes, last, end, mb(last), bold=True)
    axes.set_xlim(0, 1.16 * max(values))
    axes.set_xlabel("uncompressed size of the image in MB")
    style.name_rows(axes, [names[0], *names[1:], "with these changes"])
    grew = any(after > before for before, after in itertools.pairwise(values))
    style.key(axes, [("the image", BASE), ("taken away", KEPT), *([("added", LEFT)] if grew else [])])
    facts = (
        f"{name} {_gained(after - before)}"
        for name, (before, after) in zip(names[1:], itertools.pairwise(values), strict=True)
    )
    return style.chart(figure, "Waterfall of what each change gained", title, facts, caption)


def _gained(difference: float) -> str:
    """Return a change of size in words, from MB."""
    if not difference:
        return "no bytes"
    return f"{mb(abs(difference))} {'less' if difference < 0 else 'more'}"
