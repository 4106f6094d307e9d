"""What lies around a build context and is not in it: git's index, and the folders beside and above.

Only git's own files are read, of others the names. No git is run, because a project's settings
can make git run programs.
"""

from __future__ import annotations

import os
import posixpath
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.buildx.context import Survey
from helpers.buildx.copies import Copy
from helpers.buildx.dockerignore import Rules
from helpers.examine import credentials

_ENTRY = 62  # bytes of an entry of the index before its path
_EXTENDED = 0x4000
_LENGTH = 0x0FFF
_LEVELS = 3  # folders above the Dockerfile that may be the context that was meant
_ENV_TEMPLATE = re.compile(r"(^|/)\.env\.(example|sample|template|dist|default)$")
_VARIES = re.compile(r"[*?[\\$]|\.\.")
_ENV = re.compile(r"/?(\*\*/)?(\.env|\.env\*|\*\.env|\.env\.\*)/?")


@dataclass(frozen=True)
class Elsewhere:
    """A path that a COPY names, which is not in the context but in another folder.

    ``line`` is the line of the COPY, counted from 1.
    """

    line: int
    source: str
    folder: Path


def tracked(context: Path) -> frozenset[str]:
    """Return the paths below a context, relative to it, that git tracks; empty without a repository."""
    for folder in (context, *context.parents):
        if _exists(folder / ".git"):
            below = context.relative_to(folder).as_posix()
            prefix = "" if below == "." else f"{below}/"
            paths = _index(folder / ".git")
            return frozenset(p.removeprefix(prefix) for p in paths if p.startswith(prefix))
    return frozenset()


def _index(repository: Path) -> list[str]:
    """Return the paths in git's index; an empty list when it cannot be read."""
    try:
        if repository.is_file():  # a work tree or a submodule names its repository
            named = repository.read_text(errors="surrogateescape").removeprefix("gitdir:").strip()
            repository = repository.parent / named
        data = (repository / "index").read_bytes()
        return list(_entries(data))
    except (OSError, ValueError, IndexError, struct.error):
        return []


def _entries(data: bytes) -> Iterator[str]:
    """Yield the paths in an index of version 2, 3 or 4 whose ids are SHA-1."""
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, 4):
        return
    at, path = 12, b""
    for _ in range(count):
        start = at
        (flags,) = struct.unpack_from(">H", data, at + _ENTRY - 2)
        at += _ENTRY + (2 if flags & _EXTENDED else 0)
        if version == 4:
            removed, at = _number(data, at)
            path = path[: len(path) - removed]
        else:
            path = b""
        end = data.index(b"\0", at)
        path += data[at:end]
        at = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
        if not path or flags & _LENGTH != min(len(path), _LENGTH):
            raise ValueError("ids of another length")
        yield path.decode(errors="surrogateescape")


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and the place behind it."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
    return value, at + 1


def env_files(context: Path, survey: Survey, rules: Rules) -> Iterator[str]:
    """Yield the paths where developers have an ``.env`` that is not there now and not kept out.

    A template beside it tells, or a ``.gitignore`` that names it.
    """
    paths = {entry.path for entry in survey.entries}
    folders = {path.rpartition("/")[0] for path in paths if _ENV_TEMPLATE.search(path)}
    if _ignores_env(context):
        folders.add("")
    for folder in sorted(folders):
        path = f"{folder}/.env".lstrip("/")
        if path not in paths and credentials.may_hold(path) and not rules.decide(path).kept_out:
            yield path


def _ignores_env(context: Path) -> bool:
    try:
        lines = (context / ".gitignore").read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(_ENV.fullmatch(line.strip()) for line in lines)


def named(made: Iterable[Copy]) -> dict[str, int]:
    """Return the paths that copies name without wildcards, each with the line of its copy."""
    return {
        posixpath.normpath(source).strip("/"): copy.instruction.line
        for copy in made
        for source in copy.sources
        if not (copy.unsure or copy.parents or _VARIES.search(source)) and source.strip("./")
    }


def elsewhere(
    context: Path, dockerfile: Path, sources: Mapping[str, int], survey: Survey
) -> Elsewhere | None:
    """Return a path that a COPY names and that lies in another folder which holds all such paths.

    ``sources`` holds the named paths, each with its line. The other folder is the Dockerfile's, or one
    of the three above it.
    """
    present = {entry.path for entry in survey.entries}
    missing = [source for source in sources if source not in present]
    if not missing:
        return None
    folder = dockerfile.parent
    for other in (folder, *folder.parents[:_LEVELS]):
        if other != context and all(_exists(other / source) for source in sources):
            return Elsewhere(sources[missing[0]], missing[0], other)
    return None


def _exists(path: Path) -> bool:
    """Whether there is something at a path; what may not be looked at counts as nothing."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises where it may not look
