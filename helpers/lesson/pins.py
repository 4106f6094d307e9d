"""The verbs of lesson 06: build on a tag or a digest, try an image, find its Node, move a pin."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from helpers import bases, buildx, plots
from helpers.buildx import BuildError, BuildResult, Request, live
from helpers.buildx import dockerfile as dockerfiles
from helpers.claims import PinTest, support
from helpers.claims.pins import release_line_of
from helpers.claims.support import Line
from helpers.engine import ContainerError
from helpers.engine import container as containers
from helpers.host import tables
from helpers.host.tables import MB
from helpers.lesson import verbs
from helpers.measure import pins
from helpers.measure.pins import Pin, Registry
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd

ARGUMENT = "NODE"  # an argument of the Dockerfile `pinned`
LAST_ON_BOOKWORM = 20  # distroless had this line of Node only on Debian 12
FIRST_SHOWN = date(2026, 1, 1)  # lines that ended earlier are not shown
_FRAME = re.compile(r"^\s+at .*\n?", re.MULTILINE)


def registry() -> Registry:
    """Start an empty registry on this machine's loopback, for as long as the notebook runs."""
    return Registry()


def build(label: str, image: str, shelf: Registry) -> BuildResult:
    """Build the Dockerfile `pinned` on an image of the registry, by tag or by digest."""
    arguments = {ARGUMENT: f"{shelf.address}/{image}"}
    request = replace(verbs.request("pinned"), tag=f"workbook/{label}", build_args=arguments)
    return _build(request, shelf)


def build_file(name: str, shelf: Registry, *, target: str | None = None) -> BuildResult:
    """Build a Dockerfile whose bases are in the registry; ``target`` stops at a stage."""
    return _build(verbs.request(name, target=target), shelf)


@dataclass(frozen=True)
class Refusal:
    """The builder's refusal of a base image; ``sentence`` is None when the build succeeded."""

    sentence: str | None

    def __repr__(self) -> str:
        return self.sentence or "It was not refused: the image was built."


def refusal(image: str, shelf: Registry) -> Refusal:
    """Build on an image with a digest that should be refused, and return the builder's sentence.

    A build that fails for any other reason raises its error.
    """
    arguments = {ARGUMENT: f"{shelf.address}/{image}"}
    request = replace(verbs.request("pinned"), tag="workbook/refused", build_args=arguments)
    try:
        buildx.build(_given(request, shelf), engine=shelf.engine)
    except BuildError as error:
        if f"{image.partition('@')[2]}: not found" not in str(error):
            raise
        return Refusal(str(error))
    return Refusal(None)


def _build(request: Request, shelf: Registry) -> BuildResult:
    with live.watcher(request.tag.removeprefix("workbook/")) as watch:
        return buildx.build(_given(request, shelf), watch, shelf.engine)


def _given(request: Request, shelf: Registry) -> Request:
    """Return the request with its bases; the builder itself pulls those that are in the registry."""
    names = dockerfiles.read(request.dockerfile, request.build_args).base_images(request.target)
    found = [shelf.base(name) or bases.resolve([name], shelf.engine)[0] for name in names]
    return replace(request, bases=tuple(found))


def nodes(*results: BuildResult) -> pd.DataFrame:
    """Return one row for each image: the base of its last stage, and the Node that runs inside."""
    rows = [(verbs.label(r), _shortened(r.bases[-1].name), node_of(r)) for r in results]
    return tables.frame(rows, columns=["image", "FROM", "Node inside"])


def node_of(result: BuildResult) -> str:
    """Return the version of Node in an image, as Node itself reports it in a container."""
    return pins.runtime(result.image_id, result.engine).node


def tested(
    by_tag: tuple[BuildResult, BuildResult],
    by_digest: tuple[BuildResult, BuildResult],
    refused: Refusal,
) -> PinTest:
    """Return the figures of the builds before and after the tag moved, for the rule of the claim."""
    tag_before, tag_after = map(node_of, by_tag)
    digest_before, digest_after = map(node_of, by_digest)
    return PinTest((tag_before, tag_after), (digest_before, digest_after), refused.sentence is not None)


def _shortened(name: str) -> str:
    """Return a name with only the beginning of its digest, as Docker prints it."""
    return re.sub(r"(@sha256:[0-9a-f]{12})[0-9a-f]+", r"\1…", name)


