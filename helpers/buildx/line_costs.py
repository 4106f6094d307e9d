"""What each line of a Dockerfile costs: the seconds of its step, and its bytes in the image.

It reads a build that ran and builds nothing. A line of an earlier stage leaves no bytes: only the last
stage is the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.buildx import dockerfile, steps
from helpers.buildx.run import BuildResult
from helpers.host.tables import MB
from helpers.image import image

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["stage", "line", "seconds", "in the image MB"]


def of(result: BuildResult) -> pd.DataFrame:
    """Return one row an instruction that the build needed, in the file's order.

    ``seconds`` is NaN where no step worked for the line (``FROM``, ``WORKDIR``, ``EXPOSE``) and 0 where
    its result came from the cache; ``in the image MB`` counts uncompressed bytes (10^6) of the line's
    layer, and for the last stage's ``FROM`` those of all layers below.
    """
    import pandas as pd

    parsed = dockerfile.read(result.request.dockerfile, result.request.build_args)
    final = parsed.stage(result.request.target)
    seconds = {
        (stage, step.text): step.seconds
        for step in steps.of(result)
        for stage in step.stages or (final.label,)
    }
    base, sizes = _sizes(result, len([i for i in final.instructions if _makes_layer(i)]))
    rows = []
    for stage in parsed.needs(result.request.target):
        rows.append((stage.label, f"FROM {stage.base}", float("nan"), base if stage is final else 0.0))
        for instruction in stage.instructions:
            line = " ".join([instruction.keyword, *instruction.flags, *instruction.value.split()])
            took = seconds.get((stage.label, line), float("nan"))
            size = sizes.pop(0) if stage is final and sizes and _makes_layer(instruction) else 0.0
            rows.append((stage.label, line, took, size))
    return pd.DataFrame(rows, columns=COLUMNS)


def _makes_layer(instruction: dockerfile.Instruction) -> bool:
    return instruction.keyword in ("RUN", "COPY", "ADD", "WORKDIR")


def _sizes(result: BuildResult, own: int) -> tuple[float, list[float]]:
    """Return the MB below the stage's own layers, and those of its ``own`` layers one by one."""
    layers = image.inspect(result.image_id, result.engine).layers
    sizes = [layer.uncompressed_bytes / MB for layer in layers]
    return sum(sizes[: len(sizes) - own]), sizes[len(sizes) - own :]
