"""Find the files that COPY and ADD take from the build context.

The rules follow BuildKit's sources: its Dockerfile frontend for variables, options and here-documents,
and tonistiigi/fsutil (``copy.go``) for wildcards, links and ``--exclude``. This module works on a parsed
Dockerfile and a survey of the context; it reads no disk and asks no builder.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from helpers.buildx import dockerfile, dockerignore
from helpers.buildx.context import Entry, Survey
from helpers.buildx.dockerfile import Dockerfile, Instruction, Stage
from helpers.buildx.dockerfile_words import DockerfileError, expand
from helpers.host.errors import WorkbookError

_REMOTE = re.compile(r"https?://|git://|git@|ssh://")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_WILDCARD = re.compile(r"(?:\\.|[^\\*?[])*[*?[]", re.DOTALL)
_GLOB = re.compile(r"\*+|\?|\[\^?(?:\\.|[^]\\])+\]|\\.|.", re.DOTALL)
_MOST_LINKS = 255


@dataclass(frozen=True)
class Copy:
    """One COPY or ADD: the paths of the build context that it names, and its options.

    Variables are replaced in ``sources`` and ``excluded`` (the values of ``--exclude``). ``unsure`` is
    True when one of these variables may get its value from the base image, so that the paths are
    unknown.
    """

    instruction: Instruction
    sources: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    parents: bool = False
    unsure: bool = False

    @property
    def takes_all(self) -> bool:
        """Whether it names the whole context, even if it excludes some of it."""
        return any(_cleaned(source) in ("", "*") for source in self.sources)

    def taken(self, survey: Survey) -> frozenset[str]:
        """Return the paths of the files and links of the context that it copies.

        When a source is a link, the builder copies the link's target, and the target's path is returned.
        When the copy is `unsure`, all sent paths are returned. When the builder refuses a broken
        pattern, nothing is returned.
        """
        sent = {entry.path: entry for entry in survey.sent}
        if self.unsure:
            return frozenset(path for path, entry in sent.items() if entry.kind != "directory")
        try:
            return frozenset(path for source in self.sources for path in self._taken(source, sent))
        except WorkbookError:
            return frozenset()

    def _taken(self, source: str, sent: Mapping[str, Entry]) -> Iterator[str]:
        pattern = ""
        if self.parents:  # paths keep their folders below "/", or below the part before "/./"
            before, pivot, after = source.partition("/./")
            source, pattern = (before, after) if pivot else ("/", source)
            pattern = _cleaned(pattern)
        for start in _matches(_cleaned(source), sent):
            found = _followed(start, sent)
            if found is None:
                continue
            if found and sent[found].kind != "directory":
                yield found  # neither --exclude nor the pattern of --parents counts for a source itself
                continue
            yield from _below(found, sent, pattern if self.parents else None, self.excluded)


def written(instruction: Instruction) -> list[str]:
    """Return the paths and addresses that a COPY or ADD names, as they are written.

    Here-documents are left out. A copy from another stage or image gives an empty list.
    """
    if instruction.keyword not in ("ADD", "COPY") or instruction.flag("from"):
        return []
    return instruction.words()[:-1]


def of_stage(file: Dockerfile, stage: Stage) -> list[Copy]:
    """Return a stage's copies from the context; those that its base triggers come first."""
    lineage = [stage]
    while (parent := file.parent(lineage[0])) is not None:
        lineage.insert(0, parent)
    variables = Variables(file, from_scratch=lineage[0].base == "scratch")
    found: list[Copy] = []
    for at in lineage:
        found = []
        above = file.parent(at)
        for instruction in [*(above.triggers() if above else ()), *at.instructions]:
            variables.follow(instruction)
            if written(instruction):
                found.append(variables.copy(instruction))
    return found


