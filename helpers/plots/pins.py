"""What each line of Node has left of its support, and what it weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import GREEN, INK, ON_DISK, ON_WIRE, VERMILION, Chart, Look, mb

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SUPPORTED, OVER = Look(GREEN), Look(VERMILION, "//")


@style.in_house_style
def lines(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the months of support that each line has left, beside the size of the image on it.

    Columns: line, months left (negative when support is over), uncompressed MB, compressed MB.
    """
    rows = [
        (str(r["line"]), float(r["months left"]), r["uncompressed MB"], r["compressed MB"])
        for _, r in frame.iterrows()
    ]
    title = title or _title(rows)
    figure, (support, size) = style.sheet(
        3.2 + 1.1 * len(rows), title, caption, columns=2, one_scale=False
    )
    _support(support, [months for _, months, *_ in rows])
    _sizes(size, [(disk, wire) for *_, disk, wire in rows])
    style.name_rows(support, [name for name, *_ in rows])
    facts = (f"{n} {_left(m)}, {mb(d)} on disk, {mb(w)} compressed" for n, m, d, w in rows)
    return style.chart(figure, "Bar charts of support left and of image size", title, facts, caption)


def _support(axes: Axes, months: list[float]) -> None:
    low, high = min(0.0, *months), max(0.0, *months)
    axes.set_xlim(low - 0.02 * (high - low), high + 0.62 * (high - low))
    axes.axvline(0, color=INK, linewidth=2)
    for at, left in enumerate(months):
        axes.barh(at, left, height=0.5, **(SUPPORTED if left >= 0 else OVER).fill())
        style.value(axes, max(left, 0.0), at, _left(left), bold=left < 0)
    axes.set_xlabel("months of support left")


def _sizes(axes: Axes, sizes: list[tuple[float, float]]) -> None:
    axes.set_xlim(0, 1.6 * max(disk for disk, _ in sizes))
    for at, (disk, wire) in enumerate(sizes):
        for offset, value, look, word in (
            (-0.15, disk, ON_DISK, "on disk"),
            (0.15, wire, ON_WIRE, "compressed"),
        ):
            axes.barh(at + offset, value, height=0.28, **look.fill())
            style.value(axes, value, at + offset, f"{mb(value)} {word}")
    axes.set_xlabel("size in MB")


def _left(months: float) -> str:
    return f"ended {-months:.0f} months ago" if months < 0 else f"{months:.0f} months left"


def _title(rows: list[tuple[str, float, float, float]]) -> str:
    over = [name for name, months, *_ in rows if months < 0]
    longest = max(rows, key=lambda row: row[1])
    said = f"{longest[0]} has {longest[1]:.0f} months of fixes ahead at {mb(longest[2])} on disk"
    return f"{said}; {' and '.join(over)} {'has' if len(over) == 1 else 'have'} none" if over else said
