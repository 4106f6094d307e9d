"""A chart of images' sizes against the times of their starts, with the goals for both."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import BLUE, INK, MUTED, RUST, SLATE, SMALL, VERMILION, Chart, mb, seconds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

_UNBEATEN, _BEATEN = "not beaten in both", "another is smaller and quicker"
_Row = dict[Hashable, Any]
_DOT = 9.0  # points that a label stays away from a dot
# The places for a label, in points from its dot: first beside it, then farther up and down.
_FAR = 30
_PLACES = [(dx, sign * dy) for dy in range(0, 400, 20) for sign in (1, -1) for dx in (12, -12)]


@style.in_house_style
def frontier(
    frame: pd.DataFrame,
    goals_mb: Sequence[float] = (),
    latest_s: float | None = None,
    *,
    cpu: bool = False,
    caption: str = "",
    title: str = "",
) -> Chart:
    """Draw each variant's size on disk against its start (median and range), and the goals as lines.

    Columns: variant, on disk MB, start s, min s, max s, on the front. The first row is the plain image.
    ``on the front`` is True for a variant that no other one beats in both size and start. ``cpu`` says
    that the seconds are CPU seconds.
    """
    rows: list[_Row] = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    title = title or _title(rows, cpu=cpu)
    figure, (axes,) = style.sheet(style.HEIGHT, title, caption)
    axes.set_xlim(0, 1.2 * max(row["on disk MB"] for row in rows))
    axes.set_ylim(0, 1.15 * max([*(row["max s"] for row in rows), latest_s or 0]))
    axes.set_xlabel("size on disk in MB")
    axes.set_ylabel(f"start in {'CPU ' if cpu else ''}seconds: median, range")
    for size in goals_mb:
        axes.axvline(size, color=VERMILION, linestyle="--", linewidth=2, zorder=1)
    if latest_s is not None:
        axes.axhline(latest_s, color=VERMILION, linestyle="--", linewidth=2, zorder=1)
    for row in rows:
        _dot(axes, row)
    _legend(axes)
    figure.draw_without_rendering()  # fixes the layout before the labels get their places
    figure.set_layout_engine("none")
    taken = _dots(axes, rows)
    top, right = axes.get_ylim()[1], axes.get_xlim()[1]
    taken += [_goal(axes, size, top, f"{size:.0f} MB", ha="left") for size in goals_mb]
    if latest_s is not None:
        text = f"{rows[0]['variant']} + {latest_s - rows[0]['start s']:.1f} s"
        taken.append(_goal(axes, right, latest_s, text, ha="right"))
    for row in rows:
        _label(axes, row, taken)
    facts = (
        f"{r['variant']} {mb(r['on disk MB'])}, {seconds(r['start s'])} "
        f"({seconds(r['min s'])} to {seconds(r['max s'])})"
        for r in rows
    )
    return style.chart(figure, "Dot chart of size against start", title, facts, caption)


def _title(rows: list[_Row], *, cpu: bool) -> str:
    small, plain = min(rows, key=lambda row: row["on disk MB"]), rows[0]
    if small is plain:
        return f"{plain['variant']}: {mb(plain['on disk MB'])}, started in {seconds(plain['start s'])}"
    later = small["start s"] - plain["start s"]
    words = ("more CPU time", "less CPU time") if cpu else ("later", "earlier")
    return (
        f"{small['variant']}: {mb(small['on disk MB'])} instead of {mb(plain['on disk MB'])}, "
        f"and {seconds(abs(later))} {words[later < 0]}"
    )


def _color(row: _Row) -> str:
    return BLUE if row["on the front"] else SLATE


def _dot(axes: Axes, row: _Row) -> None:
    x, color = row["on disk MB"], _color(row)
    axes.plot([x, x], [row["min s"], row["max s"]], "_-", ms=12, mew=2, linewidth=2, color=color)
    fill = color if row["on the front"] else "white"
    axes.plot(x, row["start s"], "o", ms=12, mew=2.5, color=fill, mec=color, zorder=3)


def _legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", ms=12, mew=2.5, linestyle="", mec=c, color=f, label=text)
        for text, c, f in ((_UNBEATEN, BLUE, BLUE), (_BEATEN, SLATE, "white"))
    ]
    handles.append(Line2D([], [], color=VERMILION, linestyle="--", linewidth=2, label="goals"))
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderpad=0
    )


def _dots(axes: Axes, rows: list[_Row]) -> list[Bbox]:
    """Return where the dots and their ranges are, in pixels."""
    from matplotlib.transforms import Bbox

    clear = _DOT * axes.figure.dpi / 72
    boxes = []
    for row in rows:
        x = row["on disk MB"]
        points = axes.transData.transform([(x, row[at]) for at in ("min s", "start s", "max s")])
        (across, low), (_, middle), (_, high) = points
        bottom, top = min(low, middle - clear), max(high, middle + clear)
        boxes.append(Bbox.from_extents(across - clear, bottom, across + clear, top))
    return boxes


def _goal(axes: Axes, x: float, y: float, text: str, *, ha: str) -> Bbox:
    note = axes.annotate(
        text,
        (x, y),
        xytext=(4 if ha == "left" else -4, -10 if ha == "left" else 10),
        textcoords="offset points",
        ha=ha,
        va="center",
        fontsize=SMALL + 1,
        color=RUST,
        fontweight="bold",
    )
    box: Bbox = note.get_window_extent()
    return box


def _label(axes: Axes, row: _Row, taken: list[Bbox]) -> None:
    """Write a variant's name beside its dot, at the first place that is free; on the front, its size."""
    size = f", {mb(row['on disk MB'])}" if row["on the front"] else ""
    note = axes.annotate(
        f"{row['variant']}{size}",
        (row["on disk MB"], row["start s"]),
        xytext=_PLACES[0],
        textcoords="offset points",
        va="center",
        fontsize=SMALL + 1,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        zorder=2,
        fontweight="bold" if row["on the front"] else "normal",
    )
    whole = axes.get_window_extent()
    for dx, dy in _PLACES:
        note.set(position=(dx, dy), ha="left" if dx > 0 else "right")
        box = note.get_window_extent()
        if _inside(box, whole) and not box.count_overlaps(taken):
            break
    taken.append(box)
    if abs(dy) >= _FAR:
        _lead(axes, row, box)


def _inside(box: Bbox, whole: Bbox) -> bool:
    return all(whole.containsx(x) for x in box.intervalx) and all(
        whole.containsy(y) for y in box.intervaly
    )


def _lead(axes: Axes, row: _Row, box: Bbox) -> None:
    """Draw a thin line from a dot to its label, because the label is not next to it."""
    x, y = row["on disk MB"], row["start s"]
    _, middle = axes.transData.transform((x, y))
    end = axes.transData.inverted().transform((box.x0, box.y0 if box.y0 > middle else box.y1))
    axes.plot([x, x], [y, end[1]], "-", color=MUTED, linewidth=1, zorder=1)
