"""The verbs of lesson 14: the same API in other languages, before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import buildx, claims, plots
from helpers.bases import BaseError
from helpers.buildx import BuildResult, Request, dockerfile, live
from helpers.claims import Judgement, Size, Tools
from helpers.engine import container as containers
from helpers.host import tables, workspace
from helpers.host.tables import MB
from helpers.host.workspace import Workspace
from helpers.image import attack_surface
from helpers.lesson import verbs
from helpers.measure import apps
from helpers.measure.apps import contract
from helpers.measure.apps.contract import REQUESTS
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Code

NOT_MEASURED = "not measured here"
_copies: dict[str, Workspace] = {}


@dataclass(frozen=True)
class Skipped:
    """An image that cannot be built on this machine, and the reason in a sentence."""

    name: str
    reason: str

    def __repr__(self) -> str:
        return f"{self.name}: {NOT_MEASURED}. {self.reason}"


Image = BuildResult | Skipped


def app(language: str) -> Workspace:
    """Return the working copy of the app in ``go`` or ``python``; the first call makes it."""
    if language not in _copies:
        _copies[language] = workspace.copy(apps.FOLDER / language)
    return _copies[language]


def base_images() -> list[str]:
    """Return the base images of the apps' Dockerfiles, each once."""
    files = sorted(apps.FOLDER.glob("*/dockerfiles/*.Dockerfile"))
    return list(dict.fromkeys(name for file in files for name in dockerfile.read(file).base_images()))


def show(language: str, variant: str) -> Code:
    """Show a Dockerfile of the app in a language."""
    from IPython.display import Code

    return Code(filename=str(_file(language, variant)), language="docker")


def build(language: str, variant: str) -> Image:
    """Build a Dockerfile of the app in a language live, and return what came out.

    Where a base can neither be pulled nor composed, the image is skipped. Raises the errors of
    `helpers.buildx.build`.
    """
    name = f"{language}-{variant}"
    request = Request(_file(language, variant), app(language).path, f"workbook/{name}")
    try:
        with live.watcher(name) as watch:
            return buildx.build(request, watch)
    except BaseError as error:
        return Skipped(name, str(error))


def _file(language: str, variant: str) -> Path:
    return app(language).path / "dockerfiles" / f"{variant}.Dockerfile"


def kept(*images: Image) -> pd.DataFrame:
    """Put the contract's requests to each image, and return how many answers are like the first one's.

    Raises `ContainerError` when an image does not start.
    """
    rows: list[tuple[str, Any, Any]] = []
    said = None
    for image in images:
        if isinstance(image, Skipped):
            rows.append((image.name, NOT_MEASURED, NOT_MEASURED))
            continue
        with containers.running(image.image_id, engine=image.engine) as api:
            answers = contract.transcript(api)
        said = said or answers
        rows.append(
            (verbs.label(image), len(REQUESTS), len(REQUESTS) - len(contract.broken(answers, said)))
        )
    return tables.frame(rows, columns=["image", "requests", "answered alike"])


def outside(*images: Image) -> pd.DataFrame:
    """Ask the Go program in each image what it finds outside itself."""
    rows = []
    for image in _built(*images):
        entry = () if image.image.config.get("Entrypoint") else ("server",)
        ran = containers.finished(image.image_id, *entry, "outside", engine=image.engine)
        found = json.loads(ran.output)
        zones = "yes" if found["timeZones"] else "no"
        rows.append((verbs.label(image), found["certificates"], zones, found["user"]))
    return tables.frame(rows, columns=["image", "authorities it trusts", "knows time zones", "runs as"])


def _built(*images: Image) -> list[BuildResult]:
    return [image for image in images if isinstance(image, BuildResult)]


@dataclass(frozen=True)
class Course:
    """The images of each language: the naive one first, then the others; the last is the one to ship."""

    images: Mapping[str, tuple[Image, ...]]

    @property
    def measured(self) -> dict[str, tuple[BuildResult, ...]]:
        """The languages whose images were all built."""
        built = {name: tuple(_built(*images)) for name, images in self.images.items()}
        return {name: images for name, images in built.items() if len(images) == len(self.images[name])}

    @property
    def results(self) -> tuple[BuildResult, ...]:
        """The images of all languages that were built."""
        return tuple(image for images in self.measured.values() for image in images)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each image: its sizes in MB, and how many times smaller it is."""
        columns = ["language", "image", "uncompressed MB", "compressed MB", "x smaller", "x compressed"]
        return tables.frame(list(self._rows()), columns=columns)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for language, images in self.images.items():
            first = images[0]
            for image in images:
                if isinstance(image, Skipped) or isinstance(first, Skipped):
                    name = image.name if isinstance(image, Skipped) else _variant(image)
                    yield (language, name, *(NOT_MEASURED,) * 4)
                    continue
                own, naive = verbs.size(image), verbs.size(first)
                yield (
                    language,
                    _variant(image),
                    own.uncompressed / MB,
                    own.compressed / MB,
                    naive.uncompressed / own.uncompressed,
                    naive.compressed / own.compressed,
                )

    def _repr_html_(self) -> str:
        return str(self.to_frame().round(1).to_html(index=False, border=0))

    def __repr__(self) -> str:
        return self.to_frame().round(1).to_string(index=False)


def _variant(image: BuildResult) -> str:
    return verbs.label(image).rpartition("-")[2]


def course(**images: tuple[Image, ...]) -> Course:
    """Return the images by language, such as ``Go=(naive, scratch)``."""
    return Course(images)


def chart(measured: Course) -> Chart:
    """Draw the images before and after, language by language."""
    frame = measured.to_frame()
    frame = frame[frame["language"].isin(measured.measured)]
    return plots.languages(frame, caption=verbs.conditions(*measured.results))


def ten_times(measured: Course) -> Judgement:
    """Judge L1 by the naive image and the last one of each language."""
    sizes: dict[str, tuple[Size, Size]] = {
        name: (verbs.size(images[0]), verbs.size(images[-1]))
        for name, images in measured.measured.items()
    }
    return verbs.verdict(claims.smaller_by_language(sizes), *measured.results)


def tools(measured: Course) -> pd.DataFrame:
    """Return one row for each image: what is in it to build or to install something with."""
    rows = []
    for language, images in measured.measured.items():
        for image in images:
            found = _tools(image)
            counts = (len(found.compilers), len(found.package_managers), len(found.shells))
            names = [path.rpartition("/")[2] for path in (*found.compilers, *found.package_managers)]
            some = ", ".join(dict.fromkeys(names)) or "none"
            rows.append((language, _variant(image), *counts, some))
    columns = ["language", "image", "compilers", "package managers", "shells", "compilers and managers"]
    return tables.frame(rows, columns=columns)


def build_image_left_behind(measured: Course) -> Judgement:
    """Judge L2 by the naive image and the last one of each language."""
    found = {name: (_tools(images[0]), _tools(images[-1])) for name, images in measured.measured.items()}
    return verbs.verdict(claims.build_image_left_behind(found), *measured.results)


def _tools(image: BuildResult) -> Tools:
    files = image.image.files
    return Tools(
        attack_surface.compilers(files),
        attack_surface.package_managers(files),
        attack_surface.shells(files),
    )


def times_smaller(measured: Course, language: str) -> float:
    """Return how many times smaller the last image of a language is on disk than its naive one."""
    images = measured.measured.get(language)
    if images is None:
        return float("nan")
    return images[0].uncompressed_bytes / images[-1].uncompressed_bytes
