"""Match the steps of a build with the lines of its Dockerfile, and compute what each line cost.

When two stages have equal steps, BuildKit runs only one, and names it after one of the two stages; the
next build may choose the other. Here a step has the Dockerfile's own text, and the names of all its
stages in the file's order. Only ``COPY``, ``ADD`` and ``RUN`` count: ``WORKDIR`` just makes a folder,
and BuildKit takes it from the cache even with ``--no-cache``. This module builds and judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from helpers.buildx.dockerfile import Dockerfile, Instruction, Stage
from helpers.buildx.run import BuildResult
from helpers.buildx.stream import Step
from helpers.host import tables
from helpers.host.tables import MB

if TYPE_CHECKING:
    import pandas as pd

WORK = ("COPY", "ADD", "RUN")
_STEPS = {*WORK, "WORKDIR"}  # the instructions that become steps
_POSITION = re.compile(r"(\d+)/\d+\] ")
INSTALLS = re.compile(r"\bnpm (ci|i|install)\b")


@dataclass(frozen=True)
class Served:
    """A step with its ``text`` in the Dockerfile, all its ``stages``, and its first ``line``.

    ``started`` counts seconds from the begin of the build. For a cached step, ``started`` and
    ``seconds`` are 0.
    """

    stages: tuple[str, ...]
    text: str
    line: int
    cached: bool
    started: float
    seconds: float

    @property
    def stage(self) -> str:
        """The stages' names in one phrase; empty when the file has one stage."""
        return " + ".join(self.stages)

    @property
    def ended(self) -> float:
        """When the step ended, in seconds since the build began."""
        return self.started + self.seconds

    @property
    def installs(self) -> bool:
        """Whether the step installs npm packages."""
        return self.text.startswith("RUN") and INSTALLS.search(self.text) is not None


def of(result: BuildResult) -> list[Served]:
    """Return the steps of a build in the order of its Dockerfile; skipped steps are left out."""
    return served(result.steps, result.dockerfile, result.request.target)


def served(steps: Iterable[Step], parsed: Dockerfile, target: str | None = None) -> list[Served]:
    """Return the steps in the order of the Dockerfile, as `of` does."""
    steps = [step for step in steps if step.done and not step.error]
    begin = _begin(steps)
    uses: dict[str, list[tuple[str, Instruction]]] = {}
    for stage, instruction, step in _pairs(steps, parsed.needs(target)):
        if instruction.keyword in WORK:
            uses.setdefault(step.digest, []).append((stage.label, instruction))
    named = len(parsed.stages) > 1
    rows = [_row(step, uses[step.digest], begin, named=named) for step in steps if step.digest in uses]
    return sorted(rows, key=lambda row: row.line)


def in_order(result: BuildResult) -> list[Step]:
    """Return the steps that belong to lines of the Dockerfile, in the file's order, stage by stage.

    BuildKit may show a step twice when it shares the step with another build; the later one counts. That
    one has the stage name of the other build; in a file with one stage the name is removed.
    """
    stages = {stage.label: stage.index for stage in result.dockerfile.stages}

    def place(step: Step) -> tuple[int, int]:
        number = _POSITION.search(step.name)
        return stages.get(step.stage, 0), int(number[1]) if number else 0

    own = {place(step): step for step in result.steps if not step.internal}
    steps = [own[at] for at in sorted(own)]
    if len(stages) > 1:
        return steps
    return [replace(step, stage=step.stage if step.stage in stages else "") for step in steps]


def covered(rows: Iterable[Served]) -> float:
    """Return the seconds during which at least one of the steps ran."""
    total, reach = 0.0, 0.0
    for row in sorted(rows, key=lambda row: row.started):
        total += max(0.0, row.ended - max(row.started, reach))
        reach = max(reach, row.ended)
    return total


