"""Draw a figure from a table, in one house style: large, labelled in place, safe for colour-blind eyes.

Each function takes a DataFrame and returns a `Chart`, which a notebook shows as a picture with a text
alternative. It measures nothing, builds nothing, and keeps no state in pyplot. MB are 10^6 bytes.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 12.8, 7.2  # inches; 1280x720 at 100 dots an inch, the size of a slide
DPI = 150  # of the picture, so that it stays sharp on a dense screen
SMALL = 13

# Okabe and Ito, "Color Universal Design" (2008), and three greys.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, SLATE, PALE = "#8C8C8C", "#595959", "#DADADA"
INK, MUTED, RUST = "#1A1A1A", "#555555", "#A34700"


@dataclass(frozen=True)
class Look:
    """How an area is filled: a colour, and a hatch that tells it apart without the colour."""

    color: str
    hatch: str = ""

    def fill(self) -> dict[str, Any]:
        """Return the settings of a matplotlib patch."""
        return {"facecolor": self.color, "hatch": self.hatch, "edgecolor": "white", "linewidth": 1.5}


CATEGORIES = {
    "operating system": Look(SLATE),
    "Node runtime": Look(GREEN),
    "production dependencies": Look(SKY),
    "app build output": Look(BLUE),
    "npm": Look(YELLOW, "//"),
    "toolchain": Look(ORANGE, "//"),
    "devDependencies": Look(VERMILION, "//"),
    "app sources and tests": Look(PURPLE, "//"),
    "secrets swept in (.env*)": Look(BLACK),
    "other": Look(PALE),
}
BASE, OWN = Look(GREY, "//"), Look(BLUE)
KEPT, LEFT = Look(BLUE), Look(ORANGE, "//")
ON_DISK, ON_WIRE = Look(BLUE), Look(SKY, "//")
SERIES = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY, BLACK)
MARKERS = "osD^vPX"

_HOUSE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 16,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "ytick.left": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 1.4,
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class Chart:
    """A figure and the words that stand for it where it cannot be seen."""

    figure: Figure = field(repr=False)
    alt: str

    def png(self) -> bytes:
        """Return the picture, the same bytes for the same figures."""
        picture = io.BytesIO()
        with mpl.rc_context(_HOUSE):
            self.figure.savefig(picture, format="png", dpi=DPI, metadata={"Software": None})
        return picture.getvalue()

    def save(self, path: Path) -> None:
        """Write the picture to a file."""
        path.write_bytes(self.png())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[Any, Any]:
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


@mpl.rc_context(_HOUSE)
def sizes(
    frame: pd.DataFrame,
    claims: Mapping[str, tuple[float, float]] | None = None,
    caption: str = "",
    title: str = "",
) -> Chart:
    """Draw each variant's size on disk and on the wire; ``claims`` gives MB from and to, per variant.

    Columns: variant, uncompressed MB, compressed MB.
    """
    claims = claims or {}
    rows = [(str(r["variant"]), r["uncompressed MB"], r["compressed MB"]) for _, r in frame.iterrows()]
    title = title or _sizes_title(rows)
    figure, (axes,) = _sheet(2.6 + 1.15 * len(rows), title, caption)
    limit = max([*(disk for _, disk, _ in rows), *(high for _, high in claims.values())])
    axes.set_xlim(0, 1.24 * limit)
    axes.set_xlabel("size in MB")
    for at, (variant, disk, wire) in enumerate(rows):
        for offset, value, look, word in (
            (0.0, disk, ON_DISK, "on disk"),
            (0.29, wire, ON_WIRE, "compressed"),
        ):
            axes.barh(at + offset, value, height=0.27, **look.fill())
            _value(axes, _beside(value, claims.get(variant), limit), at + offset, f"{_mb(value)} {word}")
        if variant in claims:
            _claim(axes, at, *claims[variant], limit)
    _name_rows(axes, [row[0] for row in rows], center=0.02)
    said = (f"; the article says {_range(*claims[name])}" if name in claims else "" for name, *_ in rows)
    facts = (
        f"{n} {_mb(d)} on disk, {_mb(w)} compressed{s}" for (n, d, w), s in zip(rows, said, strict=True)
    )
    return _chart(figure, "Bar chart of image sizes", title, facts, caption)


def _sizes_title(rows: list[tuple[str, float, float]]) -> str:
    large, small = max(rows, key=lambda row: row[1]), min(rows, key=lambda row: row[1])
    if len(rows) == 1:
        return f"{large[0]}: {_mb(large[1])} on disk, {_mb(large[2])} compressed"
    times = large[1] / small[1]
    return (
        f"{small[0]} is {times:.1f}x smaller than {large[0]}: {_mb(small[1])} instead of {_mb(large[1])}"
    )


def _claim(axes: Axes, at: int, low: float, high: float, limit: float) -> None:
    """Mark what the article says across a variant's bars, its words above them."""
    top, bottom = at - 0.42, at + 0.46
    axes.fill_between([low, high], top, bottom, color=VERMILION, alpha=0.2, linewidth=0, zorder=0.5)
    axes.vlines(sorted({low, high}), top, bottom, color=VERMILION, linewidth=2.5, zorder=4)
    right = low > 0.6 * limit
    axes.annotate(
        f"the article says {_range(low, high)}",
        (low if right else high, at - 0.3),
        xytext=(-8 if right else 8, 0),
        textcoords="offset points",
        ha="right" if right else "left",
        va="center",
        fontsize=SMALL + 1,
        color=RUST,
        fontweight="bold",
    )


