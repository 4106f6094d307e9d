"""What the lessons need: what this machine has of it, which stand-ins there are, what a kit contains.

The doctor shows in a small table what was found, and the remedy for what is missing. It repairs nothing
and starts nothing.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from helpers import bases, engine, exercises
from helpers.bases import Base, Source, official
from helpers.buildx import dockerfile
from helpers.claims import Size, support
from helpers.engine import Engine
from helpers.host import paths, tables
from helpers.host.errors import WorkbookError
from helpers.host.tables import MB
from helpers.image.image import Image
from helpers.lesson import languages, own
from helpers.measure import sample

if TYPE_CHECKING:
    import pandas as pd

# The lesson on pinning publishes these images under a tag that it moves, and builds on their Node lines.
PUBLISHED = ("node:20.18.0-bookworm-slim", "node:20.19.5-bookworm-slim")
LINES = (20, 22, 24, 26)
# Bases, builds and their cache for all lessons: 15 GB in the older image store, 21 GB in containerd's.
NEEDED_BYTES = 25_000_000_000


@dataclass(frozen=True)
class Finding:
    """The result of one check: what was found, whether it is good enough, and otherwise the remedy."""

    what: str
    found: str
    ok: bool
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """The results of `check`; ``ok`` is True when every lesson can run."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is missing."""
        return all(finding.ok for finding in self.findings)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each finding."""
        rows = [(f.what, "ok" if f.ok else "missing", f.found, f.remedy) for f in self.findings]
        return tables.frame(rows, columns=["what", "state", "found", "what to do"])

    def __repr__(self) -> str:
        rows = [
            f"{'✓' if f.ok else '✗'} {f.what:<16} {f.found}" + (f"\n  → {f.remedy}" if f.remedy else "")
            for f in self.findings
        ]
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        rows = [
            (f"{'✓' if f.ok else '✗'} {f.what}", f.found, f.remedy and f"→ {f.remedy}")
            for f in self.findings
        ]
        return tables.html_of(rows, named=True)


def check() -> Report:
    """Look at Python, the engine, buildx, the disk and the base images."""
    findings = [Finding("Python", platform.python_version(), ok=True)]
    try:
        found = engine.find()
    except WorkbookError as error:
        findings.append(Finding("Docker", "no engine to build with", ok=False, remedy=str(error)))
        return Report(tuple(findings))
    findings += [_engine(found), Finding("buildx", found.buildx, ok=True), _disk(found)]
    findings += [_look(name, found) for name in bases.ARTICLE]
    findings.append(_checked("results folder", lambda: paths.state().name))
    return Report(tuple(findings))


def _engine(found: Engine) -> Finding:
    kind = "private engine of this checkout" if found.private else "your engine"
    text = f"{found.version} on linux/{found.architecture}, {found.store} store ({kind})"
    return Finding("Docker Engine", text, ok=True)


def _disk(found: Engine) -> Finding:
    free = found.free_bytes
    if free is None:
        return Finding("engine's disk", "not on this machine, so not looked at", ok=True)
    text = f"{free / 1e9:,.0f} GB free"
    if free >= NEEDED_BYTES:
        return Finding("engine's disk", text, ok=True)
    remedy = "Free some room: all lessons need about 25 GB (`docker system df` shows what takes it)."
    return Finding("engine's disk", text, ok=False, remedy=remedy)


def _look(name: str, found: Engine) -> Finding:
    base = bases.find(name, found)
    if base is not None:
        today = datetime.now(UTC).date()
        ended = [line.phrase(today) for line in support.lines_of(name) if not line.supported(today)]
        return Finding(f"base {name}", "; ".join([base.note, *ended]), ok=True)
    remedy = "Run `make bases` to prepare it now; else the first build that needs it does."
    return Finding(f"base {name}", "not here yet", ok=True, remedy=remedy)


def _checked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, look(), ok=True)
    except WorkbookError as error:
        return Finding(what, "not usable", ok=False, remedy=str(error))


# The images of a kit


def base_images() -> list[str]:
    """Return the base images of all Dockerfiles, including those of the exercises, each once."""
    texts = [text for exercise in exercises.CATALOGUE for text in exercise.dockerfiles()]
    tried = [name for text in texts for name in dockerfile.parse(text).base_images()]
    own_names = [*own.base_images(), *languages.base_images()]
    return list(dict.fromkeys([*sample.base_images(), *own_names, *tried]))


def carried_images() -> list[str]:
    """Return the images in a kit: the bases, the images that lesson 06 moves to, and a registry."""
    from helpers.bases import local_registry
    from helpers.lesson import pins

    text = sample.dockerfile("recommended").read_text()
    moved = [dockerfile.parse(pins.moved(text, line)) for line in LINES]
    names = [name for file in moved for name in file.base_images()]
    return list(dict.fromkeys([*base_images(), *PUBLISHED, *names, local_registry.IMAGE]))


# Stand-ins beside the official images


def standin_size(image: Image) -> Size:
    """Return a stand-in's sizes, without the layer that adds this host's settings."""
    layers = [layer for layer in image.facts().layers if "stand-in: " in layer.instruction]
    return Size(sum(x.uncompressed_bytes for x in layers), sum(x.compressed_bytes for x in layers))


def standins() -> pd.DataFrame:
    """Return one row for each stand-in that the article's files use here, beside the official image.

    Sizes are in MB (10^6 bytes), NaN when none is published. A real image in the engine has no row.
    """
    found = bases.resolve(bases.ARTICLE, engine.find())
    rows = [_beside(base) for base in found if base.source is Source.STAND_IN]
    columns = ["stands for", "compressed MB", "official", "uncompressed MB", "official, on disk"]
    return tables.frame(rows, columns=columns)


def _beside(base: Base) -> tuple[str, float, float, float, float]:
    size = standin_size(Image(engine.find(), base.reference))
    known = official.images().get(base.name)
    wire, disk = (known.compressed, known.on_disk) if known else (None, None)
    none = float("nan")
    return (
        base.name,
        size.compressed / MB,
        wire / MB if wire else none,
        size.uncompressed / MB,
        disk / MB if disk else none,
    )