def line_costs(result: BuildResult) -> pd.DataFrame:
    """Return what each instruction of the build cost, one row for each, in the file's order.

    ``seconds`` is NaN when the line has no step (``FROM``, ``WORKDIR``, ``EXPOSE``), and 0 when its
    result came from the cache. ``in the image MB`` is the size of the line's layer, uncompressed, in
    10^6 bytes; for the last stage's ``FROM`` it is the size of all layers below. Lines of earlier stages
    have no bytes in the image, because only the last stage becomes the image.
    """
    parsed = result.dockerfile
    final = parsed.stage(result.request.target)
    seconds = {
        (stage, step.text): step.seconds
        for step in of(result)
        for stage in step.stages or (final.label,)
    }
    base, sizes = _sizes(result, len([i for i in final.instructions if i.keyword in _STEPS]))
    rows = []
    for stage in parsed.needs(result.request.target):
        rows.append((stage.label, f"FROM {stage.base}", float("nan"), base if stage is final else 0.0))
        for instruction in stage.instructions:
            line = _text(instruction)
            took = seconds.get((stage.label, line), float("nan"))
            size = sizes.pop(0) if stage is final and sizes and instruction.keyword in _STEPS else 0.0
            rows.append((stage.label, line, took, size))
    return tables.frame(rows, columns=["stage", "line", "seconds", "in the image MB"])


def _begin(steps: list[Step]) -> float:
    """Return the time at which this build began.

    A cached step, or one shared with another running build, may have much older times. The step that
    reads the Dockerfile always belongs to this build.
    """
    own = [step for step in steps if step.name.startswith("[internal] load build definition")]
    return min((step.started or 0.0 for step in own or steps), default=0.0)


def _row(step: Step, uses: list[tuple[str, Instruction]], begin: float, *, named: bool) -> Served:
    first = uses[0][1]
    return Served(
        stages=tuple(stage for stage, _ in uses) if named else (),
        text=_text(first),
        line=first.line,
        cached=step.cached,
        started=0.0 if step.cached else max(0.0, (step.started or 0.0) - begin),
        seconds=0.0 if step.cached else step.seconds or 0.0,
    )


def _text(instruction: Instruction) -> str:
    return " ".join([instruction.keyword, *instruction.flags, *instruction.value.split()])


def _pairs(steps: list[Step], stages: list[Stage]) -> Iterator[tuple[Stage, Instruction, Step]]:
    """Walk down each stage and pair its instructions with their steps."""
    ends: dict[str, str | None] = {}  # the last step of each stage or base image, by name
    for stage in stages:
        above = ends[stage.base] if stage.base in ends else _base(steps, stage.base)
        for instruction in stage.instructions:
            step = _find(steps, above, stage, instruction) if instruction.keyword in _STEPS else None
            if step:
                above = step.digest
                yield stage, instruction, step
        ends[stage.label] = above


def _base(steps: list[Step], image: str) -> str | None:
    """Return the step that fetches a base image, or the named context that replaces it."""
    for step in steps:
        name = step.name.partition("@sha256:")[0]
        fetched = step.instruction.startswith("FROM ") and name.endswith((f" {image}", f"/{image}"))
        if fetched or (name.startswith(f"[context {image}] ") and "load metadata" not in name):
            return step.digest
    return None


def _find(steps: list[Step], above: str | None, stage: Stage, instruction: Instruction) -> Step | None:
    """Return the step that fits in at least two of three: its input, its text, its stage's name.

    No single test is enough. Two stages may have the same text, and BuildKit shows some text differently
    from the file (a here-document). The stage's name fails for a merged step, and the input fails for
    ``COPY --link``.
    """
    fits = []
    for step in steps:
        if not step.internal and step.instruction.partition(" ")[0] == instruction.keyword:
            stands = above is not None and step.inputs[:1] == (above,)
            reads = " ".join(step.instruction.split()) == _text(instruction)
            bears = step.stage in ("", stage.label)
            fits.append((stands + reads + bears, step))
    score, best = max(fits, key=lambda fit: fit[0], default=(0, None))
    return best if score >= 2 else None


def _sizes(result: BuildResult, own: int) -> tuple[float, list[float]]:
    """Return the MB below the stage's own layers, and those of its ``own`` layers one by one."""
    layers = result.image.facts().layers
    sizes = [layer.uncompressed_bytes / MB for layer in layers]
    return sum(sizes[: len(sizes) - own]), sizes[len(sizes) - own :]
