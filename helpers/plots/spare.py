"""What of an image a final stage would not need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import KEPT, LEFT, Chart, mb

if TYPE_CHECKING:
    import pandas as pd


@style.in_house_style
def spare(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw an image's bytes by kind, those that a final stage would not need apart from the rest.

    Columns: what, MB, spare. The spare ones are a lower bound, and the title says so.
    """
    rows = [(str(r["what"]), float(r["MB"]), bool(r["spare"])) for _, r in frame.iterrows()]
    total = sum(value for _, value, _ in rows)
    left = sum(value for _, value, is_spare in rows if is_spare)
    title = title or f"A final stage would do without at least {mb(left)} of these {mb(total)}"
    figure, (axes,) = style.sheet(2.4 + 0.75 * len(rows), title, caption)
    for at, (_, value, is_spare) in enumerate(rows):
        axes.barh(at, value, height=0.7, **(LEFT if is_spare else KEPT).fill())
        style.value(axes, value, at, mb(value))
    axes.set_xlim(0, 1.16 * max(value for _, value, _ in rows) or 1)
    axes.set_xlabel("uncompressed size in MB")
    style.name_rows(axes, [name for name, _, _ in rows])
    style.key(axes, [("not needed at run time, by kind", LEFT), ("not told apart", KEPT)])
    facts = (f"{name} {mb(value)}{' (spare)' if is_spare else ''}" for name, value, is_spare in rows)
    return style.chart(figure, "Bar chart of what an image could do without", title, facts, caption)
