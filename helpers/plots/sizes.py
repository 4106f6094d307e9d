"""Charts of image sizes: beside the article's claims, layer by layer, and what could be left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from helpers.plots import style
from helpers.plots.style import (
    BASE,
    KEPT,
    LEFT,
    ON_DISK,
    ON_WIRE,
    OWN,
    RUST,
    SMALL,
    VERMILION,
    Chart,
    mb,
    mb_range,
    short,
)

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
    """Draw each variant's two sizes; ``claims`` gives the article's range in MB for each variant.

    Columns: variant, uncompressed MB, compressed MB.
    """
    claims = claims or {}
    rows = [(str(r["variant"]), r["uncompressed MB"], r["compressed MB"]) for _, r in frame.iterrows()]
    title = title or _sizes_title(rows)
    figure, (axes,) = style.sheet(2.6 + 1.15 * len(rows), title, caption)
    limit = max([*(disk for _, disk, _ in rows), *(high for _, high in claims.values())])
    axes.set_xlim(0, 1.28 * limit)
    axes.set_xlabel("size in MB")
    for at, (variant, disk, wire) in enumerate(rows):
        for offset, value, look, word in (
            (0.0, disk, ON_DISK, "uncompressed"),
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
        f"{n} {mb(d)} uncompressed, {mb(w)} compressed{s}"
        for (n, d, w), s in zip(rows, said, strict=True)
    )
    return style.chart(figure, "Bar chart of image sizes", title, facts, caption)


def _sizes_title(rows: list[tuple[str, float, float]]) -> str:
    large, small = max(rows, key=lambda row: row[1]), min(rows, key=lambda row: row[1])
    if len(rows) == 1:
        return f"{large[0]}: {mb(large[1])} uncompressed, {mb(large[2])} compressed"
    times = large[1] / small[1]
    return (
        f"{small[0]} is {times:.1f}x smaller than {large[0]}: {mb(small[1])} instead of {mb(large[1])}"
    )


def _claim(axes: Axes, at: int, low: float, high: float, limit: float) -> None:
    """Mark the article's range across a variant's bars, and write the range above them."""
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
    """Return the place of a bar's label: at its end, or after the article's mark if they overlap."""
    if claim and value < claim[1] and value + 0.25 * limit > claim[0]:
        return claim[1]
    return value


@style.in_house_style
def layers(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw one image's layers in the order of its instructions; the base's layers look different.

    Columns: instruction, uncompressed MB, from base.
    """
    names = [str(name) for name in frame["instruction"]]
    values = [float(value) for value in frame["uncompressed MB"]]
    base = [bool(flag) for flag in frame["from base"]]
    top = max(range(len(values)), key=values.__getitem__)
    total = sum(values)
    title = title or (
        f"One layer holds {mb(values[top])} of the image's {mb(total)}: {short(names[top], 40)}"
    )
    figure, (axes,) = style.sheet(2.2 + 0.52 * len(values), title, caption)
    for at, value in enumerate(values):
        axes.barh(at, value, height=0.72, **(BASE if base[at] else OWN).fill())
        style.value(axes, value, at, mb(value))
    axes.set_xlim(0, 1.16 * max(values) or 1)
    axes.set_xlabel("uncompressed size of the layer in MB")
    style.name_steps(axes, names, 36)
    parts = {
        flag: sum(v for v, b in zip(values, base, strict=True) if b is flag) for flag in (True, False)
    }
    style.key(
        axes,
        [
            (f"base image: {mb(parts[True])}", BASE),
            (f"the Dockerfile's own: {mb(parts[False])}", OWN),
        ],
    )
    facts = (
        f"{name} {mb(value)}{' (base)' if b else ''}"
        for name, value, b in zip(names, values, base, strict=True)
    )
    return style.chart(figure, "Bar chart of an image's layers", title, facts, caption)


@style.in_house_style
def spare(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw an image's bytes by kind; the kinds that a final stage would not need look different.

    Columns: what, MB, spare. The spare bytes are a lower bound, and the title says so.
    """
    rows = [(str(r["what"]), float(r["MB"]), bool(r["spare"])) for _, r in frame.iterrows()]
    total = sum(value for _, value, _ in rows)
    left = sum(value for _, value, is_spare in rows if is_spare)
    title = title or f"A final stage would do without at least {mb(left)} of these {mb(total)}"
    figure, (axes,) = style.sheet(2.4 + 0.75 * len(rows), title, caption)
    for at, (_, value, is_spare) in enumerate(rows):
        axes.barh(at, value, height=0.7, **(LEFT if is_spare else KEPT).fill())
        style.value(axes, value, at, mb(value))
    axes.set_xlim(0, 1.16 * max(value for _, value, _ in rows) or 1)
    axes.set_xlabel("uncompressed size in MB")
    style.name_rows(axes, [name for name, _, _ in rows])
    style.key(axes, [("not needed at run time, by kind", LEFT), ("not told apart", KEPT)])
    facts = (f"{name} {mb(value)}{' (spare)' if is_spare else ''}" for name, value, is_spare in rows)
    return style.chart(figure, "Bar chart of what an image could do without", title, facts, caption)


@style.in_house_style
def languages(frame: pd.DataFrame, caption: str = "", title: str = "") -> Chart:
    """Draw the two sizes of each image, and beside them how many times smaller it is than the first.

    Columns: language, image, uncompressed MB, compressed MB. The first image of each language is the one
    that its others are compared with.
    """
    rows = [
        (str(r["language"]), str(r["image"]), float(r["uncompressed MB"]), float(r["compressed MB"]))
        for _, r in frame.iterrows()
    ]
    firsts: dict[str, tuple[float, float]] = {}
    for language, _, disk, wire in rows:
        firsts.setdefault(language, (disk, wire))
    factors = [(firsts[name][0] / disk, firsts[name][1] / wire) for name, _, disk, wire in rows]
    best = {name: disk for (name, *_), (disk, _) in zip(rows, factors, strict=True)}
    title = title or "Smaller on disk: " + ", ".join(f"{name} {x:.1f}x" for name, x in best.items())
    figure, (axes,) = style.sheet(2.2 + 0.72 * len(rows), title, caption)
    for at, ((_, _, *both), times) in enumerate(zip(rows, factors, strict=True)):
        places = ((-0.17, ON_DISK), (0.2, ON_WIRE))
        for size, factor, (offset, look) in zip(both, times, places, strict=True):
            axes.barh(at + offset, size, height=0.33, **look.fill())
            smaller = "" if factor == 1 else f", {factor:.1f}x smaller"
            style.value(axes, size, at + offset, mb(size) + smaller, bold=bool(smaller))
    axes.set_xlim(0, 1.16 * max(disk for _, _, disk, _ in rows))
    axes.set_xlabel("size of the image in MB")
    style.name_rows(axes, [f"{language}: {image}" for language, image, _, _ in rows])
    style.key(axes, [("uncompressed, on disk", ON_DISK), ("compressed, on the wire", ON_WIRE)])
    facts = (
        f"{language} {image} {mb(disk)} uncompressed, {mb(wire)} compressed"
        for language, image, disk, wire in rows
    )
    return style.chart(figure, "Bar chart of images by language", title, facts, caption)
