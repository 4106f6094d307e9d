"""Measure what an exported cache saves on a CI service that gives each job a new machine.

A fresh machine is a private engine of the workbook. Its cache is empty, and the engine is removed when
its block ends. It uses the containerd image store, because only such an engine can export and import a
cache. The first machine builds and exports its cache to a folder. The second machine gets only that
folder, and builds after a source edit. This module draws nothing and judges nothing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import bases, buildx
from helpers import engine as engines
from helpers.buildx import BuildResult, Request, dockerfile, steps
from helpers.engine import Engine, PrivateEngine
from helpers.host import paths, processes, tables
from helpers.host.errors import PrivateEngineError, WorkbookError
from helpers.host.workspace import Workspace
from helpers.measure import sample

if TYPE_CHECKING:
    import pandas as pd

TAG = "workbook/ci"


@dataclass(frozen=True)
class Handover:
    """The build on each of the two machines, and the bytes of the cache that was handed over."""

    first: BuildResult
    second: BuildResult
    cache_bytes: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each step: whether it ran on each machine."""
        columns = {"first machine": self.first, "second machine, with the cache": self.second}
        found = {name: steps.of(result) for name, result in columns.items()}
        rows = list(dict.fromkeys((s.stage, s.text) for served in found.values() for s in served))
        frame = tables.frame(rows, columns=["stage", "step"])
        for name, served in found.items():
            state = {(s.stage, s.text): "cached" if s.cached else "ran" for s in served}
            frame[name] = [state.get(step, "not needed") for step in rows]
        return frame


def hand_over(
    file: Path,
    app: Workspace,
    say: Callable[[str], None] = lambda _: None,
    *,
    mode: str = "max",
    engine: Engine | None = None,
) -> Handover:
    """Build ``file`` on a fresh machine, hand its cache to a second one, edit a source, build there.

    ``mode`` ``max`` exports the steps of all stages, ``min`` only the steps of the final image.
    Raises the errors of `fresh_machine` and `helpers.buildx.build`.
    """
    engine = engine or engines.find()
    images = base_references(file, engine)
    with tempfile.TemporaryDirectory(prefix="workbook-cache-") as folder:
        say("first machine: boot, build, export")
        with fresh_machine(images, engine) as machine:
            first = _build(file, app, machine, "--cache-to", f"type=local,dest={folder},mode={mode}")
        size = sum(blob.stat().st_size for blob in Path(folder).rglob("*") if blob.is_file())
        say("second machine: boot, import, build after a source edit")
        with fresh_machine(images, engine) as machine, sample.source_edit(app):
            second = _build(file, app, machine, "--cache-from", f"type=local,src={folder}")
    return Handover(first, second, size)


def _build(file: Path, app: Workspace, machine: Engine, *cache: str) -> BuildResult:
    return buildx.build(Request(file, app.path, TAG, extra=cache), engine=machine)


# A fresh machine


def base_references(file: Path, engine: Engine) -> list[str]:
    """Get the images behind ``FROM`` in a Dockerfile ready, and return their names in the engine."""
    names = dockerfile.read(file, architecture=engine.architecture).base_images()
    return [base.reference for base in bases.resolve(names, engine)]


def available() -> bool:
    """Whether `fresh_machine` works on this machine."""
    return PrivateEngine().installed and os.geteuid() == 0


@contextlib.contextmanager
def fresh_machine(images: Iterable[str], engine: Engine | None = None) -> Iterator[Engine]:
    """Start a machine with ``images``, copied from ``engine``, and nothing else; yield its engine.

    Raises `WorkbookError`, with the remedy, when no machine can be started.
    """
    if not available():
        raise WorkbookError(
            "A fresh builder machine needs the workbook's private engine, which is not installed here; "
            "run `make engine` as root on Linux, or try the commands below on your own builder."
        )
    engine = engine or engines.find()
    home = paths.state("machines")
    _sweep_machines()
    machine = PrivateEngine(
        home / f"{os.getpid()}-{secrets.token_hex(3)}",
        programs=PrivateEngine().programs,
        containerd_store=True,
    )
    try:
        machine.start()
        fresh = engines.of(machine)
        for image in images:
            _copy_image(image, engine, fresh)
        yield fresh
    except PrivateEngineError as error:
        raise WorkbookError(f"The fresh machine did not start: {error}") from None
    finally:
        machine.remove()


def _sweep_machines() -> None:
    """Remove the machines of processes that were killed."""
    for folder in paths.state("machines").iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdecimal() and not processes.alive(int(owner)):
            PrivateEngine(folder).remove()


def _copy_image(image: str, giver: Engine, taker: Engine) -> None:
    """Copy an image from one engine to another, through a pipe."""
    save = subprocess.Popen(
        giver.command("save", image), env=giver.process_environment(), stdout=subprocess.PIPE
    )
    loaded = subprocess.run(
        taker.command("load", "--quiet"),
        env=taker.process_environment(),
        stdin=save.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    if save.stdout:
        save.stdout.close()
    if save.wait() or loaded.returncode:
        why = loaded.stderr.strip() or f"`docker save` ended with {save.returncode}"
        raise WorkbookError(f"The image {image} could not be handed to the fresh machine: {why}.")
