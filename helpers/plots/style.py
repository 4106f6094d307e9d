"""The house style of the charts: large, labelled in place, safe for colour-blind eyes; and `Chart`.

The other modules of this package draw the data. This module keeps no state in pyplot.
"""

from __future__ import annotations

import base64
import functools
import io
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    """How an area is filled: a colour, and a hatch, so that colour is not needed to tell areas apart."""

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
    "npm download cache": Look(GREY, "xx"),
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

HOUSE: Any = {
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

_Drawn = ParamSpec("_Drawn")


@dataclass(frozen=True)
class Chart:
    """A figure, and the text that replaces it for a reader who cannot see it."""

    figure: Figure = field(repr=False)
    alt: str

    def png(self) -> bytes:
        """Return the picture; the same figures give the same bytes."""
        import matplotlib as mpl

        picture = io.BytesIO()
        with mpl.rc_context(HOUSE):
            self.figure.savefig(picture, format="png", dpi=DPI, metadata={"Software": None})
        return picture.getvalue()

    def save(self, path: Path) -> None:
        """Write the picture to a file."""
        path.write_bytes(self.png())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[Any, Any]:
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


def in_house_style(draw: Callable[_Drawn, Chart]) -> Callable[_Drawn, Chart]:
    """Make a function draw in the house style; its first call imports matplotlib."""

    @functools.wraps(draw)
    def drawing(*args: _Drawn.args, **options: _Drawn.kwargs) -> Chart:
        import matplotlib as mpl

        with mpl.rc_context(HOUSE):
            return draw(*args, **options)

    return drawing


def readable_on(color: str) -> str:
    """Return black or white, whichever has more contrast with ``color``."""
    return max((INK, "#FFFFFF"), key=lambda ink: contrast(ink, color))


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio of two colours, 1 to 21."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def sheet(
    height: float,
    title: str,
    caption: str,
    columns: int = 1,
    lines: int = 1,
    *,
    one_scale: bool = True,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with its title and caption, and its panels in reading order.

    ``one_scale`` False gives each panel its own scale along x.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, min(HEIGHT, height)), dpi=100)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    FigureCanvasAgg(figure)
    figure.suptitle(textwrap.fill(title, 72), x=0.01, ha="left", fontsize=21, fontweight="bold")
    if caption:
        figure.supxlabel(textwrap.fill(caption, 140), x=0.01, ha="left", fontsize=12, color=MUTED)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=one_scale, sharey=True)
    return figure, list(grid.flat)


def name_rows(axes: Axes, names: list[str], *, center: float = 0.0) -> None:
    """Name the rows of a horizontal bar chart, the first at the top."""
    axes.set_yticks([at + center for at in range(len(names))], names)
    axes.set_ylim(len(names) - 0.45, -0.55)


def name_steps(axes: Axes, steps: list[str], width: int) -> None:
    """Name the rows by instructions, cut in the middle: two lines each if rows are few, else one."""
    few = len(steps) <= 9
    name_rows(axes, [_two_lines(step, width) if few else _middle_cut(step, width + 8) for step in steps])
    for label in axes.get_yticklabels():
        label.set(fontfamily="DejaVu Sans Mono", fontsize=14 if few else SMALL, linespacing=1.0)


def key(axes: Axes, entries: list[tuple[str, Look]]) -> None:
    """Write a legend above the axes."""
    from matplotlib.patches import Patch

    handles = [Patch(label=text, **look.fill()) for text, look in entries]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(handles),
        frameon=False,
        borderpad=0,
    )


def value(axes: Axes, x: float, y: float, text: str, *, bold: bool = False, away: int = 6) -> None:
    """Write a value beside the point where its bar or dot ends; ``away`` is in points."""
    axes.annotate(
        text,
        (x, y),
        xytext=(away, 0),
        textcoords="offset points",
        va="center_baseline",
        fontsize=SMALL + 1,
        fontweight="bold" if bold else "normal",
    )


def chart(figure: Figure, kind: str, title: str, facts: Iterable[str], caption: str) -> Chart:
    """Return the chart; its text is the kind, the title, the facts and the conditions."""
    sentences = [
        f"{kind}. {title}.",
        "; ".join(facts) + ".",
        f"Conditions: {caption}." if caption else "",
    ]
    return Chart(figure, " ".join(s for s in sentences if s))


def short(text: str, length: int) -> str:
    """Return the text on one line; a long text is cut at its end."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _two_lines(text: str, width: int) -> str:
    lines = textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)
    return "\n".join(lines if len(lines) <= 2 else [lines[0], _middle_cut(" ".join(lines[1:]), width)])


def _middle_cut(text: str, length: int) -> str:
    """Return a long text without its middle, because an instruction's end says most."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = length // 2
    return f"{text[:head]}…{text[len(text) - (length - head - 1) :]}"


def mb(value: float) -> str:
    """Return MB (10^6 bytes) in the most readable unit."""
    if value >= 10:
        return f"{value:.0f} MB"
    if value >= 0.1:
        return f"{value:.1f} MB"
    return f"{value * 1e3:.3g} kB" if value >= 0.001 else f"{value * 1e6:.0f} B"


def mb_range(low: float, high: float) -> str:
    """Return a range of MB; equal ends give one value."""
    return mb(low) if low == high else f"{low:.0f}\N{EN DASH}{mb(high)}"


def seconds(value: float) -> str:
    """Return seconds, to a tenth."""
    return f"{value:.1f} s"