class Variables:
    """The variables of a stage that the Dockerfile itself gives values.

    `follow` each instruction of the stages that it is built from, the lowest first, then its own.
    """

    def __init__(self, file: Dockerfile, *, from_scratch: bool) -> None:
        self._file = file
        self._escape = file.directives.get("escape", "\\")
        self._from_scratch = from_scratch
        self._arguments: dict[str, str] = {}
        self._environment: dict[str, str] = {}

    def follow(self, instruction: Instruction) -> None:
        """Remember the variables that an ARG or ENV sets."""
        if instruction.keyword not in ("ARG", "ENV"):
            return
        known = self.known()
        words = dockerfile.split(instruction.value, self._escape)
        if instruction.keyword == "ENV" and words and "=" not in words[0]:  # ENV name value
            words = [f"{words[0]}={instruction.value.removeprefix(words[0]).strip()}"]
        for word in words:
            name, equals, value = word.partition("=")
            if instruction.keyword == "ENV":
                self._environment[name] = self._expanded(value, known)
            elif name in self._file.build_args:
                self._arguments[name] = self._file.build_args[name]
            elif equals:
                self._arguments[name] = self._expanded(value, known)
            elif name in self._file.arguments:
                self._arguments[name] = self._file.arguments[name]

    def fork(self) -> Variables:
        """Return the variables as they are now, for a stage that is built from this one."""
        other = Variables(self._file, from_scratch=self._from_scratch)
        other._arguments, other._environment = dict(self._arguments), dict(self._environment)
        return other

    def copy(self, instruction: Instruction) -> Copy:
        """Return the copy that an instruction makes, with its variables replaced."""
        known = self.known()
        excluded = instruction.flag_values("exclude")
        paths = [path for path in written(instruction) if not _REMOTE.match(path)]
        names = {name for word in [*paths, *excluded] for name in _VARIABLE.findall(word)}
        return Copy(
            instruction,
            tuple(self._expanded(path, known) for path in paths),
            tuple(self._expanded(pattern, known) for pattern in excluded),
            parents="--parents" in instruction.flags or instruction.flag("parents") == "true",
            unsure=bool(names - known.keys()) and not self._from_scratch,
        )

    def known(self) -> dict[str, str]:
        """Return the variables that a command would see now, each with its value."""
        return self._arguments | self._environment

    def _expanded(self, word: str, known: Mapping[str, str]) -> str:
        try:
            return expand(word, known, self._escape)
        except DockerfileError:
            return word  # the builder will report the error


def _cleaned(path: str) -> str:
    """Return a path of the context in its shortest form; empty for the context itself."""
    return posixpath.normpath(f"/{path}").strip("/")


def _matches(source: str, sent: Mapping[str, Entry]) -> Iterator[str]:
    """Yield the paths that a source means: itself, or the paths that match its wildcards.

    The folder before the first wildcard may be a link. Links below it are not followed.
    """
    parts = source.split("/")
    plain = next((n for n, part in enumerate(parts) if _WILDCARD.match(part)), len(parts))
    folder = _followed("/".join(parts[:plain]), sent)
    if plain == len(parts) or folder is None:
        yield source
        return
    below = f"{folder}/" if folder else ""
    fits = _glob("/".join(parts[plain:]))
    for path in sent:
        if fits and path.startswith(below) and fits.fullmatch(path[len(below) :]):
            yield path


def _glob(pattern: str) -> re.Pattern[str] | None:
    """Return a pattern of Go's ``filepath.Match`` as a regular expression; None for a broken pattern."""
    written = ""
    for piece in _GLOB.findall(pattern):
        if piece[0] == "*":
            written += "[^/]*"
        elif piece == "?":
            written += "[^/]"
        elif len(piece) > 1 and piece[0] == "[":
            written += "[" + re.sub(r"(?<!\\)\[", r"\\[", piece[1:])
        else:
            written += re.escape(piece[-1])
    try:
        return re.compile(written, re.DOTALL)
    except re.error:
        return None


def _followed(path: str, sent: Mapping[str, Entry]) -> str | None:
    """Return the path after following its links inside the context; None when it leads nowhere."""
    waiting, at, links = path.split("/")[::-1], "", 0
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = posixpath.dirname(at)
            continue
        entry = sent.get(f"{at}/{part}".lstrip("/"))
        if entry is None:
            return None
        if entry.kind == "symlink":
            links += 1
            if links > _MOST_LINKS:
                return None
            at = "" if entry.target.startswith("/") else at
            waiting += entry.target.split("/")[::-1]
        else:
            at = entry.path
    return at


def _below(
    folder: str, sent: Mapping[str, Entry], pattern: str | None, excluded: tuple[str, ...]
) -> Iterator[str]:
    """Yield the files and links in a folder that match ``pattern`` and none of ``excluded``."""
    wanted = dockerignore.rules([pattern]) if pattern is not None else None
    unwanted = dockerignore.rules(excluded)
    below = f"{folder}/" if folder else ""
    for path, entry in sent.items():
        if path.startswith(below) and entry.kind != "directory":
            inside = path[len(below) :]
            if (wanted is None or wanted.decide(inside).kept_out) and not unwanted.decide(
                inside
            ).kept_out:
                yield path
