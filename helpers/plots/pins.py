"""A chart of the support that each line of Node has left, and of its image's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import GREEN, INK, ON_DISK, ON_WIRE, VERMILION, Chart, Look, mb

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Lines = tuple[tuple[str, float], tuple[str, float]]  # name and months left, of Node and of Debian
SUPPORTED, OVER = Look(GREEN), Look(VERMILION, "//")


@style.in_house_style
def lines(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the months of support that an image's Node and Debian have left, beside its size.

    Columns: Node, Debian (names of lines), months of Node, months of Debian (negative after the end of
    support), uncompressed MB, compressed MB.
    """
    rows = [
        (
            ((str(r["Node"]), r["months of Node"]), (str(r["Debian"]), r["months of Debian"])),
            (float(r["uncompressed MB"]), float(r["compressed MB"])),
        )
        for _, r in frame.iterrows()
    ]
    title = title or _title(rows)
    figure, (support, size) = style.sheet(
        3.2 + 1.1 * len(rows), title, caption, columns=2, one_scale=False
    )
    _support(support, [lines for lines, _ in rows])
    _sizes(size, [sizes for _, sizes in rows])
    style.name_rows(support, [lines[0][0] for lines, _ in rows])
    facts = (
        f"{'; '.join(f'{name} {_left(months)}' for name, months in lines)}: "
        f"{mb(disk)} on disk, {mb(wire)} compressed"
        for lines, (disk, wire) in rows
    )
    return style.chart(figure, "Bar charts of support left and of image size", title, facts, caption)


def _support(axes: Axes, rows: list[Lines]) -> None:
    months = [left for lines in rows for _, left in lines]
    low, high = min(0.0, *months), max(0.0, *months)
    axes.set_xlim(low - 0.02 * (high - low), high + 0.9 * (high - low))
    axes.axvline(0, color=INK, linewidth=2)
    for at, lines in enumerate(rows):
        for offset, (name, left) in zip((-0.15, 0.15), lines, strict=True):
            axes.barh(at + offset, left, height=0.28, **(SUPPORTED if left >= 0 else OVER).fill())
            style.value(axes, max(left, 0.0), at + offset, f"{name}: {_left(left)}", bold=left < 0)
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


def _title(rows: list[tuple[Lines, tuple[float, float]]]) -> str:
    """Name the image that gets fixes for all its lines the longest, and every line that has ended."""
    longest, (disk, _) = max(rows, key=lambda row: min(months for _, months in row[0]))
    shorter = min(longest, key=lambda line: line[1])
    over = dict.fromkeys(name for lines, _ in rows for name, months in lines if months < 0)
    said = f"On {longest[0][0]} and {longest[1][0]}, fixes last {shorter[1]:.0f} months at {mb(disk)}"
    return f"{said}; {' and '.join(over)} {'has' if len(over) == 1 else 'have'} none" if over else said