def stages(result: BuildResult) -> pd.DataFrame:
    """Return one row for each stage built from an image: its base, and what a native module must fit."""
    references = {base.name: base.reference for base in result.bases}
    rows = []
    for stage in (stage for stage in result.dockerfile.stages if stage.base in references):
        found = pins.runtime(references[stage.base], result.engine)
        rows.append((stage.label, stage.base, found.node, found.abi, found.libc))
    return tables.frame(rows, columns=["stage", "FROM", "Node", "module version", "C library"])


@dataclass(frozen=True)
class Trial:
    """Whether an image's API answered; otherwise the exit code of its container, and its log.

    ``log`` leaves out the frames of stack traces.
    """

    image: str
    exit_code: int | None = None
    log: str = ""

    @property
    def ran(self) -> bool:
        """Whether the API answered."""
        return self.exit_code is None

    def __repr__(self) -> str:
        if self.ran:
            return f"{self.image} runs: its API answered every request."
        return f"{self.image} stopped with exit code {self.exit_code}. Its log:\n\n{self.log}"


def trial(result: BuildResult) -> Trial:
    """Run an image and use its API; if the container stops by itself, return its exit code and log."""
    try:
        verbs.try_out(result)
    except ContainerError:
        done = containers.finished(result.image_id, engine=result.engine)
        return Trial(verbs.label(result), done.exit_code, without_frames(done.output))
    return Trial(verbs.label(result))


def without_frames(log: str) -> str:
    """Return a log without the frames of its stack traces and without blank lines at both ends."""
    return _FRAME.sub("", log).strip()


def write(name: str, pin: Pin) -> str:
    """Write the Dockerfile `pinned` with this pin, and return the file's path.

    The file lies beside the working copy. So it is not part of a build context, and changes no cache.
    """
    return _written(name, pins.repin(verbs.text("pinned"), ARGUMENT, str(pin)))


def _written(name: str, text: str) -> str:
    file = verbs.app().path.parent / f"{name}.Dockerfile"
    file.write_text(text, encoding="utf-8")
    return str(file)


def on_line(number: int) -> BuildResult:
    """Build the recommended Dockerfile with the same line of Node in all stages."""
    return verbs.build(_written(f"node_{number}", moved(verbs.text("recommended"), number)))


def moved(text: str, number: int) -> str:
    """Return a Dockerfile with every base on another line of Node.

    If distroless never had that line of Node on the named Debian, the line of Debian changes too.
    """
    moved = re.sub(r"^(FROM .*node(?:js|:))\d+", rf"\g<1>{number}", text, flags=re.MULTILINE)
    if number > LAST_ON_BOOKWORM:
        return moved
    return moved.replace("debian13", "debian12").replace("-trixie", "-bookworm")


def schedule(*products: str, on: date | None = None) -> pd.DataFrame:
    """Return one row for each release line: its release, last day of fixes, and months that are left.

    ``products`` may be ``Node``, ``Debian`` and ``Alpine``. Lines that ended before `FIRST_SHOWN` are
    left out.
    """
    on = on or _today()
    rows = [
        (x.product, x.name, x.released, x.end, x.extended or "", x.months_left(on))
        for product in products
        for x in support.lines(product)
        if x.end and x.end >= FIRST_SHOWN
    ]
    columns = ["of", "line", "released", "fixes until", "long-term support until", "months left"]
    return tables.frame(rows, columns=columns)


def ended(*results: BuildResult, on: date | None = None) -> list[Line]:
    """Return the release lines in the images' bases that no longer get fixes, today or on day ``on``."""
    return support.ended((base.name for result in results for base in result.bases), on or _today())


def _today() -> date:
    return datetime.now(UTC).date()


def chart_lines(*results: BuildResult) -> Chart:
    """Draw each image's size, beside the months of support that its Node and Debian have left.

    The base of an image's last stage names its Debian.
    """
    rows = []
    for result in results:
        node, size, day = release_line_of(node_of(result)), verbs.size(result), result.started.date()
        (debian,) = (x for x in support.lines_of(result.bases[-1].name) if x.product == "Debian")
        left = node.months_left(day), debian.months_left(day)
        rows.append((str(node), str(debian), *left, size.uncompressed / MB, size.compressed / MB))
    columns = ["Node", "Debian", "months of Node", "months of Debian"]
    columns += ["uncompressed MB", "compressed MB"]
    return plots.lines(tables.frame(rows, columns=columns), caption=verbs.conditions(*results))
