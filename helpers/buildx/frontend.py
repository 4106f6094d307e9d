"""Let the engine's own frontend read a Dockerfile when the one in ``# syntax=`` cannot be fetched.

The builder first fetches the frontend from a registry, and no option makes it use its own. So the
builder gets a copy of the Dockerfile without that line. The command shows the copy, and the copy is
kept. Nothing else in the Dockerfile is changed. When the frontend can be fetched, nothing is changed at
all.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from helpers import bases
from helpers.buildx.dockerfile import Dockerfile
from helpers.buildx.failure import BuildError
from helpers.engine import Engine
from helpers.host import paths
from helpers.host.errors import WorkbookError

_SYNTAX = re.compile(r"^\s*#\s*syntax\s*=", re.IGNORECASE)
_DIRECTIVE = re.compile(r"^\s*#\s*[a-z]+\s*=", re.IGNORECASE)
_UNKNOWN_FLAG = re.compile(r"on line (\d+): unknown flag: -*([\w-]+)")
_UNKNOWN_INSTRUCTION = re.compile(r"on line \d+: unknown instruction: (\w+)")
_UNKNOWN_KEY = re.compile(r"unexpected key '([\w-]+)'|unsupported mount type \"([\w-]+)\"")


@dataclass(frozen=True)
class Frontend:
    """The Dockerfile that the builder gets, and the frontend that reads it.

    ``missing`` names the frontend that could not be fetched; the engine's own frontend then reads a
    copy. It is empty when the builder gets the file itself.
    """

    file: Path
    missing: str = ""

    @property
    def note(self) -> str:
        """A phrase for captions; empty when the file itself is used."""
        return (
            f"read by the engine's own frontend, {self.missing} is out of reach" if self.missing else ""
        )


def choose(file: Path, parsed: Dockerfile, engine: Engine) -> Frontend:
    """Return the Dockerfile that the builder gets: ``file``, or a copy without ``# syntax=``.

    When the engine does not have the frontend, its registry is asked, for at most 5 s.
    """
    named = parsed.directives.get("syntax", "").split()
    if not named or _available(named[0], engine):
        return Frontend(file)
    return Frontend(_copy(file, without_syntax(parsed.text, named[0])), named[0])


def explained(error: WorkbookError, used: Frontend, parsed: Dockerfile, engine: Engine) -> WorkbookError:
    """Return the error of a failed build; if the frontend is too old, it names the unknown feature."""
    feature = _feature(str(error), parsed)
    if not (used.missing and feature and isinstance(error, BuildError)):
        return error
    return BuildError(
        f"{feature} is unknown to the frontend of Docker Engine {engine.version}, which reads the file "
        f"because {used.missing} cannot be reached; pull that image where there is a network, or write "
        "the line without it.",
        error.step,
        error.log,
    )


def without_syntax(text: str, frontend: str) -> str:
    """Return a Dockerfile's text without its ``# syntax=``; all other lines keep their numbers."""
    lines = text.split("\n")
    first = 1 if lines[0].startswith("#!") else 0
    end = first
    while end < len(lines) and _DIRECTIVE.match(lines[end]):
        end += 1
    directives = [line for line in lines[first:end] if not _SYNTAX.match(line)]
    if len(directives) == end - first:
        return text
    note = f"# The frontend {frontend} is out of reach."
    return "\n".join([*lines[:first], *directives, note, *lines[end:]])


def _available(frontend: str, engine: Engine) -> bool:
    from docker.errors import DockerException

    try:
        engine.client.images.get(frontend)
    except DockerException:
        return bases.registry_reachable(frontend, engine)
    return True


def _copy(file: Path, text: str) -> Path:
    """Write a copy under the file's name, with its own ignore file beside it, where buildx looks."""
    ignore = file.with_name(f"{file.name}.dockerignore")
    ignored = ignore.read_bytes() if ignore.is_file() else None
    key = hashlib.sha256(text.encode() + b"\0" + (ignored or b"")).hexdigest()[:16]
    copy = paths.state(f"dockerfiles/{key}") / file.name
    _write(copy, text.encode())
    if ignored is not None:
        _write(copy.with_name(ignore.name), ignored)
    return copy


def _write(path: Path, content: bytes) -> None:
    if not (path.exists() and path.read_bytes() == content):
        partial = path.with_name(f"{path.name}.partial")
        partial.write_bytes(content)
        partial.replace(path)


def _feature(reason: str, parsed: Dockerfile) -> str:
    """Return the feature that the builder's message calls unknown; empty when there is none."""
    if found := _UNKNOWN_FLAG.search(reason):
        line = int(found[1])
        keywords = [one.keyword for one in parsed.instructions if one.line <= line <= one.end]
        return f"`{(keywords or ['the flag'])[0]} --{found[2]}` (line {line})"
    if found := _UNKNOWN_INSTRUCTION.search(reason):
        return f"The instruction `{found[1]}`"
    if found := _UNKNOWN_KEY.search(reason):
        return f"`{found[1] or found[2]}` of `RUN --mount`"
    return ""
