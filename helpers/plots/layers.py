"""One image's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import BASE, OWN, Chart, mb, short

if TYPE_CHECKING:
    import pandas as pd


@style.in_house_style
def layers(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw one image's layers in the order of its instructions, those of its base apart.

    Columns: instruction, uncompressed MB, from base.
    """
    names = [str(name) for name in frame["instruction"]]
    values = [float(value) for value in frame["uncompressed MB"]]
    base = [bool(flag) for flag in frame["from base"]]
    top = max(range(len(values)), key=values.__getitem__)
    total = sum(values)
    title = title or (
        f"One layer holds {mb(values[top])} of the image's {mb(total)}: {short(names[top], 40)}"
    )
    figure, (axes,) = style.sheet(2.2 + 0.52 * len(values), title, caption)
    for at, value in enumerate(values):
        axes.barh(at, value, height=0.72, **(BASE if base[at] else OWN).fill())
        style.value(axes, value, at, mb(value))
    axes.set_xlim(0, 1.16 * max(values) or 1)
    axes.set_xlabel("uncompressed size of the layer in MB")
    style.name_steps(axes, names, 36)
    parts = {
        flag: sum(v for v, b in zip(values, base, strict=True) if b is flag) for flag in (True, False)
    }
    style.key(
        axes,
        [
            (f"base image: {mb(parts[True])}", BASE),
            (f"the Dockerfile's own: {mb(parts[False])}", OWN),
        ],
    )
    facts = (
        f"{name} {mb(value)}{' (base)' if b else ''}"
        for name, value, b in zip(names, values, base, strict=True)
    )
    return style.chart(figure, "Bar chart of an image's layers", title, facts, caption)
