"""A chart of a Dockerfile's stages as a graph, with the stages that a target skips."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helpers.plots import layered, style
from helpers.plots.style import BLUE, INK, MUTED, SKY, SMALL, Chart

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.path import Path
    from matplotlib.text import Text

    from helpers.plots.layered import Layout, Point

LINES: dict[str, Any] = {"FROM": "-", "COPY --from": (0, (5, 2)), "RUN --mount": (0, (1, 1.5))}
_IMAGE, _STAGE, _TARGET, _SKIPPED = "#F3F3F3", SKY, BLUE, "#FFFFFF"
_LONGEST = 17  # characters on a line of a box
_EDGE_OF_SKIPPED = "#9A9A9A"


@style.in_house_style
def stages(nodes: pd.DataFrame, edges: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw stages and images as boxes, with an arrow to each from where it takes something.

    Columns of ``nodes``: name, stage, needed, target; of ``edges``: source, target, how, needed. A box
    that the target does not need has a broken outline, the word "skipped", and grey arrows.
    """
    boxes: list[dict[str, Any]] = [{str(k): v for k, v in r.items()} for r in nodes.to_dict("records")]
    arrows: list[dict[str, Any]] = [{str(k): v for k, v in r.items()} for r in edges.to_dict("records")]
    title = title or _title(boxes)
    layout = layered.place(
        [box["name"] for box in boxes], [(arrow["source"], arrow["target"]) for arrow in arrows]
    )
    figure, (axes,) = style.sheet(2.3 + 1.15 * layout.rows, title, caption)
    axes.set(xlim=(-0.5, layout.columns - 0.5), ylim=(layout.rows - 0.5, -0.5), yticks=[], xticks=[])
    axes.set_xlabel("built from left to right; what stands in one column can run at the same time")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    _key(axes, {arrow["how"] for arrow in arrows})
    drawn = {box["name"]: _box(axes, box, layout.places[box["name"]]) for box in boxes}
    figure.draw_without_rendering()
    for arrow in arrows:
        _arrow(axes, arrow, drawn, layout)
    facts = [f"{box['name']}: {_role(box)}" for box in boxes]
    facts += [f"{arrow['target']} takes from {arrow['source']} with {arrow['how']}" for arrow in arrows]
    return style.chart(figure, "Graph of build stages", title, facts, caption)


def _title(boxes: list[dict[str, Any]]) -> str:
    target = next(box["name"] for box in boxes if box["target"])
    skipped = [box["name"] for box in boxes if box["stage"] and not box["needed"]]
    if not skipped:
        return f"The target {target} needs every stage of the file"
    names = " and ".join(filter(None, [", ".join(skipped[:-1]), skipped[-1]]))
    return f"The target {target} leaves out {names}"


def _role(box: dict[str, Any]) -> str:
    kind = "stage" if box["stage"] else "image from outside"
    if box["target"]:
        return "the target"
    return kind if box["needed"] else f"{kind}, skipped"


def _box(axes: Axes, box: dict[str, Any], at: Point) -> Text:
    color = _SKIPPED
    if box["needed"]:
        color = _TARGET if box["target"] else _STAGE if box["stage"] else _IMAGE
    ink = style.readable_on(color) if box["needed"] else MUTED
    text = _folded(box["name"]) + ("" if box["needed"] else "\nskipped")
    return axes.text(
        *at,
        text,
        ha="center",
        va="center",
        color=ink,
        fontsize=17 if box["stage"] else SMALL,
        fontweight="bold" if box["stage"] and box["needed"] else "normal",
        linespacing=1.15,
        bbox={
            "boxstyle": "round,pad=0.55" if box["stage"] else "square,pad=0.5",
            "facecolor": color,
            "edgecolor": INK if box["needed"] else _EDGE_OF_SKIPPED,
            "linestyle": "-" if box["needed"] else "--",
            "linewidth": 1.5,
        },
    )


def _folded(name: str) -> str:
    """Return a name split into lines that fit a box, broken after ``/``, ``:`` or ``-``."""
    lines = [""]
    for part in re.findall(r"[^/:-]*[/:-]?", name):
        if lines[-1] and len(lines[-1] + part) > _LONGEST:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _arrow(axes: Axes, arrow: dict[str, Any], drawn: dict[str, Text], layout: Layout) -> None:
    from matplotlib.patches import FancyArrowPatch

    start, _ = _sides(axes, drawn[arrow["source"]])
    _, end = _sides(axes, drawn[arrow["target"]])
    points = [start, *layout.stations[arrow["source"], arrow["target"]], end]
    axes.add_patch(
        FancyArrowPatch(
            path=_curve(points),
            arrowstyle="-|>",
            mutation_scale=20,
            linestyle=LINES[arrow["how"]],
            linewidth=2.2 if arrow["needed"] else 1.4,
            color=INK if arrow["needed"] else _EDGE_OF_SKIPPED,
            fill=True,
            zorder=1,
        )
    )


def _sides(axes: Axes, box: Text) -> tuple[Point, Point]:
    """Return the middle of a box's right side and of its left side."""
    patch = box.get_bbox_patch()
    assert patch is not None  # noqa: S101 - every box was drawn with one
    frame = patch.get_window_extent().transformed(axes.transData.inverted())
    middle = (frame.y0 + frame.y1) / 2
    left, right = sorted((frame.x0, frame.x1))
    return (float(right), float(middle)), (float(left), float(middle))


def _curve(points: Sequence[Point]) -> Path:
    """Return a smooth line that leaves and reaches each point on the level."""
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        vertices += [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1)]
        codes += [Path.CURVE4] * 3
    return Path(vertices, codes)


def _key(axes: Axes, used: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=INK, linewidth=2.2, linestyle=line, label=how)
        for how, line in LINES.items()
        if how in used
    ]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
