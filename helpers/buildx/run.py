"""Run one ``docker buildx build``, follow its steps, and return what came out.

The command is made in one place, from a `Request`, and can be shown before it runs. This module draws
nothing (a watcher is told of each change) and repeats nothing (`measure.cache` does).
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import bases as base_images
from helpers import engine as engines
from helpers.bases import Base
from helpers.buildx import context as contexts
from helpers.buildx import dockerfile, failure, frontend, step_log
from helpers.buildx import options as build_options
from helpers.buildx.dockerfile import Dockerfile, Stage
from helpers.buildx.failure import BuildError
from helpers.buildx.stream import Progress, Step
from helpers.engine import LABEL, Engine, leftovers
from helpers.host import paths, processes, tables
from helpers.host.errors import redacted, stoppable
from helpers.image import Image

if TYPE_CHECKING:
    import pandas as pd

Watcher = Callable[[Progress], None]
_PATIENCE = 10.0  # seconds that a build gets to stop by itself
_STOPPED = (
    "The build was stopped at your request; it left no image, and the steps that had ended stay in "
    "the cache."
)


@dataclass(frozen=True)
class Request:
    """What to build: a Dockerfile, its build context, a tag, and how.

    ``cold`` ignores every cached step. ``extra`` holds further arguments of ``docker buildx build``,
    as they are. ``bases`` leaves the images behind ``FROM`` to the builder and says what they are;
    without it they are made ready first. ``parsed`` is the Dockerfile, if it was read already.
    """

    dockerfile: Path
    context: Path
    tag: str
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    cold: bool = False
    extra: tuple[str, ...] = ()
    bases: tuple[Base, ...] | None = None
    parsed: Dockerfile | None = field(default=None, repr=False)

    def command(self, engine: Engine, bases: list[Base]) -> list[str]:
        """Return the command as one would type it."""
        output = ["--load", "--file", str(self.dockerfile), "--tag", self.tag]
        options = [*output, "--label", f"{LABEL}=build", *self._inputs(engine, bases)]
        return engine.command("buildx", "build", *options, *self.extra, str(self.context))

    def check_command(self, engine: Engine, bases: list[Base]) -> list[str]:
        """Return the command that asks the builder's own checks; no option of it writes anything."""
        options = ["--call=check,format=json", "--file", str(self.dockerfile)]
        options += [*self._inputs(engine, bases), *build_options.without_writing(self.extra)]
        return engine.command("buildx", "build", *options, str(self.context))

    def images(self, parsed: Dockerfile) -> list[str]:
        """Return the images from outside that the build needs.

        A named context (``--build-context``) takes the place of an image, and of a stage with all that
        the stage alone needs. Raises `DockerfileError` for a name that no image can bear.
        """
        given = build_options.named_contexts(self.extra)
        waiting, drawn = [parsed.stage(self.target)], set[Stage | str]()
        while waiting:
            sources = {need.source for need in parsed.draws_on(waiting.pop())} - drawn
            drawn |= sources
            waiting += [s for s in sources if isinstance(s, Stage) and s.name not in given]
        return [
            name
            for name in parsed.base_images(self.target)
            if name in drawn and build_options.short_name(name) not in given
        ]

    def _inputs(self, engine: Engine, bases: list[Base]) -> list[str]:
        options: list[str] = []
        if self.target:
            options += ["--target", self.target]
        for name, value in self.build_args.items():
            options += ["--build-arg", f"{name}={value}"]
        if self.cold:
            options.append("--no-cache")
        if engine.store == "containerd":
            options.append("--provenance=false")
        for base in bases:
            options += base.arguments()
        return options


@dataclass(frozen=True)
class PrintedError:
    """A ``line`` in which a tool reports a failure, in a ``step`` that succeeded all the same."""

    step: Step
    line: str

    def __str__(self) -> str:
        return f"`{self.step.instruction}` succeeded and printed an error: {self.line}"


