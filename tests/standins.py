"""Write docs/standins.md: each stand-in beside the official image, and the size claims on official bases.

``python -m tests.standins`` measures on the engine here; official figures come from `official`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from helpers import bases, claims, engine
from helpers.bases import official
from helpers.bases.official import Official
from helpers.claims import Judgement, Size
from helpers.engine import Engine
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.tables import MB
from helpers.image.image import Image
from helpers.lesson import setup, verbs

PAGE = paths.ROOT / "docs/standins.md"
OTHERS = ("node:24-trixie-slim", "gcr.io/distroless/nodejs20-debian12")
OTHERS += ("gcr.io/distroless/nodejs24-debian13:nonroot", "node:26-trixie-slim")
OTHERS += ("gcr.io/distroless/nodejs26-debian13:nonroot",)
VARIANTS = ("naive", "alpine", "distroless", "distroless_pruned")
UNTOLD = "not published"


@dataclass(frozen=True)
class StandIn:
    """A stand-in as it was measured here: its Node, its sizes without this host's settings."""

    name: str
    node: str
    size: Size
    packages: int


def measure(names: Iterable[str], where: Engine) -> list[StandIn]:
    """Return the stand-ins for ``names``; each is made if it is not here."""
    found = []
    for base in bases.resolve(names, where):
        if base.source is not bases.Source.STAND_IN:
            raise WorkbookError(f"{base.name} is the real image here; set WORKBOOK_STANDINS=only.")
        image = Image(where, base.reference)
        packages = len(image.packages.packages)
        found.append(StandIn(base.name, base.node or "", setup.standin_size(image), packages))
    return found


def above_bases(names: Iterable[str]) -> dict[str, Size]:
    """Build variants and return by name what each adds to the base that it ends on."""
    above = {}
    for name in names:
        built = verbs.build(name)
        base = Image(built.engine, built.bases[-1].reference)
        full, packed = built.uncompressed_bytes, built.compressed_bytes
        above[name] = Size(full - base.uncompressed_bytes, packed - base.compressed_bytes)
    return above


def judge(above: Mapping[str, Size], base_sizes: Mapping[str, Size]) -> dict[str, Judgement]:
    """Judge the size claims on images that are those bases and what the app adds to them."""
    ends_on = dict(zip(VARIANTS, (*bases.ARTICLE, bases.ARTICLE[-1]), strict=True))
    naive, alpine, as_written, pruned = (
        Size(
            above[name].uncompressed + base_sizes[ends_on[name]].uncompressed,
            above[name].compressed + base_sizes[ends_on[name]].compressed,
        )
        for name in VARIANTS
    )
    judged = (
        claims.naive_size(naive),
        claims.alpine_size(naive, alpine),
        claims.distroless_size(alpine, as_written, pruned),
        claims.title_sizes(naive, pruned),
    )
    return {one.claim: one for one in judged}


def on_official(standins: Mapping[str, Size]) -> dict[str, Size]:
    """Return the article's bases by their published sizes; where none is published, the stand-in's."""
    known = official.images()
    return {
        name: replace(
            standins[name],
            **{
                what: value
                for what, value in (
                    ("uncompressed", known[name].on_disk if name in known else None),
                    ("compressed", known[name].compressed if name in known else None),
                )
                if value
            },
        )
        for name in bases.ARTICLE
    }


def page(standins: Iterable[StandIn], above: Mapping[str, Size], conditions: str) -> str:
    """Return the text of docs/standins.md."""
    found = {one.name: one for one in standins}
    sizes = {name: one.size for name, one in found.items()}
    here, there = judge(above, sizes), judge(above, on_official(sizes))
    return "\n".join([*_head(conditions), *_compared(found), *_verdicts(here, there), *_sources()])


def _head(conditions: str) -> Iterator[str]:
    yield "# Stand-ins beside the official images\n"
    yield (
        "Where no registry can be reached, the workbook composes stand-ins from registries of packages. "
        "A stand-in is never called official. This page holds each beside the image that it stands for. "
        "`make standins` writes it.\n"
    )
    yield f"Measured {conditions}. The official figures are published ones, listed at the end.\n"


def _compared(found: Mapping[str, StandIn]) -> Iterator[str]:
    known = official.images()
    yield "| stands for | compressed | official | uncompressed | official, on disk | packages | official |"
    yield "|---|---|---|---|---|---|---|"
    for name, one in found.items():
        told = known.get(name)
        wire = _against(one.size.compressed, told and told.compressed)
        disk = _against(one.size.uncompressed, told and told.on_disk)
        packages = told.packages if told and told.packages else UNTOLD
        yield f"| `{name}` | {wire} | {disk} | {one.packages} | {packages} |"
    yield "\nWhat differs, and why:\n"
    for name in found:
        if told := known.get(name):
            yield f"- `{name}` is held against Node {told.node} of {told.of}. {_sentence(told.differs)}"
    yield (
        "- Of distroless no size is published. Its stand-ins hold the packages that its build files name, "
        "and Node's binary."
    )
    yield (
        "- Packages are those that a scanner finds in the records of dpkg or apk. Node, npm, corepack and "
        "Yarn are none. The layer with this host's settings, where there is one, is not counted.\n"
    )


def _against(bytes_here: int, published: int | None) -> str:
    here = f"{bytes_here / MB:,.1f} MB"
    if not published:
        return f"{here} | {UNTOLD}"
    return f"{here} | {published / MB:,.1f} MB ({bytes_here / published - 1:+.1%})"


def _verdicts(here: Mapping[str, Judgement], there: Mapping[str, Judgement]) -> Iterator[str]:
    yield "## What the size claims would be on the official images\n"
    yield (
        "The layers above the base, measured here, are added to the published size of the official base. "
        "Where none is published (distroless), the stand-in's own size is taken.\n"
    )
    yield "| claim | on stand-ins | on official bases | figures on official bases |"
    yield "|---|---|---|---|"
    for claim, one in here.items():
        other = there[claim]
        yield f"| **{claim}** | {one.verdict} | {other.verdict} | {other.figures} |"
    said = differing(here, there)
    yield f"\n{said}\n"
    yield (
        "**S2** counts what an image carries, not how much of it: each passenger lies in the official base "
        "or in the layers above it, so its verdict is the same.\n"
    )


def differing(here: Mapping[str, Judgement], there: Mapping[str, Judgement]) -> str:
    """Say which verdicts would differ on the official bases, and why."""
    others = [claim for claim in here if here[claim].verdict is not there[claim].verdict]
    if not others:
        return "No verdict differs."
    return " ".join(
        f"**{claim}** would be *{there[claim].verdict}*, not *{here[claim].verdict}*: "
        f"{there[claim].figures}. {there[claim].because}"
        for claim in others
    )


def _sources() -> Iterator[str]:
    yield "## Sources of the official figures\n"
    for name, told in official.images().items():
        yield f"- `{name}`: {_listed(told)}"
    yield ""


def _listed(told: Official) -> str:
    return f"{'; '.join(told.sources)} (image of {told.of})"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def main() -> None:
    """Measure and write the page; exit with a sentence where a stand-in or a build cannot be had."""
    try:
        where = engine.find()
        standins = measure([*official.images(), *OTHERS], where)
        above = above_bases(VARIANTS)
    except WorkbookError as error:
        sys.exit(str(error))
    today = datetime.now(UTC).date()
    conditions = f"on {today}, Docker Engine {where.version}, linux/{where.architecture}"
    PAGE.write_text(page(standins, above, conditions), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(paths.ROOT)}")


if __name__ == "__main__":
    main()
