"""A chart of what a registry serves to fleets of different sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import MARKERS, SERIES, SMALL, Chart

if TYPE_CHECKING:
    import pandas as pd


@style.in_house_style
def fleet(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the GB a day that a registry serves, one line a way, over the number of nodes.

    The index is the number of nodes; there is one column for each way. Both axes are logarithmic.
    """
    nodes = [int(count) for count in frame.index]
    ways = {str(name): [float(value) for value in column] for name, column in frame.items()}
    last = {name: values[-1] for name, values in ways.items()}
    most, least = max(last, key=last.__getitem__), min(last, key=last.__getitem__)
    title = title or (
        f"{nodes[-1]:,} nodes: {_amount(last[most])} a day from the registry ({most}), or "
        f"{_amount(last[least])} ({least})"
    )
    figure, (axes,) = style.sheet(style.HEIGHT, title, caption)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for (name, values), color, marker in zip(ways.items(), SERIES, MARKERS, strict=False):
        axes.plot(nodes, values, color=color, marker=marker, ms=9, linewidth=2.5, label=name)
    places = _apart(list(last.values()))
    for (name, value), at in zip(last.items(), places, strict=True):
        axes.annotate(
            f"{name}: {_amount(value)}",
            (nodes[-1], at),
            xytext=(12, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL + 1,
        )
    axes.set_xlim(nodes[0] / 1.3, nodes[-1] * 80)
    axes.set_xticks(nodes, [f"{count:,}" for count in nodes])
    axes.tick_params(axis="x", which="minor", bottom=False)
    axes.set_xlabel("nodes")
    axes.set_ylabel("GB a day from the registry")
    axes.yaxis.set_major_formatter(lambda value, _: _amount(value))
    axes.tick_params(axis="y", which="minor", left=False)
    axes.grid(visible=True, axis="y")
    facts = (
        f"{name}: " + ", ".join(f"{_amount(v)} at {n:,}" for n, v in zip(nodes, values, strict=True))
        for name, values in ways.items()
    )
    return style.chart(figure, "Lines of a registry's traffic over nodes", title, facts, caption)


def _apart(values: list[float], factor: float = 2.3) -> list[float]:
    """Return places for labels on a logarithmic axis: each at least ``factor`` above the one below."""
    places: dict[int, float] = {}
    below = 0.0
    for index in sorted(range(len(values)), key=values.__getitem__):
        below = max(values[index], below * factor)
        places[index] = below
    return [places[index] for index in range(len(values))]


def _amount(gigabytes: float) -> str:
    """Return GB (10^9 bytes) in the most readable unit."""
    for size, unit in ((1_000.0, "TB"), (1.0, "GB")):
        if gigabytes >= size:
            return f"{gigabytes / size:,.{0 if gigabytes >= 10 * size else 1}f} {unit}"
    return f"{gigabytes * 1_000:,.0f} MB"
