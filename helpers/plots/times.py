"""When the steps of a build ran, and how long whole builds took."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import INK, MARKERS, SERIES, SMALL, Chart, seconds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@style.in_house_style
def timeline(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw when each step of a build ran and for how long; what came from the cache is a mark.

    Columns: stage, step, start s, seconds, cached; with a column scenario, one panel a scenario.
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
    """Return the rows of each scenario, each with its place: stage, step, and the how-manieth alike."""
    panels: dict[str, list[dict[str, Any]]] = {}
    for record in frame.to_dict("records"):
        rows = panels.setdefault(str(record.get("scenario", "")), [])
        alike = sum((r["stage"], r["step"]) == (record["stage"], record["step"]) for r in rows)
        rows.append({str(k): v for k, v in record.items()})
        rows[-1]["place"] = (record["stage"], record["step"], alike)
    return panels


def _places(panels: Iterable[list[dict[str, Any]]]) -> list[tuple[str, str, int]]:
    """Return the lines of the drawing, stages together, each stage and step where it first comes up."""
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
    """Draw the median time of each Dockerfile in each scenario, with its range.

    Columns: dockerfile, scenario, median s, min s, max s.
    """
    names = list(dict.fromkeys(str(name) for name in frame["dockerfile"]))
    groups = {str(name): rows for name, rows in frame.groupby("scenario", sort=False)}
    title = title or _scenarios_title(frame.to_dict("records"))
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
        axes.set_xlabel("seconds: median, and range")
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
    axes.plot([low, high], [at, at], "|-", ms=16, mew=2, linewidth=2, color=INK, clip_on=False)
    axes.plot(middle, at, MARKERS[at % len(MARKERS)], ms=11, color=color, mec="white", clip_on=False)
    style.value(axes, high, at, f"{seconds(middle)}  ({low:.1f}\N{EN DASH}{high:.1f})", away=10)