@dataclass(frozen=True)
class BuildResult:
    """What a build did and what came out of it.

    ``dockerfile`` is the file as it was read for the build, whatever becomes of it afterwards;
    ``seconds`` is the wall time of the command; ``context_bytes`` what was sent to the builder;
    ``image_id`` and ``digest`` are the engine's (equal where the store keeps no manifest). ``frontend``
    says in a phrase when the engine's own frontend read the file in the place of the one it names.
    ``printed_errors`` holds the first line of each step that printed an error and succeeded; a step
    from the cache prints nothing, so it has none.
    """

    request: Request
    dockerfile: Dockerfile = field(repr=False)
    command: tuple[str, ...]
    image_id: str
    digest: str
    seconds: float
    steps: tuple[Step, ...]
    context_bytes: int
    bases: tuple[Base, ...]
    started: datetime
    engine: Engine = field(repr=False)
    printed_errors: tuple[PrintedError, ...] = ()
    frontend: str = ""

    @property
    def tag(self) -> str:
        """The image's name."""
        return self.request.tag

    @property
    def shell_command(self) -> str:
        """The command, ready to paste in a terminal; the login of an address is to be filled in."""
        settings = [f"{k}={shlex.quote(v)}" for k, v in self.engine.environment.items()]
        return redacted(" ".join([*settings, shlex.join(self.command)]))

    @cached_property
    def image(self) -> Image:
        """The image, whose files, sizes and settings are read when they are asked for."""
        return Image(self.engine, self.image_id)

    @property
    def uncompressed_bytes(self) -> int:
        """Size of the image on disk: the sum of its layers, uncompressed."""
        return self.image.uncompressed_bytes

    @property
    def compressed_bytes(self) -> int:
        """Size of the image on the wire: its layers as a push would compress them."""
        return self.image.compressed_bytes

    @property
    def conditions(self) -> str:
        """Where the figures come from: engine, bases and date, for captions."""
        notes = "; ".join(base.note for base in self.bases)
        parts = (self.engine.description, notes, self.frontend, f"{self.started:%Y-%m-%d}")
        return " · ".join(part for part in parts if part)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a step of the Dockerfile: stage, step, seconds, cached."""
        rows = [
            {
                "stage": step.stage,
                "step": step.instruction,
                "seconds": 0.0 if step.cached else step.seconds,
                "cached": step.cached,
            }
            for step in self.steps
            if not step.internal
        ]
        return tables.frame(rows, columns=["stage", "step", "seconds", "cached"])


def plan(request: Request, engine: Engine | None = None) -> list[str]:
    """Return the command that `build` would run. Raises as `build` does before it begins."""
    engine = engine or engines.find()
    parsed = _read(request, engine)
    read = replace(request, dockerfile=frontend.choose(request.dockerfile, parsed, engine).file)
    return read.command(engine, _bases(request, parsed, engine))


def check_command(request: Request, engine: Engine) -> list[str]:
    """Return the command of the builder's checks on what `build` would build; it writes nothing."""
    parsed = _read(request, engine)
    read = replace(request, dockerfile=frontend.choose(request.dockerfile, parsed, engine).file)
    return read.check_command(engine, _bases(request, parsed, engine))


@stoppable(_STOPPED)
@engines.in_touch()
def build(request: Request, watch: Watcher | None = None, engine: Engine | None = None) -> BuildResult:
    """Build and return the result; ``watch`` is told after each change of the steps.

    Raises `BuildError` when the build fails, `EngineError` when the engine goes
    away, `StoppedByReaderError` when it is interrupted, and the errors of `dockerfile`, `bases` and
    `engine` before it begins.
    """
    engine = engine or engines.find()
    if not request.context.is_dir():
        raise BuildError(f"There is no build context at {request.context}; check the path.")
    parsed = _read(request, engine)
    bases = _bases(request, parsed, engine)
    used = frontend.choose(request.dockerfile, parsed, engine)
    command = replace(request, dockerfile=used.file).command(engine, bases)
    replaced = id_of(request.tag, engine)
    started = datetime.now(UTC)
    with paths.temporary() as folder:
        metadata = folder / "metadata.json"
        clock = time.monotonic()
        code, progress = follow(_followed(command, metadata), engine, watch)
        seconds = time.monotonic() - clock
        if code:
            raise frontend.explained(
                failure.of(progress, code, _not_utf_8(request)), used, parsed, engine
            )
        digest, config = _digests(metadata)
    image_id = id_of(config, engine) or id_of(digest, engine) or id_of(request.tag, engine)
    leftovers.clear(image_id or config, replaced, engine)
    return BuildResult(
        request=request,
        dockerfile=parsed,
        command=tuple(command),
        image_id=image_id or config,
        digest=digest,
        seconds=seconds,
        steps=progress.steps,
        context_bytes=progress.context_bytes,
        bases=tuple(bases),
        started=started,
        engine=engine,
        printed_errors=tuple(_printed_errors(progress)),
        frontend=used.note,
    )