def _beside(value: float, claim: tuple[float, float] | None, limit: float) -> float:
    """Return where a bar's label begins: at its end, or past the article's mark if they would meet."""
    if claim and value < claim[1] and value + 0.25 * limit > claim[0]:
        return claim[1]
    return value


@mpl.rc_context(_HOUSE)
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
        f"One layer holds {_mb(values[top])} of the image's {_mb(total)}: {_short(names[top], 40)}"
    )
    figure, (axes,) = _sheet(2.2 + 0.52 * len(values), title, caption)
    for at, value in enumerate(values):
        axes.barh(at, value, height=0.72, **(BASE if base[at] else OWN).fill())
        _value(axes, value, at, _mb(value))
    axes.set_xlim(0, 1.16 * max(values) or 1)
    axes.set_xlabel("uncompressed size of the layer in MB")
    _name_steps(axes, names, 36)
    parts = {
        flag: sum(v for v, b in zip(values, base, strict=True) if b is flag) for flag in (True, False)
    }
    _key(
        axes,
        [(f"base image: {_mb(parts[True])}", BASE), (f"the Dockerfile's own: {_mb(parts[False])}", OWN)],
    )
    facts = (
        f"{name} {_mb(value)}{' (base)' if b else ''}"
        for name, value, b in zip(names, values, base, strict=True)
    )
    return _chart(figure, "Bar chart of an image's layers", title, facts, caption)


