"""A chart of the verdicts on all claims."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from helpers.plots import style
from helpers.plots.style import BLUE, MUTED, SMALL, VERMILION, YELLOW, Chart

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 6
LOOKS = {  # by the mark that the ledger puts before a verdict
    "✓": BLUE,
    "≈": YELLOW,
    "✗": VERMILION,
    "?": "#CFCFCF",
    "·": "#FFFFFF",
}


@style.in_house_style
def board(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw a tile for each claim, in the order of the rows, with its id, a few words and the verdict.

    Columns: id, short, verdict (with its mark in front, as ``✓ holds``).
    """
    from matplotlib.patches import FancyBboxPatch

    rows = [
        (str(r["id"]), str(r["short"]), *str(r["verdict"]).split(" ", 1)) for _, r in frame.iterrows()
    ]
    counts = Counter(verdict for *_, verdict in rows)
    title = title or " · ".join(f"{verdict}: {number}" for verdict, number in counts.items())
    lines = -(-len(rows) // COLUMNS)
    figure, (axes,) = style.sheet(1.6 + 1.5 * lines, title, caption)
    for at, (claim, short, mark, verdict) in enumerate(rows):
        x, y = at % COLUMNS, at // COLUMNS
        color = LOOKS.get(mark, MUTED)
        tile = FancyBboxPatch(
            (x + 0.06, y + 0.08),
            0.88,
            0.84,
            boxstyle="round,pad=0,rounding_size=0.06",
            fc=color,
            ec=MUTED,
        )
        axes.add_patch(tile)
        ink = style.readable_on(color)
        ground = {"facecolor": color, "edgecolor": "none", "pad": 1}
        text: Any = {"ha": "center", "va": "center", "color": ink, "bbox": ground}
        axes.text(x + 0.5, y + 0.24, f"{mark} {claim}", fontsize=22, fontweight="bold", **text)
        words = textwrap.fill(short, 14)
        axes.text(x + 0.5, y + 0.5, words, fontsize=SMALL + 1, linespacing=1.0, **text)
        verdict = textwrap.fill(verdict, 16)
        axes.text(x + 0.5, y + 0.77, verdict, fontsize=SMALL - 1, linespacing=1.0, **text)
    axes.set(xlim=(0, COLUMNS), ylim=(lines, 0))
    axes.set(xticks=[], yticks=[])
    axes.set_axis_off()
    facts = (f"{claim} {short}: {verdict}" for claim, short, _, verdict in rows)
    return style.chart(figure, "Board of verdicts", title, facts, caption)
