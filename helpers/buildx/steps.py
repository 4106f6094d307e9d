"""Tell which lines of a Dockerfile each step of a build served, and what each line cost.

BuildKit does two equal steps of two stages once, and names what it did after either stage: after one in
a cold build, perhaps after the other in the next. Here a step bears the Dockerfile's own text and the
names of all the stages that it served, in the file's order. It looks at ``COPY``, ``ADD`` and ``RUN``:
``WORKDIR`` makes one folder, and BuildKit takes it from the cache even with ``--no-cache``. It builds
nothing and judges nothing.
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
_STEPS = {*WORK, "WORKDIR"}  # what BuildKit makes a step of
_POSITION = re.compile(r"(\d+)/\d+\] ")
INSTALLS = re.compile(r"\bnpm (ci|i|install)\b")


@dataclass(frozen=True)
class Served:
    """A step as the Dockerfile has it: its ``text``, all its ``stages``, its first ``line``.

    ``started`` is seconds since the build began; it and ``seconds`` are 0 for a step from the cache.
    """

    stages: tuple[str, ...]
    text: str
    line: int
    cached: bool
    started: float
    seconds: float

    @property
    def stage(self) -> str:
        """The stages' names in one phrase; empty for a file of one stage."""
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
    """Return the steps of a build in the order of its Dockerfile; those it did not need are absent."""
    return served(result.steps, result.dockerfile, result.request.target)


def served(steps: Iterable[Step], parsed: Dockerfile, target: str | None = None) -> list[Served]:
    """Return what each step served, see `of`."""
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
    """Return the steps that stand for lines of the Dockerfile, stage by stage, as they stand there.

    BuildKit may show a step twice, when it takes over the same step of another build; the later counts.
    It then bears the stage's name of that build; in a file of one stage that name goes.
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
    """Return the seconds in which at least one of the steps worked."""
    total, reach = 0.0, 0.0
    for row in sorted(rows, key=lambda row: row.started):
        total += max(0.0, row.ended - max(row.started, reach))
        reach = max(reach, row.ended)
    return total


def line_costs(result: BuildResult) -> pd.DataFrame:
    """Return one row an instruction that the build needed, in the file's order: what the line cost.

    ``seconds`` is NaN where no step worked for the line (``FROM``, ``WORKDIR``, ``EXPOSE``) and 0 where
    its result came from the cache; ``in the image MB`` counts uncompressed bytes (10^6) of the line's
    layer, and for the last stage's ``FROM`` those of all layers below. A line of an earlier stage
    leaves no bytes: only the last stage is the image.
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
    """Return when this build began.

    A step that is cached, or shared with another build that runs, may carry times from long before;
    reading the Dockerfile is a build's own.
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
    """Walk down each stage and pair its instructions with the steps that stand for them."""
    ends: dict[str, str | None] = {}  # the last step of each stage, by name; the base's, by image
    for stage in stages:
        above = ends[stage.base] if stage.base in ends else _base(steps, stage.base)
        for instruction in stage.instructions:
            step = _find(steps, above, stage, instruction) if instruction.keyword in _STEPS else None
            if step:
                above = step.digest
                yield stage, instruction, step
        ends[stage.label] = above


def _base(steps: list[Step], image: str) -> str | None:
    """Return the step that fetches a base image, under its own name or in the place of one."""
    for step in steps:
        name = step.name.partition("@sha256:")[0]
        fetched = step.instruction.startswith("FROM ") and name.endswith((f" {image}", f"/{image}"))
        if fetched or (name.startswith(f"[context {image}] ") and "load metadata" not in name):
            return step.digest
    return None


def _find(steps: list[Step], above: str | None, stage: Stage, instruction: Instruction) -> Step | None:
    """Return the step that fits in two of three: what it stands on, its text, its stage's name.

    The text alone would mix stages up; the name fails for a merged step, and what it stands on for
    ``COPY --link``; the text for what BuildKit shows otherwise than written (a here-document).
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
