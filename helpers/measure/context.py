"""Measure what a build context sends: build ``COPY . .`` from a fresh folder and list what arrived.

BuildKit keeps the files that a folder of the same name sent before, and asks the next build only for
what changed. So each measurement uses a new folder with a new name, made quickly of hard links. The
image and the folder are removed afterwards. The engine's own garbage collection removes BuildKit's copy
of the context. `helpers.buildx.context` makes the forecast; this module only measures.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import buildx
from helpers.buildx import BuildResult, Request, Watcher, context
from helpers.buildx.context import Survey
from helpers.engine import Engine
from helpers.host import paths, processes
from helpers.host.workspace import Workspace

_FOLDER = "/context"  # the probe's Dockerfile copies to this folder


@dataclass(frozen=True)
class Sending:
    """One measurement: the forecast, the bytes that were sent, and the paths that arrived.

    ``bytes`` counts what the client sent, including the protocol's own bytes; ``seconds`` is the time
    of the transfer alone. ``arrived`` maps each path of the image to its kind and bytes.
    """

    label: str
    forecast: Survey
    bytes: int
    seconds: float
    arrived: dict[str, tuple[str, int]]
    result: BuildResult

    @property
    def missed(self) -> list[str]:
        """The paths on which the forecast and the builder disagree, in order."""
        forecast = {e.path: e.kind for e in self.forecast.sent}
        arrived = {path: kind for path, (kind, _) in self.arrived.items()}
        return sorted(p for p in forecast.keys() | arrived.keys() if forecast.get(p) != arrived.get(p))

    def bytes_in(self, *tops: str) -> int:
        """Return the bytes of the files that arrived at or below these paths."""
        names = [(top, f"{top}/") for top in tops]
        return sum(
            size
            for path, (_, size) in self.arrived.items()
            if any(path == top or path.startswith(below) for top, below in names)
        )


@contextlib.contextmanager
def twin(copy: Workspace, ignore: str | None = None) -> Iterator[Workspace]:
    """Yield a second folder with the same files as hard links; it is removed when the block ends.

    Its name is new, so BuildKit treats it as a folder that it has never seen. ``ignore`` is the text of
    its ``.dockerignore``; with None it has no ``.dockerignore``.
    """
    home = paths.state("copies")
    processes.sweep(home)
    fresh = secrets.token_hex(6)
    path = home / f"{os.getpid()}-{fresh}" / f"context-{fresh}"
    with Workspace(path) as made:
        shutil.copytree(copy.path, path, symlinks=True, copy_function=_link)
        if ignore is not None:
            (path / ".dockerignore").unlink(missing_ok=True)  # otherwise the original would be changed
            made.write(".dockerignore", ignore)
        yield made


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # this disk has no hard links
        shutil.copy2(source, target)


def send(
    copy: Workspace,
    label: str,
    dockerfile: Path,
    engine: Engine,
    ignore: str | None = None,
    own_ignore: str | None = None,
    watch: Watcher | None = None,
) -> Sending:
    """Build a Dockerfile that copies the context to ``/context``, and return what was sent.

    ``ignore`` is the text of the folder's ``.dockerignore``. ``own_ignore`` is the text of the
    Dockerfile's own ignore file, which lies beside it as ``NAME.dockerignore``. Raises the errors of
    `helpers.buildx.build`, `helpers.image.image` and `helpers.buildx.dockerignore`.
    """
    with twin(copy, ignore) as folder:
        if own_ignore is not None:
            aside = folder.path.parent / dockerfile.name
            shutil.copyfile(dockerfile, aside)
            aside.with_name(f"{aside.name}.dockerignore").write_text(own_ignore, encoding="utf-8")
            dockerfile = aside
        forecast = context.survey(folder.path, context.rules(folder.path, dockerfile))
        tag = f"workbook/context-{secrets.token_hex(4)}"
        result = buildx.build(Request(dockerfile, folder.path, tag), watch, engine)
        try:
            arrived = _arrived(result)
        finally:
            _forget(engine, tag)
    return Sending(label, forecast, result.context_bytes, _transfer_seconds(result), arrived, result)


def _arrived(result: BuildResult) -> dict[str, tuple[str, int]]:
    files = result.image.files
    kinds: dict[str, str] = {"hardlink": "file"}
    return {
        file.path.removeprefix(f"{_FOLDER}/"): (kinds.get(file.kind, file.kind), file.bytes)
        for file in files
        if file.path.startswith(f"{_FOLDER}/")
    }


def _transfer_seconds(result: BuildResult) -> float:
    steps = (s for s in result.steps if s.name.startswith("[internal] load build context"))
    return sum(step.seconds or 0.0 for step in steps)


def _forget(engine: Engine, tag: str) -> None:
    from docker.errors import APIError

    client: Any = engine.client
    with contextlib.suppress(APIError):
        client.images.remove(tag)
