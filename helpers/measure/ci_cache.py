"""What an exported cache is worth to a CI service that gives each job a machine of its own.

One fresh machine builds and exports its cache to a folder; the next one has that folder and nothing
else, and builds after a source edit. It draws nothing and judges nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.bases import bases
from helpers.buildx import dockerfile, run
from helpers.buildx import steps as shared_steps
from helpers.buildx.run import BuildResult, Request
from helpers.engine import engine
from helpers.engine.engine import Engine
from helpers.host.workspace import Workspace
from helpers.measure import fresh_machine, sample

if TYPE_CHECKING:
    import pandas as pd

TAG = "workbook/ci"


@dataclass(frozen=True)
class Handover:
    """The build on each machine, and the bytes of the cache that went from one to the other."""

    first: BuildResult
    second: BuildResult
    cache_bytes: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row a step: whether it ran on each machine."""
        import pandas as pd

        columns = {"first machine": self.first, "second machine, with the cache": self.second}
        found = {name: shared_steps.of(result) for name, result in columns.items()}
        steps = list(dict.fromkeys((s.stage, s.text) for steps in found.values() for s in steps))
        frame = pd.DataFrame(steps, columns=["stage", "step"])
        for name, served in found.items():
            state = {(s.stage, s.text): "cached" if s.cached else "ran" for s in served}
            frame[name] = [state.get(step, "not needed") for step in steps]
        return frame


def hand_over(
    file: Path,
    app: Workspace,
    told: Callable[[str], None] = lambda _: None,
    *,
    mode: str = "max",
    where: Engine | None = None,
) -> Handover:
    """Build ``file`` on one fresh machine, hand the cache to another, edit a source, build there.

    ``mode`` is what is exported: ``max`` the steps of all stages, ``min`` those of the final image.
    Raises the errors of `helpers.measure.fresh_machine` and `helpers.buildx.run`.
    """
    where = where or engine.find()
    names = dockerfile.read(file, architecture=where.architecture).base_images()
    images = [base.reference for base in bases.resolve(names, where)]
    with tempfile.TemporaryDirectory(prefix="workbook-cache-") as folder:
        told("first machine: boot, build, export")
        with fresh_machine.booted(images, where) as machine:
            first = _build(file, app, machine, "--cache-to", f"type=local,dest={folder},mode={mode}")
        size = sum(blob.stat().st_size for blob in Path(folder).rglob("*") if blob.is_file())
        told("second machine: boot, import, build after a source edit")
        with fresh_machine.booted(images, where) as machine, sample.source_edit(app):
            second = _build(file, app, machine, "--cache-from", f"type=local,src={folder}")
    return Handover(first, second, size)


def _build(file: Path, app: Workspace, machine: Engine, *cache: str) -> BuildResult:
    return run.build(Request(file, app.path, TAG, extra=cache), where=machine)
