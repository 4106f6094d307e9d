"""Images' sizes beside what the article says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import ON_DISK, ON_WIRE, RUST, SMALL, VERMILION, Chart, mb, mb_range

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@style.in_house_style
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
    figure, (axes,) = style.sheet(2.6 + 1.15 * len(rows), title, caption)
    limit = max([*(disk for _, disk, _ in rows), *(high for _, high in claims.values())])
    axes.set_xlim(0, 1.24 * limit)
    axes.set_xlabel("size in MB")
    for at, (variant, disk, wire) in enumerate(rows):
        for offset, value, look, word in (
            (0.0, disk, ON_DISK, "on disk"),
            (0.29, wire, ON_WIRE, "compressed"),
        ):
            axes.barh(at + offset, value, height=0.27, **look.fill())
            style.value(
                axes,
                _beside(value, claims.get(variant), limit),
                at + offset,
                f"{mb(value)} {word}",
            )
        if variant in claims:
            _claim(axes, at, *claims[variant], limit)
    style.name_rows(axes, [row[0] for row in rows], center=0.02)
    said = (
        f"; the article says {mb_range(*claims[name])}" if name in claims else "" for name, *_ in rows
    )
    facts = (
        f"{n} {mb(d)} on disk, {mb(w)} compressed{s}" for (n, d, w), s in zip(rows, said, strict=True)
    )
    return style.chart(figure, "Bar chart of image sizes", title, facts, caption)


def _sizes_title(rows: list[tuple[str, float, float]]) -> str:
    large, small = max(rows, key=lambda row: row[1]), min(rows, key=lambda row: row[1])
    if len(rows) == 1:
        return f"{large[0]}: {mb(large[1])} on disk, {mb(large[2])} compressed"
    times = large[1] / small[1]
    return (
        f"{small[0]} is {times:.1f}x smaller than {large[0]}: {mb(small[1])} instead of {mb(large[1])}"
    )


def _claim(axes: Axes, at: int, low: float, high: float, limit: float) -> None:
    """Mark what the article says across a variant's bars, its words above them."""
    top, bottom = at - 0.42, at + 0.46
    axes.fill_between([low, high], top, bottom, color=VERMILION, alpha=0.2, linewidth=0, zorder=0.5)
    axes.vlines(sorted({low, high}), top, bottom, color=VERMILION, linewidth=2.5, zorder=4)
    right = low > 0.6 * limit
    axes.annotate(
        f"the article says {mb_range(low, high)}",
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
