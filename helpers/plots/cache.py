"""Which steps of a Dockerfile ran and which came from the cache, one column a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import BLUE, INK, MUTED, PALE, SMALL, Chart, seconds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_RAN, _CACHED = style.Look(BLUE), style.Look(PALE, "//")


@style.in_house_style
def invalidation(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw a Dockerfile's steps from top to bottom, and in each scenario which of them ran.

    Columns: scenario, stage, step, seconds, cached. The steps stand in the order of their first rows.
    """
    records = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    rows = list(dict.fromkeys((row["stage"], row["step"]) for row in records))
    columns = list(dict.fromkeys(str(row["scenario"]) for row in records))
    title = title or _title(records, columns)
    figure, (axes,) = style.sheet(2.6 + 0.62 * len(rows), title, caption)
    for row in records:
        at = rows.index((row["stage"], row["step"]))
        _cell(axes, row, columns.index(str(row["scenario"])), at)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_xticks(range(len(columns)), [_two_words(name) for name in columns])
    axes.xaxis.tick_top()
    axes.tick_params(top=False)
    axes.set_xlabel("seconds that a step ran; hatched: from the cache", color=MUTED, fontsize=SMALL)
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    style.name_steps(axes, [f"{stage}: {step}" if stage else step for stage, step in rows], 42)
    facts = (
        f"{name}: "
        + ", ".join(
            f"{r['step']} {'cached' if r['cached'] else seconds(r['seconds'])}"
            for r in records
            if r["scenario"] == name
        )
        for name in columns
    )
    return style.chart(figure, "Grid of a Dockerfile's steps by scenario", title, facts, caption)


def _title(records: list[dict[str, Any]], columns: list[str]) -> str:
    """Say for the scenario with the least work how much of it came from the cache."""
    counts = []
    for name in columns:
        mine = [row for row in records if row["scenario"] == name]
        counts.append((sum(not row["cached"] for row in mine), len(mine), name))
    return "Steps that ran: " + ", ".join(f"{ran} of {of} ({name})" for ran, of, name in counts)


def _cell(axes: Axes, row: dict[str, Any], x: int, y: int) -> None:
    from matplotlib.patches import Rectangle

    look = _CACHED if row["cached"] else _RAN
    axes.add_patch(Rectangle((x - 0.47, y - 0.42), 0.94, 0.84, **look.fill()))
    axes.text(
        x,
        y,
        "cached" if row["cached"] else seconds(row["seconds"]),
        ha="center",
        va="center",
        fontsize=SMALL + 2,
        fontweight="normal" if row["cached"] else "bold",
        color=INK if row["cached"] else style.readable_on(look.color),
        bbox={"facecolor": look.color, "edgecolor": "none", "pad": 2},
    )


def _two_words(name: str) -> str:
    """Break a scenario's name before its last word, so that columns stay narrow."""
    head, _, last = name.rpartition(" ")
    return f"{head}\n{last}" if head else last
