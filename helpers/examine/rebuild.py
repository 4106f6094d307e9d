"""Build again after an edit of one source file, in a copy, and see which steps lose their cache.

The edit adds a line of blanks at the end of the file, a different one each time. It changes the file but
not the program. The project itself is never changed; the copy and its image are removed afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers import buildx
from helpers.buildx import BuildResult, Watcher, copies, steps
from helpers.buildx import context as contexts
from helpers.buildx.context import Survey
from helpers.buildx.dockerfile import Dockerfile
from helpers.buildx.stream import Step
from helpers.host import workspace
from helpers.host.errors import WorkbookError

LARGEST = 500_000_000  # bytes of context that are copied at most
_CODE = re.compile(
    r"\.(c|cc|cpp|cs|css|dart|ex|exs|fs|go|hs|html|java|js|jsx|kt|lua|mjs|ml|php|pl|py|rb|rs|scala|sh"
    r"|sql|svelte|swift|ts|tsx|vue|zig)$"
)
_NOT_THE_PROGRAM = re.compile(
    r"(^|/)(\.[^/]+|node_modules|vendor|tests?|spec|docs?|examples?|scripts?|dockerfiles)/"
    r"|(^|/)[^/]*(\.config\.|\.test\.|\.spec\.|_test\.|\.d\.ts)[^/]*$|(^|/)(setup\.py|\.[^/]+)$"
)
_WHERE_PROGRAMS_ARE = ("src", "app", "cmd", "lib", "server", "internal")


@dataclass(frozen=True)
class Outcome:
    """One step of the Dockerfile, with its ``seconds`` in each build; a cached step took 0."""

    stage: str
    instruction: str
    first_seconds: float
    first_cached: bool
    seconds: float
    cached: bool


@dataclass(frozen=True)
class Rebuild:
    """The cost of one edit: the edited file, the seconds of the whole build, and each step."""

    edited: str
    seconds: float
    steps: tuple[Outcome, ...]

    @property
    def lost(self) -> tuple[Outcome, ...]:
        """The steps that ran again."""
        return tuple(step for step in self.steps if not step.cached)


def measure(
    first: BuildResult, file: Dockerfile, survey: Survey, watch: Watcher | None = None
) -> Rebuild:
    """Edit one source file in a copy of the context of ``first``, build again, and compare.

    Raises `WorkbookError` when there is nothing to edit or too much to copy, and the errors of
    `helpers.host.workspace` and `helpers.buildx.build`.
    """
    edited = source_to_edit(file, first.request.target, survey)
    if edited is None:
        raise WorkbookError("No source file that the Dockerfile copies was found, so none was edited.")
    if survey.sent_bytes > LARGEST:
        raise WorkbookError(
            f"The context sends {survey.sent_bytes / 1e6:.0f} MB, too much to copy for a measured "
            f"rebuild (the limit is {LARGEST / 1e6:.0f} MB)."
        )
    request = first.request
    with workspace.copy(request.context, ignore=_unsent(request.context, survey)) as copy:
        with (copy.path / edited).open("ab") as source:
            source.write(_blank_line())
        again = dataclasses.replace(request, context=copy.path, tag=f"{request.tag}-edited", cold=False)
        try:
            second = buildx.build(again, watch, first.engine)
        finally:
            _remove(again.tag, first)
    return Rebuild(contexts.printable(edited), second.seconds, tuple(_outcomes(first, second)))


def source_to_edit(file: Dockerfile, target: str | None, survey: Survey) -> str | None:
    """Return a source file that the build copies; files in usual folders for sources come first."""
    copied: set[str] = set()
    for stage in file.needs(target):
        for copy in copies.of_stage(file, stage):
            copied |= copy.taken(survey)
    reached = [
        entry.path
        for entry in survey.sent
        if entry.kind == "file"
        and entry.path in copied
        and _CODE.search(entry.path)
        and not _NOT_THE_PROGRAM.search(entry.path)
    ]
    home = re.compile(rf"(^|/)({'|'.join(_WHERE_PROGRAMS_ARE)})/")
    return min(reached, key=lambda path: (not home.search(path), path.count("/"), path), default=None)


def _blank_line() -> bytes:
    """Return a line that no earlier edit had, so that the build is not in the cache yet."""
    return b"\n" + bytes(secrets.choice(b" \t") for _ in range(48)) + b"\n"


def _unsent(context: Path, survey: Survey) -> workspace.Ignore:
    sent = {entry.path for entry in survey.sent}

    def ignore(folder: str, names: list[str]) -> Iterable[str]:
        inside = Path(folder)
        above = inside.relative_to(context)
        return [name for name in names if (above / name).as_posix() not in sent or _odd(inside / name)]

    return ignore


def _odd(path: Path) -> bool:
    """Whether a path is a socket, a pipe or a device, which cannot be copied."""
    return not (path.is_symlink() or path.is_file() or path.is_dir())


def _remove(tag: str, first: BuildResult) -> None:
    """Remove the edited image's name, and so the image, unless it is the first build's image."""
    import requests
    from docker.errors import APIError

    with contextlib.suppress(APIError, requests.RequestException):
        first.engine.client.images.remove(tag)


def _outcomes(first: BuildResult, second: BuildResult) -> Iterator[Outcome]:
    """Pair the steps of both builds by stage and text; equal steps are paired in order."""
    before: dict[tuple[str, str], list[Step]] = {}
    for step in steps.in_order(first):
        before.setdefault((step.stage, step.instruction), []).append(step)
    for step in steps.in_order(second):
        known = before.get((step.stage, step.instruction))
        old = known.pop(0) if known else None
        yield Outcome(
            stage=step.stage,
            instruction=step.instruction,
            first_seconds=_busy(old) if old else 0.0,
            first_cached=old.cached if old else False,
            seconds=_busy(step),
            cached=step.cached,
        )


def _busy(step: Step) -> float:
    return 0.0 if step.cached else step.seconds or 0.0
