"""A chart of what a build context sends with each ignore list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.composition import list_below, stack
from helpers.plots.style import BLACK, BLUE, ORANGE, PALE, PURPLE, VERMILION, Chart, Look, mb

if TYPE_CHECKING:
    import pandas as pd

SENT = {
    "what the build needs": Look(BLUE),
    "test fixtures": Look(ORANGE, "//"),
    "node_modules": Look(VERMILION, "//"),
    ".git": Look(PURPLE, "//"),
    "secrets (.env*)": Look(BLACK),
    "logs, tools, reports, dist": Look(PALE),
}


@style.in_house_style
def sent(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the bytes that are sent with each ignore list, by the kind of file.

    There is one row for each kind, named by the index; kinds that are not in `SENT` are drawn pale.
    There is one column for each list, in MB; the others are compared with the first column.
    """
    lists = {
        str(name): {str(kind): float(size) for kind, size in column.items() if size > 0}
        for name, column in frame.items()
    }
    totals = {name: sum(parts.values()) for name, parts in lists.items()}
    most = max(totals.values())
    title = title or _title(totals)
    figure, (axes,) = style.sheet(2.0 + 1.55 * len(lists), title, caption)
    axes.set_xlim(0, 1.15 * most)
    axes.set_xlabel("build context in MB")
    axes.grid(visible=False)
    style.name_rows(axes, list(lists), center=-0.2)
    figure.draw_without_rendering()
    for at, (name, parts) in enumerate(lists.items()):
        rest = stack(axes, at, parts, lambda kind: SENT.get(kind, Look(PALE)))
        style.value(axes, totals[name], at - 0.2, mb(totals[name]), bold=True)
        list_below(axes, at + 0.14, rest)
    facts = (
        f"{name} {mb(totals[name])}: " + ", ".join(f"{kind} {mb(size)}" for kind, size in parts.items())
        for name, parts in lists.items()
    )
    return style.chart(figure, "Stacked bars of what a build context sends", title, facts, caption)


def _title(totals: dict[str, float]) -> str:
    """Say how much each list still sends of the bytes that the first one sends."""
    (_, first), *others = totals.items()
    if not others:
        return f"{mb(first)} are sent"
    (name, size), *fewer = others
    rest = "".join(f", {name} {mb(size)}" for name, size in fewer)
    return f"Of {mb(first)}, {name} still sends {mb(size)}{rest}"
