"""A chart of what images are made of."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import CATEGORIES, MUTED, SMALL, Chart, Look, mb

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@style.in_house_style
def composition(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw where the bytes of one or several images come from.

    There is one row for each category, named by the index, and one column for each image, in MB.
    """
    images = {str(name): _parts(column) for name, column in frame.items()}
    totals = {name: sum(parts.values()) for name, parts in images.items()}
    title = title or _title(images)
    figure, (axes,) = style.sheet(2.0 + 1.75 * len(images), title, caption)
    axes.set_xlim(0, 1.15 * max(totals.values()))
    axes.set_xlabel("uncompressed size in MB")
    axes.grid(visible=False)
    style.name_rows(axes, list(images), center=-0.2)
    figure.draw_without_rendering()
    for at, (name, parts) in enumerate(images.items()):
        rest = stack(axes, at, parts, _look)
        style.value(axes, totals[name], at - 0.2, mb(totals[name]), bold=True)
        list_below(axes, at + 0.14, rest)
    facts = (
        f"{name} {mb(totals[name])}: " + ", ".join(f"{c} {mb(v)}" for c, v in parts.items())
        for name, parts in images.items()
    )
    return style.chart(figure, "Stacked bars of what images are made of", title, facts, caption)


def _title(images: dict[str, dict[str, float]]) -> str:
    """Name the category that makes the largest image larger, or the largest category of one image."""
    by_size = sorted(images, key=lambda name: sum(images[name].values()))
    large, less = images[by_size[-1]], images[by_size[0]] if len(images) > 1 else {}
    more = {category: size - less.get(category, 0) for category, size in large.items()}
    top = max(more, key=more.__getitem__)
    if less:
        return f"{by_size[-1]} has {mb(more[top])} more {top} than {by_size[0]}"
    return f"The largest part of {by_size[-1]} is {top}: {mb(large[top])} of {mb(sum(large.values()))}"


def _parts(column: pd.Series[float]) -> dict[str, float]:
    """Return the categories that have bytes, in the order of `CATEGORIES`, unknown ones at the end."""
    order = list(CATEGORIES)
    found = {str(c): float(v) for c, v in column.items() if v > 0}
    return dict(sorted(found.items(), key=lambda p: order.index(p[0]) if p[0] in order else len(order)))


def _look(category: str) -> Look:
    return CATEGORIES.get(category, CATEGORIES["other"])


def stack(
    axes: Axes, at: int, parts: dict[str, float], look_of: Callable[[str], Look]
) -> list[tuple[str, Look]]:
    """Draw one stacked bar; return the labels that do not fit inside."""
    rest, left = [], 0.0
    for category, value in parts.items():
        look = look_of(category)
        axes.barh(at - 0.2, value, left=left, height=0.5, **look.fill())
        label = axes.text(
            left + value / 2,
            at - 0.2,
            "\n".join([*textwrap.wrap(category, 12, break_long_words=False), mb(value)]),
            ha="center",
            va="center",
            fontsize=SMALL,
            color=style.readable_on(look.color),
            linespacing=1.0,
            bbox={"facecolor": look.color, "edgecolor": "none", "pad": 1.5},
        )
        if _data_width(axes, label) > 0.94 * value or label.get_text().count("\n") > 2:
            label.remove()
            rest.append((f"{category} {mb(value)}", look))
        left += value
    return rest


def list_below(axes: Axes, at: float, pieces: list[tuple[str, Look]]) -> None:
    """Write labels, each with a patch of its colour, in lines below a bar."""
    gap = axes.get_xlim()[1] / 75
    x = 0.0
    for text, look in pieces:
        label = axes.text(0, at, text, fontsize=SMALL, va="center")
        width = _data_width(axes, label)
        if x and x + width + 2 * gap > axes.get_xlim()[1]:
            x, at = 0.0, at + 0.16
        axes.plot(x + gap / 2, at, "s", ms=11, color=look.color, mec=MUTED, clip_on=False)
        label.set_position((x + 1.3 * gap, at))
        x += width + 3 * gap


def _data_width(axes: Axes, text: Any) -> float:
    box = text.get_window_extent(_renderer(axes.figure))
    inverse = axes.transData.inverted()
    return float(inverse.transform((box.x1, 0))[0] - inverse.transform((box.x0, 0))[0])


def _renderer(figure: Any) -> Any:
    return figure.canvas.get_renderer()
