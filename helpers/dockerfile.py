"""Read a Dockerfile: its instructions, its stages, and the images and stages that each builds on.

It follows BuildKit's own rules (escape directive, line continuation, here-documents, global ``ARG``)
as far as structure needs them; it runs nothing and judges nothing. The tests hold it against BuildKit's
own parser. PyPI's ``dockerfile-parse`` takes lines of a here-document for instructions; ``dockerfile``
is BuildKit's parser itself, but has no package for Linux on arm64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import WorkbookError

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"(?<![<\w])\d*<<(-?)(['\"]?)([^\s<>'\"]+)\2")
_TAKES_HEREDOC = {"ADD", "COPY", "RUN"}
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+?])([^}]*))?\})")


class DockerfileError(WorkbookError):
    """A file that is not a Dockerfile one can build."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: ``keyword`` in capitals, ``flags`` (``--from=builder``), the rest, its lines.

    ``line`` and ``end`` count from 1; ``end`` is the last line, here-documents included.
    """

    keyword: str
    flags: tuple[str, ...]
    value: str
    line: int
    end: int
    heredocs: tuple[str, ...] = ()

    def flag(self, name: str) -> str | None:
        """Return the value of ``--name=value``; None when the flag is absent."""
        return next(iter(self.flag_values(name)), None)

    def flag_values(self, name: str) -> list[str]:
        """Return the values of a flag that may be given several times, such as ``--mount``."""
        prefix = f"--{name}="
        return [flag.removeprefix(prefix) for flag in self.flags if flag.startswith(prefix)]


@dataclass(frozen=True)
class Stage:
    """One build stage: its number, its name if it has one, what it is ``FROM``, its instructions."""

    index: int
    name: str | None
    base: str
    instructions: tuple[Instruction, ...]

    @property
    def label(self) -> str:
        """The name that BuildKit shows for the stage."""
        return self.name or f"stage-{self.index}"

    def sources(self) -> list[str]:
        """Return what the stage copies or mounts from: stage names, stage numbers, images."""
        found = [i.flag("from") for i in self.instructions if i.keyword in ("COPY", "ADD")]
        for instruction in self.instructions:
            for mount in instruction.flag_values("mount"):
                options = dict(part.partition("=")[::2] for part in mount.split(","))
                found.append(options.get("from"))
        return [source for source in found if source]


@dataclass(frozen=True)
class Dockerfile:
    """A parsed Dockerfile: directives (``syntax``, ``escape``, ``check``), instructions and stages."""

    directives: Mapping[str, str]
    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]

    def stage(self, target: str | None = None) -> Stage:
        """Return a stage by name or number; the last one by default."""
        if target is None:
            return self.stages[-1]
        found = self._stage_called(target, before=len(self.stages))
        if found is None:
            names = ", ".join(stage.label for stage in self.stages)
            raise DockerfileError(f"There is no stage {target!r}; the file has {names}.")
        return found

    def needs(self, target: str | None = None) -> list[Stage]:
        """Return the stages that a build of ``target`` runs, itself last; BuildKit skips the rest."""
        wanted: dict[int, Stage] = {}

        def visit(stage: Stage) -> None:
            for name in (stage.base, *stage.sources()):
                other = self._stage_called(name, before=stage.index)
                if other is not None and other.index not in wanted:
                    visit(other)
            wanted[stage.index] = stage

        visit(self.stage(target))
        return [wanted[index] for index in sorted(wanted)]

    def base_images(self, target: str | None = None) -> list[str]:
        """Return the images that a build of ``target`` needs from outside, in order of appearance."""
        found: dict[str, None] = {}
        for stage in self.needs(target):
            for name in (stage.base, *stage.sources()):
                inside = self._stage_called(name, before=stage.index) or name == "scratch"
                if not inside:
                    found[name] = None
        return list(found)

    def _stage_called(self, name: str, before: int) -> Stage | None:
        for stage in reversed(self.stages[:before]):
            if stage.name and stage.name.lower() == name.lower():
                return stage
        if name.isdecimal() and int(name) < before:
            return self.stages[int(name)]
        return None


def read(path: Path, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    """Read a Dockerfile from disk. Raises `DockerfileError` when it is missing or has no ``FROM``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DockerfileError(f"There is no Dockerfile at {path}; check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DockerfileError(f"{path} cannot be read as a Dockerfile: {error}.") from error
    try:
        return parse(text, build_args)
    except DockerfileError as error:
        raise DockerfileError(f"{path}: {error}") from None


def parse(text: str, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    """Parse a Dockerfile's text; ``build_args`` override the defaults of its global ``ARG``."""
    lines = text.removeprefix("\ufeff").splitlines()
    directives = _directives(lines)
    escape = directives.get("escape", "\\")
    instructions = tuple(_instructions(lines, escape))
    return Dockerfile(directives, instructions, _stages(instructions, dict(build_args or {})))


def _directives(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if not match or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    number = 0
    while number < len(lines):
        if _is_blank(lines[number]):
            number += 1
            continue
        first = number
        logical, number = _logical_line(lines, number, escape)
        keyword, _, rest = logical.strip().partition(" ")
        keyword = keyword.upper()
        flags, value = _flags(rest.strip())
        bodies: list[str] = []
        if keyword in _TAKES_HEREDOC:
            for dash, _, word in _HEREDOC.findall(value):
                body, number = _heredoc(lines, number, word, strip_tabs=bool(dash))
                bodies.append(body)
        yield Instruction(keyword, flags, value, first + 1, number, tuple(bodies))


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _logical_line(lines: list[str], number: int, escape: str) -> tuple[str, int]:
    """Join continued lines; comment lines and blank lines inside a continuation are dropped."""
    joined = ""
    while number < len(lines):
        line = lines[number]
        number += 1
        if joined and _is_blank(line):
            continue
        body = line.rstrip()
        if not body.endswith(escape):
            return (joined + body).replace("\t", " "), number
        joined += body[: -len(escape)]
    return joined.replace("\t", " "), number


def _flags(rest: str) -> tuple[tuple[str, ...], str]:
    flags: list[str] = []
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        flags.append(flag)
        rest = rest.lstrip()
    return tuple(flags), rest


def _heredoc(lines: list[str], number: int, word: str, *, strip_tabs: bool) -> tuple[str, int]:
    body: list[str] = []
    while number < len(lines):
        line = lines[number].lstrip("\t") if strip_tabs else lines[number]
        number += 1
        if line.rstrip("\r") == word:
            return "\n".join(body), number
        body.append(line)
    raise DockerfileError(f"the here-document <<{word} has no end line `{word}`; add it.")


def _stages(instructions: tuple[Instruction, ...], given: dict[str, str]) -> tuple[Stage, ...]:
    known: dict[str, str] = {}
    starts = [n for n, instruction in enumerate(instructions) if instruction.keyword == "FROM"]
    if not starts:
        raise DockerfileError("it has no FROM instruction, so there is nothing to build on.")
    for instruction in instructions[: starts[0]]:
        if instruction.keyword == "ARG":
            for assignment in instruction.value.split():
                name, _, default = assignment.partition("=")
                known[name] = given.get(name, expand(default.strip("\"'"), known))
    stages = []
    for index, (start, end) in enumerate(zip(starts, [*starts[1:], len(instructions)], strict=True)):
        words = instructions[start].value.split()
        if not words:
            raise DockerfileError(f"FROM on line {instructions[start].line} names no image.")
        named = len(words) == 3 and words[1].lower() == "as"
        stages.append(
            Stage(
                index=index,
                name=words[2].lower() if named else None,
                base=expand(words[0].strip("\"'"), known),
                instructions=instructions[start + 1 : end],
            )
        )
    return tuple(stages)


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and ``${NAME:+other}`` by known values."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        operator, word = match[3] or "", match[4] or ""
        current = known.get(name)
        present = bool(current) if operator.startswith(":") else current is not None
        if operator.endswith("-"):
            return current or "" if present else expand(word, known)
        if operator.endswith("+"):
            return expand(word, known) if present else ""
        return current or ""

    return _VARIABLE.sub(value, text)