@mpl.rc_context(_HOUSE)
def composition(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw where the bytes of one or several images come from.

    One row a category, named by the index; one column an image, in MB.
    """
    images = {str(name): _parts(column) for name, column in frame.items()}
    totals = {name: sum(parts.values()) for name, parts in images.items()}
    largest = max(totals, key=totals.__getitem__)
    top = max(images[largest], key=images[largest].__getitem__)
    title = title or (
        f"The largest part of {largest} is {top}: {_mb(images[largest][top])} of {_mb(totals[largest])}"
    )
    figure, (axes,) = _sheet(2.0 + 1.55 * len(images), title, caption)
    axes.set_xlim(0, 1.15 * totals[largest])
    axes.set_xlabel("uncompressed size in MB")
    axes.grid(visible=False)
    _name_rows(axes, list(images), center=-0.2)
    figure.draw_without_rendering()
    for at, (name, parts) in enumerate(images.items()):
        rest = _stack(axes, at, parts)
        _value(axes, totals[name], at - 0.2, _mb(totals[name]), bold=True)
        _list_below(axes, at + 0.14, rest)
    facts = (
        f"{name} {_mb(totals[name])}: " + ", ".join(f"{c} {_mb(v)}" for c, v in parts.items())
        for name, parts in images.items()
    )
    return _chart(figure, "Stacked bars of what images are made of", title, facts, caption)


def _parts(column: pd.Series[float]) -> dict[str, float]:
    """Return the categories that have bytes, in the order of `CATEGORIES`, unknown ones at the end."""
    order = list(CATEGORIES)
    found = {str(c): float(v) for c, v in column.items() if v > 0}
    return dict(sorted(found.items(), key=lambda p: order.index(p[0]) if p[0] in order else len(order)))


def _look(category: str) -> Look:
    return CATEGORIES.get(category, CATEGORIES["other"])


def _stack(axes: Axes, at: int, parts: dict[str, float]) -> list[tuple[str, Look]]:
    """Draw one stacked bar; return the labels that found no room inside."""
    rest, left = [], 0.0
    for category, value in parts.items():
        look = _look(category)
        axes.barh(at - 0.2, value, left=left, height=0.5, **look.fill())
        label = axes.text(
            left + value / 2,
            at - 0.2,
            "\n".join([*textwrap.wrap(category, 12), _mb(value)]),
            ha="center",
            va="center",
            fontsize=SMALL,
            color=readable_on(look.color),
            linespacing=1.0,
            bbox={"facecolor": look.color, "edgecolor": "none", "pad": 1.5},
        )
        if _data_width(axes, label) > 0.94 * value or label.get_text().count("\n") > 2:
            label.remove()
            rest.append((f"{category} {_mb(value)}", look))
        left += value
    return rest


def _list_below(axes: Axes, at: float, pieces: list[tuple[str, Look]]) -> None:
    """Write labels with a swatch each in lines below a bar."""
    gap = axes.get_xlim()[1] / 75
    x = 0.0
    for text, look in pieces:
        label = axes.text(0, at, text, fontsize=SMALL, va="center")
        width = _data_width(axes, label)
        if x and x + width + 2 * gap > axes.get_xlim()[1]:
            x, at = 0.0, at + 0.19
        axes.plot(x + gap / 2, at, "s", ms=11, color=look.color, mec=MUTED, clip_on=False)
        label.set_position((x + 1.3 * gap, at))
        x += width + 3 * gap


def _data_width(axes: Axes, text: Any) -> float:
    box = text.get_window_extent(_renderer(axes.figure))
    inverse = axes.transData.inverted()
    return float(inverse.transform((box.x1, 0))[0] - inverse.transform((box.x0, 0))[0])


def _renderer(figure: Any) -> Any:
    return figure.canvas.get_renderer()


@mpl.rc_context(_HOUSE)
def crossing(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw what ``COPY --from`` took out of a builder and what it left behind.

    Columns: category, copied MB, discarded MB.
    """
    rows = [(str(r["category"]), r["copied MB"], r["discarded MB"]) for _, r in frame.iterrows()]
    took, left = sum(r[1] for r in rows), sum(r[2] for r in rows)
    title = title or f"COPY --from took {_mb(took)} of {_mb(took + left)}; {_mb(left)} stayed behind"
    figure, (axes,) = _sheet(2.4 + 0.55 * len(rows), title, caption)
    for at, (_, copied, discarded) in enumerate(rows):
        axes.barh(at, copied, height=0.66, **KEPT.fill())
        axes.barh(at, discarded, left=copied, height=0.66, **LEFT.fill())
        _value(axes, copied + discarded, at, _crossed(copied, discarded))
    axes.set_xlim(0, 1.4 * max(c + d for _, c, d in rows))
    axes.set_xlabel("size in the builder image, in MB")
    _name_rows(axes, [row[0] for row in rows])
    _key(axes, [(f"copied: {_mb(took)}", KEPT), (f"left behind: {_mb(left)}", LEFT)])
    facts = (f"{name}: {_mb(c)} copied, {_mb(d)} left behind" for name, c, d in rows)
    return _chart(figure, "Bar chart of what crossed between stages", title, facts, caption)


def _crossed(copied: float, discarded: float) -> str:
    if not copied:
        return f"{_mb(discarded)}, all left"
    if not discarded:
        return f"{_mb(copied)}, all copied"
    return f"{_mb(copied)} of {_mb(copied + discarded)} copied"


@mpl.rc_context(_HOUSE)
def timeline(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw when each step of a build ran and for how long; what came from the cache is a mark.

    Columns: stage, step, start s, seconds, cached; with a column scenario, one panel a scenario.
    """
    panels = _panels(frame)
    places = _places(panels.values())
    ends = {name: max(row["start s"] + row["seconds"] for row in rows) for name, rows in panels.items()}
    title = title or _timeline_title(ends)
    figure, all_axes = _sheet(2.4 + 0.46 * len(places), title, caption, columns=len(panels))
    stages = list(dict.fromkeys(stage for stage, _, _ in places))
    for axes, (name, rows) in zip(all_axes, panels.items(), strict=True):
        for row in rows:
            _span(axes, row, places.index(row["place"]), stages.index(row["stage"]), max(ends.values()))
        axes.set_xlim(0, (1.2 if len(panels) < 3 else 1.5) * max(ends.values()))
        axes.set_xlabel("seconds")
        axes.set_title(
            f"{name}\n{_s(ends[name])}" if name else "", loc="left", fontsize=15, fontweight="bold"
        )
    _name_steps(all_axes[0], [step for _, step, _ in places], 36 if len(panels) < 3 else 26)
    _stage_bands(all_axes, [stage for stage, _, _ in places], stages)
    facts = (
        f"{name or 'build'} {_s(ends[name])}: "
        + ", ".join(f"{r['step']} {'cached' if r['cached'] else _s(r['seconds'])}" for r in rows)
        for name, rows in panels.items()
    )
    return _chart(figure, "Timeline of a build's steps", title, facts, caption)


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
        return f"The build took {_s(next(iter(ends.values())))}"
    slow, fast = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
    return f"{_s(ends[slow])} when {slow}, {_s(ends[fast])} when {fast}"


def _span(axes: Axes, row: dict[str, Any], at: int, stage: int, longest: float) -> None:
    color = SERIES[stage % len(SERIES)]
    if row["cached"]:
        axes.plot(0.06 * longest, at, "D", ms=9, color="white", mec=color, mew=2, clip_on=False)
        _value(axes, 0.1 * longest, at, "cached")
        return
    axes.barh(at, max(row["seconds"], 0.004 * longest), left=row["start s"], height=0.66, color=color)
    _value(axes, row["start s"] + row["seconds"], at, _s(row["seconds"]))


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


@mpl.rc_context(_HOUSE)
def scenarios(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the median time of each Dockerfile in each scenario, with its range.

    Columns: dockerfile, scenario, median s, min s, max s.
    """
    names = list(dict.fromkeys(str(name) for name in frame["dockerfile"]))
    groups = {str(name): rows for name, rows in frame.groupby("scenario", sort=False)}
    title = title or _scenarios_title(frame.to_dict("records"))
    columns = min(2, len(groups))
    lines = -(-len(groups) // columns)
    figure, all_axes = _sheet(
        2.0 + lines * (0.9 + 0.42 * len(names)), title, caption, columns=columns, lines=lines
    )
    for axes, (scenario, rows) in zip(all_axes, groups.items(), strict=False):
        axes.set_title(scenario, loc="left", fontsize=16, fontweight="bold")
        axes.set_xlim(0, 1.65 * frame["max s"].max())
        for _, row in rows.iterrows():
            _dot(axes, row, names.index(str(row["dockerfile"])))
        _name_rows(axes, names)
    for axes in all_axes[: len(groups)][-columns:]:
        axes.set_xlabel("seconds: median, and range")
        axes.tick_params(labelbottom=True)
    for axes in all_axes[len(groups) :]:
        axes.set_visible(False)
    facts = (
        f"{r['dockerfile']}, {r['scenario']}: {_s(r['median s'])} ({_s(r['min s'])} to {_s(r['max s'])})"
        for _, r in frame.iterrows()
    )
    return _chart(figure, "Dot chart of build times", title, facts, caption)


def _scenarios_title(rows: list[dict[Hashable, Any]]) -> str:
    slow, fast = max(rows, key=lambda row: row["median s"]), min(rows, key=lambda row: row["median s"])
    ends = [f"{_s(row['median s'])} ({row['dockerfile']}, {row['scenario']})" for row in (slow, fast)]
    return ends[0] if len(rows) == 1 else f"From {ends[0]} to {ends[1]}"


def _dot(axes: Axes, row: pd.Series[Any], at: int) -> None:
    color = SERIES[at % len(SERIES)]
    low, middle, high = row["min s"], row["median s"], row["max s"]
    axes.plot([low, high], [at, at], "|-", ms=16, mew=2, linewidth=2, color=INK, clip_on=False)
    axes.plot(middle, at, MARKERS[at % len(MARKERS)], ms=11, color=color, mec="white", clip_on=False)
    _value(axes, high, at, f"{_s(middle)}  ({low:.1f}\N{EN DASH}{high:.1f})", away=10)


def readable_on(color: str) -> str:
    """Return black or white, whichever stands out more from ``color``."""
    return max((INK, "#FFFFFF"), key=lambda ink: contrast(ink, color))


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio of two colours, 1 to 21."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _sheet(
    height: float, title: str, caption: str, columns: int = 1, lines: int = 1
) -> tuple[Figure, list[Axes]]:
    """Return a figure with its title and caption, and its panels in reading order."""
    figure = Figure(figsize=(WIDTH, min(HEIGHT, height)), dpi=100)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    FigureCanvasAgg(figure)
    figure.suptitle(textwrap.fill(title, 72), x=0.01, ha="left", fontsize=21, fontweight="bold")
    if caption:
        figure.supxlabel(textwrap.fill(caption, 140), x=0.01, ha="left", fontsize=12, color=MUTED)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    return figure, list(grid.flat)


def _name_rows(axes: Axes, names: list[str], *, center: float = 0.0) -> None:
    """Name the rows of a horizontal bar chart, the first at the top."""
    axes.set_yticks([at + center for at in range(len(names))], names)
    axes.set_ylim(len(names) - 0.45, -0.55)


def _name_steps(axes: Axes, steps: list[str], width: int) -> None:
    """Name the rows by instructions: on two lines where rows are few, else one, cut in the middle."""
    few = len(steps) <= 9
    _name_rows(
        axes, [_two_lines(step, width) if few else _middle_cut(step, width + 8) for step in steps]
    )
    for label in axes.get_yticklabels():
        label.set(fontfamily="DejaVu Sans Mono", fontsize=14 if few else SMALL, linespacing=1.0)


def _key(axes: Axes, entries: list[tuple[str, Look]]) -> None:
    handles = [Patch(label=text, **look.fill()) for text, look in entries]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(handles),
        frameon=False,
        borderpad=0,
    )


def _value(axes: Axes, x: float, y: float, text: str, *, bold: bool = False, away: int = 6) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(away, 0),
        textcoords="offset points",
        va="center_baseline",
        fontsize=SMALL + 1,
        fontweight="bold" if bold else "normal",
    )


def _chart(figure: Figure, kind: str, title: str, facts: Iterable[str], caption: str) -> Chart:
    sentences = [
        f"{kind}. {title}.",
        "; ".join(facts) + ".",
        f"Conditions: {caption}." if caption else "",
    ]
    return Chart(figure, " ".join(s for s in sentences if s))


def _short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _two_lines(text: str, width: int) -> str:
    lines = textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)
    return "\n".join(lines if len(lines) <= 2 else [lines[0], _middle_cut(" ".join(lines[1:]), width)])


def _middle_cut(text: str, length: int) -> str:
    """Return the text with its middle left out where it is long: an instruction's end tells most."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = length // 2
    return f"{text[:head]}…{text[len(text) - (length - head - 1) :]}"


def _mb(value: float) -> str:
    if value >= 10:
        return f"{value:.0f} MB"
    if value >= 0.1:
        return f"{value:.1f} MB"
    return f"{value * 1e3:.3g} kB" if value >= 0.001 else f"{value * 1e6:.0f} B"


def _range(low: float, high: float) -> str:
    return _mb(low) if low == high else f"{low:.0f}\N{EN DASH}{_mb(high)}"


def _s(value: float) -> str:
    return f"{value:.1f} s"