def _printed_errors(progress: Progress) -> Iterator[PrintedError]:
    for step in progress.steps:
        if not step.internal and (lines := step_log.errors(progress.log_of(step))):
            yield PrintedError(step, redacted(lines[0]))


def _read(request: Request, engine: Engine) -> Dockerfile:
    """Read the Dockerfile of a request. Raises `DockerfileError`, also for a target that it lacks.

    An option of the request with which the build could not be followed raises `WorkbookError`.
    """
    build_options.require_readable(request.extra)
    parsed = request.parsed or dockerfile.read(
        request.dockerfile, request.build_args, engine.architecture
    )
    parsed.stage(request.target)
    return parsed


def _not_utf_8(request: Request) -> Iterator[str]:
    """Yield the Dockerfile and the paths of its contexts whose names are not in UTF-8."""
    if not contexts.in_utf_8(request.dockerfile.name):
        yield request.dockerfile.name
    yield from contexts.survey(
        request.context, contexts.rules(request.context, request.dockerfile)
    ).not_utf_8
    for place in map(Path, build_options.named_contexts(request.extra).values()):
        if place.is_dir():
            yield from contexts.survey(place).not_utf_8


def _bases(request: Request, parsed: Dockerfile, engine: Engine) -> list[Base]:
    found: Sequence[Base] | None = request.bases
    if found is None:
        found = base_images.resolve(request.images(parsed), engine)
    return base_images.handed(found, engine)


def _digests(metadata: Path) -> tuple[str, str]:
    """Return the digests of the image and of its configuration.

    When another builder loads an image into a containerd store, buildx reports the first digest only.
    It serves for both, because that store finds an image by it.
    """
    try:
        facts = json.loads(metadata.read_text())
        digest = str(facts["containerimage.digest"])
        return digest, str(facts.get("containerimage.config.digest", digest))
    except (OSError, ValueError, KeyError, TypeError):
        raise BuildError(
            "The build ended without a word on what it built; run the cell again."
        ) from None


def id_of(reference: str, engine: Engine) -> str | None:
    """Return the id of an image; None when the engine lacks it. Raises `BuildError` for a wrong name."""
    from docker.errors import APIError, NotFound

    try:
        return str(engine.client.images.get(reference).id)
    except NotFound:
        return None
    except APIError as error:
        raise BuildError(f"No image can be called {reference!r}: {error.explanation}.") from None


def _followed(command: list[str], metadata: Path) -> list[str]:
    """Add the options that make the output readable for a program; they do not change what is built."""
    at = command.index("build") + 1
    follow = ["--progress=rawjson", "--metadata-file", str(metadata)]
    return [*command[:at], *follow, *command[at:]]


def follow(command: list[str], engine: Engine, watch: Watcher | None = None) -> tuple[int, Progress]:
    """Run a buildx command that prints rawjson; return its exit code and what it said of its steps.

    It ends with this process, and is stopped when the caller is interrupted.
    """
    process, progress = None, Progress()
    try:
        with processes.undisturbed():
            process = _begun(command, engine)
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        for line in process.stderr:
            if progress.feed(line) and watch:
                watch(progress)
        return process.wait(), progress
    finally:
        if process:
            _stop(process)


def _begun(command: list[str], engine: Engine) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=engine.process_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=processes.end_with_parent,
        encoding="utf-8",
        errors="replace",
    )


def _stop(process: subprocess.Popen[Any]) -> None:
    """End the build if it still runs, and read its output, because it would wait for a reader."""
    try:
        if process.poll() is None:
            _signal(process, signal.SIGINT)
            process.communicate(timeout=_PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _signal(process, signal.SIGKILL)
        process.wait()  # a second Ctrl-C ends the patience
    finally:
        if process.stderr:
            process.stderr.close()


def _signal(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
