"""Charts of the bytes that deploys move, the seconds that pods wait, and the cost of a month."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import (
    BLUE,
    INK,
    KEPT,
    LEFT,
    MARKERS,
    ON_WIRE,
    SERIES,
    Chart,
    mb,
    seconds,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def gb(value: float) -> str:
    """Return GB (10^9 bytes) in the most readable unit."""
    return f"{value:,.0f} GB" if value >= 100 else f"{value:.1f} GB" if value >= 1 else mb(value * 1e3)


@style.in_house_style
def day(
    frame: pd.DataFrame, claims: Mapping[str, float] | None = None, caption: str = "", title: str = ""
) -> Chart:
    """Draw a day's transfer of each variant, by each way of counting.

    ``claims`` holds the article's GB for each variant, by the first way of counting. Columns: variant,
    then one for each way of counting, in GB.
    """
    claims = claims or {}
    names, ways = _variants(frame), [str(name) for name in frame.columns[1:]]
    title = title or _day_title(frame)
    figure, (axes,) = style.sheet(2.4 + 0.42 * len(ways) * len(names), title, caption)
    looks = (LEFT, ON_WIRE, KEPT)[-len(ways) :]
    limit = float(frame[ways].to_numpy().max())
    step = 0.84 / len(ways)
    for at, (_, row) in enumerate(frame.iterrows()):
        for number, way in enumerate(ways):
            y = at - 0.42 + step * (number + 0.5)
            axes.barh(y, row[way], height=0.9 * step, **looks[number].fill())
            claim = claims.get(names[at]) if number == 0 else None
            words = gb(row[way]) if claim is None else f"{gb(row[way])}; the article says {claim:g} GB"
            style.value(axes, row[way], y, words, bold=claim is not None)
    axes.set_xlim(0, 1.5 * limit)
    axes.set_xlabel("GB a day")
    style.name_rows(axes, names)
    style.key(axes, list(zip(ways, looks, strict=True)))
    said = {name: f"; the article says {value:g} GB" for name, value in claims.items()}
    facts = [fact + said.get(name, "") for name, fact in zip(names, _facts(frame, gb), strict=True)]
    return style.chart(figure, "Bars of a day's transfer", title, facts, caption)


def _day_title(frame: pd.DataFrame) -> str:
    row, first, last = _largest(frame)
    return f"{row['variant']}: {gb(row[first])} a day {first}, {gb(row[last])} {last}"


@style.in_house_style
def waits(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the median time of each variant, with its range; each situation has its own panel.

    Columns: variant, situation, median s, min s, max s.
    """
    names = _variants(frame)
    groups = {str(name): rows for name, rows in frame.groupby("situation", sort=False)}
    title = title or _waits_title(groups)
    figure, panels = style.sheet(2.4 + 0.62 * len(names), title, caption, columns=len(groups))
    for axes, (situation, rows) in zip(panels, groups.items(), strict=True):
        for _, row in rows.iterrows():
            _dot(axes, row, names.index(str(row["variant"])))
        axes.set_xlim(0, 1.8 * frame["max s"].max())
        axes.set_title(situation, loc="left", fontsize=16, fontweight="bold")
        axes.set_xlabel("seconds: median, and range")
    style.name_rows(panels[0], names)
    facts = (
        f"{r['variant']}, {r['situation']}: {seconds(r['median s'])} "
        f"({seconds(r['min s'])} to {seconds(r['max s'])})"
        for _, r in frame.iterrows()
    )
    return style.chart(figure, "Dot chart of waits", title, facts, caption)


def _waits_title(groups: Mapping[str, pd.DataFrame]) -> str:
    parts = []
    for situation, rows in groups.items():
        low, high = rows["median s"].min(), rows["median s"].max()
        parts.append(f"{situation}: {low:.2f}\N{EN DASH}{high:.2f} s")
    return "; ".join(parts)


def _dot(axes: Axes, row: pd.Series[Any], at: int) -> None:
    low, middle, high = row["min s"], row["median s"], row["max s"]
    axes.plot([low, high], [at, at], "|-", ms=16, mew=2, linewidth=2, color=INK, clip_on=False)
    color = SERIES[at % len(SERIES)]
    axes.plot(middle, at, MARKERS[at % len(MARKERS)], ms=11, color=color, mec="white", clip_on=False)
    style.value(axes, high, at, f"{middle:.2f} s  ({low:.2f}\N{EN DASH}{high:.2f})", away=10)


@style.in_house_style
def cost(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the GB of a month as bars, with the USD beside each bar.

    Columns: what, GB a month, USD a month.
    """
    title = title or _bill_title(frame)
    figure, (axes,) = style.sheet(2.2 + 0.62 * len(frame), title, caption)
    for at, (_, row) in enumerate(frame.iterrows()):
        axes.barh(at, row["GB a month"], height=0.62, color=BLUE)
        style.value(axes, row["GB a month"], at, f"{gb(row['GB a month'])}  ·  {_usd(row)}")
    axes.set_xlim(0, 1.5 * max(float(frame["GB a month"].max()), 0.001))
    axes.set_xlabel("GB a month")
    style.name_rows(axes, [str(what) for what in frame["what"]])
    facts = (f"{r['what']} {gb(r['GB a month'])}, {_usd(r)}" for _, r in frame.iterrows())
    return style.chart(figure, "Bars of a month's bill", title, facts, caption)


def _bill_title(frame: pd.DataFrame) -> str:
    first, planned = frame.iloc[0], frame.iloc[len(frame) - 2]
    ways = [str(row["what"]).removeprefix("moved, ") for row in (planned, first)]
    return f"{_usd(planned)} a month {ways[0]}, {_usd(first)} {ways[1]}"


def _usd(row: pd.Series[Any]) -> str:
    return f"{row['USD a month']:,.2f} USD"


def _largest(frame: pd.DataFrame) -> tuple[dict[str, Any], str, str]:
    """Return the row with the largest first figure, and the names of the first and last figure."""
    first, last = str(frame.columns[1]), str(frame.columns[-1])
    rows = [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]
    return max(rows, key=lambda row: row[first]), first, last


def _variants(frame: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(str(name) for name in frame["variant"]))


def _facts(frame: pd.DataFrame, unit: Callable[[float], str]) -> list[str]:
    return [
        f"{row['variant']} " + ", ".join(f"{name} {unit(row[name])}" for name in frame.columns[1:])
        for _, row in frame.iterrows()
    ]
