"""Charts of builds with a cache: which steps ran, when each ran, and how long whole builds took."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import BLUE, INK, MARKERS, MUTED, PALE, SERIES, SMALL, Chart, seconds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_RAN, _CACHED = style.Look(BLUE), style.Look(PALE, "//")


@style.in_house_style
def invalidation(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw a Dockerfile's steps from top to bottom, and which of them ran in each scenario.

    Columns: scenario, stage, step, seconds, cached. The steps are in the order of their first rows.
    """
    records = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    rows = list(dict.fromkeys((row["stage"], row["step"]) for row in records))
    columns = list(dict.fromkeys(str(row["scenario"]) for row in records))
    title = title or _invalidation_title(records, columns)
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


def _invalidation_title(records: list[dict[str, Any]], columns: list[str]) -> str:
    """Return a title: how much came from the cache in the scenario with the least work."""
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


@style.in_house_style
def timeline(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw when each step of a build ran and for how long; a cached step is drawn as a mark.

    Columns: stage, step, start s, seconds, cached. A column scenario gives each scenario its own panel.
    """
    panels = _panels(frame)
    places = _places(panels.values())
    ends = {name: max(row["start s"] + row["seconds"] for row in rows) for name, rows in panels.items()}
    title = title or _timeline_title(ends)
    figure, all_axes = style.sheet(2.4 + 0.46 * len(places), title, caption, columns=len(panels))
    stages = list(dict.fromkeys(stage for stage, _, _ in places))
    for axes, (name, rows) in zip(all_axes, panels.items(), strict=True):
        for row in rows:
            _span(axes, row, places.index(row["place"]), stages.index(row["stage"]), max(ends.values()))
        axes.set_xlim(0, (1.2 if len(panels) < 3 else 1.5) * max(ends.values()))
        axes.set_xlabel("seconds")
        axes.set_title(
            f"{name}\n{seconds(ends[name])}" if name else "",
            loc="left",
            fontsize=15,
            fontweight="bold",
        )
    style.name_steps(all_axes[0], [step for _, step, _ in places], 36 if len(panels) < 3 else 26)
    _stage_bands(all_axes, [stage for stage, _, _ in places], stages)
    facts = (
        f"{name or 'build'} {seconds(ends[name])}: "
        + ", ".join(f"{r['step']} {'cached' if r['cached'] else seconds(r['seconds'])}" for r in rows)
        for name, rows in panels.items()
    )
    return style.chart(figure, "Timeline of a build's steps", title, facts, caption)


def _panels(frame: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each scenario, each with its place: stage, step, a number for equal steps."""
    panels: dict[str, list[dict[str, Any]]] = {}
    for record in frame.to_dict("records"):
        rows = panels.setdefault(str(record.get("scenario", "")), [])
        alike = sum((r["stage"], r["step"]) == (record["stage"], record["step"]) for r in rows)
        rows.append({str(k): v for k, v in record.items()})
        rows[-1]["place"] = (record["stage"], record["step"], alike)
    return panels


def _places(panels: Iterable[list[dict[str, Any]]]) -> list[tuple[str, str, int]]:
    """Return the lines of the drawing: stages and their steps, in order of their first appearance."""
    places = list(dict.fromkeys(row["place"] for rows in panels for row in rows))
    stages = list(dict.fromkeys(place[0] for place in places))
    return sorted(places, key=lambda place: stages.index(place[0]))


def _timeline_title(ends: dict[str, float]) -> str:
    if len(ends) == 1:
        return f"The build took {seconds(next(iter(ends.values())))}"
    slow, fast = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
    return f"{seconds(ends[slow])} when {slow}, {seconds(ends[fast])} when {fast}"


def _span(axes: Axes, row: dict[str, Any], at: int, stage: int, longest: float) -> None:
    color = SERIES[stage % len(SERIES)]
    if row["cached"]:
        axes.plot(0.06 * longest, at, "D", ms=9, color="white", mec=color, mew=2, clip_on=False)
        style.value(axes, 0.1 * longest, at, "cached")
        return
    axes.barh(at, max(row["seconds"], 0.004 * longest), left=row["start s"], height=0.66, color=color)
    style.value(axes, row["start s"] + row["seconds"], at, seconds(row["seconds"]))


def _stage_bands(all_axes: Sequence[Axes], rows: list[str], stages: list[str]) -> None:
    """Shade every other stage, and name each at the right edge of the last panel."""
    for number, stage in enumerate(stages):
        first = rows.index(stage)
        last = first + rows.count(stage) - 1
        for axes in all_axes:
            if number % 2:
                axes.axhspan(first - 0.5, last + 0.5, color="#F3F3F3", zorder=0, linewidth=0)
        all_axes[-1].text(
            1.02,
            (first + last) / 2,
            stage,
            transform=all_axes[-1].get_yaxis_transform(),
            va="center",
            fontsize=SMALL + 1,
            fontweight="bold",
        )


@style.in_house_style
def scenarios(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the median time of each Dockerfile in each scenario, with its range if there is one.

    Columns: dockerfile, scenario, median s, min s, max s.
    """
    names = list(dict.fromkeys(str(name) for name in frame["dockerfile"]))
    groups = {str(name): rows for name, rows in frame.groupby("scenario", sort=False)}
    title = title or _scenarios_title(frame.to_dict("records"))
    spread = (frame["min s"] < frame["max s"]).any()
    columns = min(2, len(groups))
    lines = -(-len(groups) // columns)
    figure, all_axes = style.sheet(
        2.0 + lines * (0.9 + 0.42 * len(names)), title, caption, columns=columns, lines=lines
    )
    for axes, (scenario, rows) in zip(all_axes, groups.items(), strict=False):
        axes.set_title(scenario, loc="left", fontsize=16, fontweight="bold")
        axes.set_xlim(0, 1.65 * frame["max s"].max())
        for _, row in rows.iterrows():
            _dot(axes, row, names.index(str(row["dockerfile"])))
        style.name_rows(axes, names)
    for axes in all_axes[: len(groups)][-columns:]:
        axes.set_xlabel("seconds: median, and range" if spread else "seconds")
        axes.tick_params(labelbottom=True)
    for axes in all_axes[len(groups) :]:
        axes.set_visible(False)
    facts = (
        f"{r['dockerfile']}, {r['scenario']}: {seconds(r['median s'])} "
        f"({seconds(r['min s'])} to {seconds(r['max s'])})"
        for _, r in frame.iterrows()
    )
    return style.chart(figure, "Dot chart of build times", title, facts, caption)


def _scenarios_title(rows: list[dict[Hashable, Any]]) -> str:
    slow, fast = max(rows, key=lambda row: row["median s"]), min(rows, key=lambda row: row["median s"])
    ends = [
        f"{seconds(row['median s'])} ({row['dockerfile']}, {row['scenario']})" for row in (slow, fast)
    ]
    return ends[0] if len(rows) == 1 else f"From {ends[0]} to {ends[1]}"


def _dot(axes: Axes, row: pd.Series[Any], at: int) -> None:
    color = SERIES[at % len(SERIES)]
    low, middle, high = row["min s"], row["median s"], row["max s"]
    if low < high:
        axes.plot([low, high], [at, at], "|-", ms=16, mew=2, linewidth=2, color=INK, clip_on=False)
    axes.plot(middle, at, MARKERS[at % len(MARKERS)], ms=11, color=color, mec="white", clip_on=False)
    spread = f"  ({low:.1f}\N{EN DASH}{high:.1f})" if low < high else ""
    style.value(axes, high, at, seconds(middle) + spread, away=10)
