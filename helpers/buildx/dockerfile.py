"""Read a Dockerfile: its instructions, its stages, and the images and stages that each builds on.

The parser follows BuildKit's rules for directives, line continuation, here-documents, flags and global
``ARG``. It leaves all other checks to the builder, and runs nothing. The tests compare it with
BuildKit's own parser. Two packages on PyPI do not serve: ``dockerfile-parse`` takes the lines of a
here-document for instructions, and ``dockerfile``, which is BuildKit's parser, has no package for Linux
on arm64.
"""

from __future__ import annotations

import csv
import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from helpers.buildx.dockerfile_words import SPACE, DockerfileError, Words, expand, name_fault
from helpers.host import paths

_GAP = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(rf"#[{SPACE}]*([a-zA-Z][a-zA-Z0-9]*)[\t\f\r ]*=[\t\f\r ]*(.+?)[\t\f\r ]*$")
_DIRECTIVES = {"syntax", "escape", "check"}
_HEREDOC = re.compile(r"\d*<<(-?)[\t\n\f\r ]*([^<]*)")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_STAGE_NAME = re.compile("[a-z][a-z0-9._-]*")
_TAKES_HEREDOC = {"ADD", "COPY", "RUN"}


@dataclass(frozen=True)
class Instruction:
    """One instruction: ``keyword`` in capitals, ``flags`` (``--from=builder``), and ``value``, the rest.

    ``line`` and ``end`` are the numbers of its first and last line, counted from 1, here-documents
    included. ``heredocs`` holds the text of each here-document as a command would read it.
    """

    keyword: str
    flags: tuple[str, ...]
    value: str
    line: int
    end: int
    heredocs: tuple[str, ...] = ()

    def flag(self, name: str) -> str | None:
        """Return the value of the flag ``--name=value``; None when the flag is absent."""
        return next(iter(self.flag_values(name)), None)

    def flag_values(self, name: str) -> list[str]:
        """Return the values of a flag that may be given several times, such as ``--mount``."""
        prefix = f"--{name}="
        return [flag.removeprefix(prefix) for flag in self.flags if flag.startswith(prefix)]

    def words(self) -> list[str]:
        """Return the words of its JSON or shell form, without the words that open a here-document."""
        found = _json_words(self.value) or _GAP.split(self.value)
        return [word for word in found if word and not (self.heredocs and _HEREDOC.fullmatch(word))]

    def sources(self) -> list[str]:
        """Return the stage names, stage numbers and images that it copies or mounts from."""
        if self.keyword == "COPY":
            return [source for source in self.flag_values("from") if source]
        if self.keyword != "RUN":
            return []
        mounts = (next(csv.reader([mount]), []) for mount in self.flag_values("mount"))
        options = (part.partition("=") for mount in mounts for part in mount)
        return [value for key, _, value in options if key.lower() == "from" and value]


@dataclass(frozen=True)
class Stage:
    """One build stage: its number, its name if it has one, its ``base`` and its instructions.

    ``base`` is the stage or image behind ``FROM``, with variables replaced; when that gives an empty
    name, it stays as written. ``fault`` is a sentence that says why ``base`` is not a valid image name.
    """

    index: int
    name: str | None
    base: str
    instructions: tuple[Instruction, ...]
    fault: str = ""

    @property
    def label(self) -> str:
        """The name that BuildKit shows for the stage, unless the file has only one stage."""
        return self.name or f"stage-{self.index}"

    def triggers(self) -> list[Instruction]:
        """Return the instructions that ``ONBUILD`` adds to the stages built ``FROM`` this stage."""
        return [_trigger(i) for i in self.instructions if i.keyword == "ONBUILD" and i.value]


@dataclass(frozen=True)
class Need:
    """A stage or image from which another stage takes something.

    ``how`` is the instruction that takes it (``FROM``, ``COPY`` or ``RUN``). ``source`` is the stage, or
    the name of an image from outside the file.
    """

    how: str
    source: Stage | str


@dataclass(frozen=True)
class Dockerfile:
    """A parsed Dockerfile: directives (``syntax`` …), instructions, stages, its text.

    ``build_args`` holds the build arguments that the caller gave. ``arguments`` holds the value of every
    ``ARG`` before the first ``FROM``, and of the arguments that the builder sets by itself.
    """

    directives: Mapping[str, str]
    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    text: str = field(repr=False)
    build_args: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)

    def stage(self, target: str | None = None) -> Stage:
        """Return a stage by name, the last stage by default; a number is not allowed, as in BuildKit."""
        if target is None:
            return self.stages[-1]
        if target.lower() not in self._named:
            names = ", ".join(self._named) or "none"
            raise DockerfileError(f"There is no stage {target!r}; the file names {names}.")
        return self.stages[self._named[target.lower()][-1]]

    def parent(self, stage: Stage) -> Stage | None:
        """Return the stage behind a stage's ``FROM``; None when it is an image."""
        return self._base(stage)

    def lineage(self, target: str | None = None) -> list[Stage]:
        """Return the stages whose layers are in an image of ``target``, the lowest first."""
        found = [self.stage(target)]
        while (parent := self.parent(found[0])) is not None:
            found.insert(0, parent)
        return found

    def source_stage(self, name: str) -> Stage | None:
        """Return the stage that ``COPY --from=name`` means; None when ``name`` is an image."""
        return self._source(name)

    def needs(self, target: str | None = None) -> list[Stage]:
        """Return the stages that a build of ``target`` runs, in file order; BuildKit skips the rest."""
        wanted: dict[int, Stage] = {}
        waiting = [self.stage(target)]
        while waiting:
            stage = waiting.pop()
            if stage.index not in wanted:
                wanted[stage.index] = stage
                sources = (need.source for need in self.draws_on(stage))
                waiting += [source for source in sources if isinstance(source, Stage)]
        return [wanted[index] for index in sorted(wanted)]

    def base_images(self, target: str | None = None) -> list[str]:
        """Return the images that a build of ``target`` needs from outside, in order of appearance.

        Raises `DockerfileError` for an invalid image name in any stage: the builder reads all names
        before it skips the stages that the target does not need.
        """
        for stage in self.stages:
            self._check_names(stage)
        sources = (need.source for stage in self.needs(target) for need in self.draws_on(stage))
        names = dict.fromkeys(source for source in sources if isinstance(source, str))
        return [name for name in names if name != "scratch"]

    def draws_on(self, stage: Stage) -> list[Need]:
        """Return the stages and images from which a stage takes something, its base first.

        Instructions that its base triggers (``ONBUILD``) count as its own.
        """
        base = self._base(stage)
        found = [Need("FROM", base or stage.base)]
        for instruction in [*(base.triggers() if base else ()), *stage.instructions]:
            for name in instruction.sources():
                numbered = instruction.keyword == "COPY" and _NUMBER.fullmatch(name)
                source = self._source(name) if numbered else self._last_named(name)
                if source or not numbered:
                    found.append(Need(instruction.keyword, source or name))
        return found

    def _check_names(self, stage: Stage) -> None:
        if stage.fault and self._base(stage) is None:
            raise DockerfileError(stage.fault)
        for instruction in stage.instructions:
            for name in instruction.sources():
                is_stage = self._last_named(name) or (
                    instruction.keyword == "COPY" and _NUMBER.fullmatch(name)
                )
                fault = name_fault(name)
                if fault and not is_stage:
                    place = f"{instruction.keyword} on line {instruction.line}"
                    raise DockerfileError(
                        f"{place} takes files from {name!r}, where the builder replaces no variable; "
                        f"write `FROM {name} AS NAME` in a stage above, and take them from NAME."
                        if "$" in name
                        else f"{place} names the image {name!r}, which is not valid: {fault}."
                    )

    def _base(self, stage: Stage) -> Stage | None:
        """Return the stage behind a stage's ``FROM``: the nearest one above with that name."""
        same = [number for number in self._named.get(stage.base, []) if number < stage.index]
        return self.stages[same[-1]] if same else None

    def _source(self, name: str) -> Stage | None:
        """Return the stage that ``COPY --from=name`` means, by number or by name (the last one wins)."""
        if _NUMBER.fullmatch(name):
            return self.stages[int(name)] if 0 <= int(name) < len(self.stages) else None
        return self._last_named(name)

    def _last_named(self, name: str) -> Stage | None:
        numbers = self._named.get(name.lower())
        return self.stages[numbers[-1]] if numbers else None

    @cached_property
    def _named(self) -> dict[str, list[int]]:
        named: dict[str, list[int]] = {}
        for stage in self.stages:
            if stage.name:
                named.setdefault(stage.name, []).append(stage.index)
        return named


def read(
    path: Path, build_args: Mapping[str, str] | None = None, architecture: str | None = None
) -> Dockerfile:
    """Read a Dockerfile from disk and `parse` it. Raises `DockerfileError` when it cannot be read.

    Like the builder, this follows links only inside the file's folder, and takes bytes that are not
    UTF-8 for unknown letters.
    """
    file = paths.inside(path.parent, path.name)
    if file is None and path.exists():
        raise DockerfileError(
            f"{path} is a link that leads out of its folder, where the builder does not follow it; "
            "put a copy in its place."
        )
    if file is None:
        raise DockerfileError(f"There is no Dockerfile at {path}; check the path.")
    if not file.is_file():
        raise DockerfileError(f"{path} cannot be read, because it is no plain file; check the path.")
    try:
        text = file.read_bytes().decode(errors="replace")
    except OSError as error:
        raise DockerfileError(f"{path} cannot be read ({error.strerror}); check the path.") from None
    try:
        return parse(text, build_args, architecture)
    except DockerfileError as error:
        raise DockerfileError(f"{path}: {error}") from None


def parse(
    text: str, build_args: Mapping[str, str] | None = None, architecture: str | None = None
) -> Dockerfile:
    """Parse a Dockerfile's text; ``build_args`` override the defaults of its global ``ARG``.

    ``architecture`` is the value of ``TARGETARCH``; the default is this machine's CPU. Raises
    `DockerfileError` when there is no stage, or when a ``FROM``, a here-document or a directive is
    broken. `Dockerfile.base_images` refuses invalid image names; the builder checks the rest.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    if not lines[-1]:
        lines.pop()
    directives = _directives(lines)
    escape = directives.get("escape", "\\")
    instructions = tuple(_instructions(lines, escape))
    given = dict(build_args or {})
    known = _platform(architecture)
    known |= {name: value for name, value in given.items() if name in known}
    stages = _stages(instructions, given, known, escape)
    return Dockerfile(directives, instructions, stages, text, given, known)


def _directives(lines: list[str]) -> dict[str, str]:
    """Return the directives; after a first line ``#!…``, ``escape`` is ignored, as in BuildKit."""
    found: dict[str, str] = {}
    shebang = lines[:1] and lines[0].startswith("#!")
    for line in lines[1:] if shebang else lines:
        match = _DIRECTIVE.match(line.strip(SPACE))
        name = match[1].lower() if match else ""
        if not match or name not in _DIRECTIVES:
            break
        if name in found:
            if shebang:
                break
            raise DockerfileError(f"it gives the directive `{name}` twice; remove one.")
        found[name] = match[2]
    if shebang:
        found.pop("escape", None)
    if found.get("escape", "\\") not in ("\\", "`"):
        raise DockerfileError(f"its escape character is {found['escape']}; it may be \\ or ` only.")
    return found


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    number = 0
    while number < len(lines):
        first = number
        logical, number = _logical_line(lines, number, escape)
        if logical is None:
            continue
        keyword, flags, value = _split(logical, escape)
        bodies: list[str] = []
        for word, chomp in _heredocs(logical, keyword, value, escape):
            body, number = _body(lines, number, word, chomp=chomp)
            bodies.append(body)
        yield Instruction(keyword, flags, value, first + 1, number, tuple(bodies))


def _logical_line(lines: list[str], number: int, escape: str) -> tuple[str | None, int]:
    """Return a line joined with its continuations, and the number of the next line.

    The text is None for a comment or blank line. Such lines between continued lines are dropped.
    """
    if _is_dropped(lines[number]):
        return None, number + 1
    mark = re.escape(escape)
    continuation = re.compile(rf"(?:(?<=[^{mark}])|^){mark}[ \t]*\Z")
    line, joined = lines[number].lstrip(SPACE), ""
    while True:
        number += 1
        body, continued = continuation.subn("", line.rstrip("\r\n"))
        joined += body
        while continued and number < len(lines) and _is_dropped(lines[number]):
            number += 1
        if not continued or number >= len(lines):
            return joined, number
        line = lines[number]


def _is_dropped(line: str) -> bool:
    return line.lstrip(SPACE)[:1] in ("", "#")


def _split(logical: str, escape: str) -> tuple[str, tuple[str, ...], str]:
    """Split an instruction into its keyword, its flags and the rest."""
    keyword, *rest = _GAP.split(logical.strip(SPACE), maxsplit=1)
    flags, value = _flags(rest[0], escape) if rest else ((), "")
    return keyword.upper(), flags, value.strip(SPACE)


def _flags(rest: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Return the leading words that begin with ``--``, without quotes, and the rest; ``--`` ends them.

    BuildKit reads each byte as a character here, which garbles letters outside ASCII; so does this.
    """
    flags: list[str] = []
    at = 0
    rest = rest.encode().decode("latin-1")
    while True:
        while at < len(rest) and rest[at] in SPACE:
            at += 1
        if not rest.startswith("--", at):
            return tuple(flags), rest[at:].encode("latin-1").decode(errors="replace")
        flag, at = _flag(rest, at, escape)
        if flag == "--":
            return tuple(flags), rest[at:].encode("latin-1").decode(errors="replace")
        flags.append(flag)


def _flag(rest: str, at: int, escape: str) -> tuple[str, int]:
    flag, quote = "", ""
    while at < len(rest) and (quote or rest[at] not in SPACE):
        character = rest[at]
        if not quote and character in "'\"":
            quote = character
        elif character == quote:
            quote = ""
        elif character == escape:
            at += 1
            flag += rest[at : at + 1]
        else:
            flag += character
        at += 1
    return flag, at


def _trigger(onbuild: Instruction) -> Instruction:
    keyword, flags, value = _split(onbuild.value, "\\")
    return Instruction(keyword, flags, value, onbuild.line, onbuild.end, onbuild.heredocs)


def _heredocs(logical: str, keyword: str, value: str, escape: str) -> list[tuple[str, bool]]:
    """Return the end word of each here-document that an instruction opens, and whether it has a dash.

    The JSON form opens no here-document, because its words are quoted.
    """
    if keyword == "ONBUILD":
        keyword, _, value = _split(value, escape)
    if keyword not in _TAKES_HEREDOC or "<<" not in logical:
        return []
    try:
        words = Words(logical, raw=True).words()
        found = [match for word in words if (match := _HEREDOC.fullmatch(word))]
        names = [Words(match[2]).words() for match in found]
    except DockerfileError:
        return []
    return [
        (name[0], bool(match[1])) for match, name in zip(found, names, strict=True) if len(name) == 1
    ]


def _body(lines: list[str], number: int, word: str, *, chomp: bool) -> tuple[str, int]:
    body: list[str] = []
    for last in range(number, len(lines)):
        line = lines[last].lstrip("\t") if chomp else lines[last]
        if line.rstrip("\r\n") == word:
            return "".join(body), last + 1
        body.append(line + "\n")
    raise DockerfileError(
        f"the here-document <<{word} on line {number} has no end line `{word}`; add it."
    )


def _json_words(value: str) -> list[str]:
    """Return the words of the JSON form; empty for the shell form."""
    try:
        words = json.loads(value) if value.startswith("[") else []
    except (ValueError, RecursionError):
        return []
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else []


def _platform(architecture: str | None) -> dict[str, str]:
    """Return the arguments that BuildKit sets without an ``ARG`` in the file."""
    machine = platform.machine().lower()
    architecture = architecture or {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    known = {}
    for side in ("BUILD", "TARGET"):
        known[f"{side}PLATFORM"] = f"linux/{architecture}"
        known |= {f"{side}OS": "linux", f"{side}ARCH": architecture, f"{side}VARIANT": ""}
    return known


def _stages(
    instructions: tuple[Instruction, ...], given: dict[str, str], known: dict[str, str], escape: str
) -> tuple[Stage, ...]:
    starts = [n for n, instruction in enumerate(instructions) if instruction.keyword == "FROM"]
    if not starts:
        raise DockerfileError("it has no FROM instruction, so there is nothing to build on.")
    for instruction in instructions[: starts[0]]:
        if instruction.keyword != "ARG":
            raise DockerfileError(
                f"{instruction.keyword} on line {instruction.line} stands before the first FROM, where "
                "only ARG may stand; move it below."
            )
        _take_arguments(instruction, given, known, escape)
    ends = [*starts[1:], len(instructions)]
    return tuple(
        _stage(index, instructions[start], instructions[start + 1 : end], known, escape)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )


def _take_arguments(
    instruction: Instruction, given: dict[str, str], known: dict[str, str], escape: str
) -> None:
    for assignment in split(instruction.value, escape):
        name, has_default, default = assignment.partition("=")
        if name in given:
            known[name] = given[name]
        elif has_default:
            known[name] = _expand(instruction, default, known, escape)


def _stage(
    index: int, start: Instruction, body: tuple[Instruction, ...], known: dict[str, str], escape: str
) -> Stage:
    words = _GAP.split(start.value) if start.value else []
    named = len(words) == 3 and words[1].lower() == "as"
    if len(words) != 1 and not named:
        raise DockerfileError(
            f"FROM on line {start.line} must read `FROM image` or `FROM image AS name`."
        )
    name = words[2].lower() if named else None
    if name and not _STAGE_NAME.fullmatch(name):
        raise DockerfileError(
            f"FROM on line {start.line} calls its stage {words[2]}; a stage's name begins with a letter "
            "and goes on with letters, digits, `-`, `_` and `.`."
        )
    base, fault = _base_name(start, words[0], known, escape)
    return Stage(index, name, base, body, fault)


def _base_name(
    start: Instruction, written: str, known: Mapping[str, str], escape: str
) -> tuple[str, str]:
    """Return the name behind a ``FROM``, and a sentence that says why it is invalid, or "".

    When replacing the variables leaves nothing, the name is returned as it is written.
    """
    place = f"FROM on line {start.line}"
    try:
        base = expand(written, known, escape)
    except DockerfileError as error:
        return written, f"{place}: {error}"
    fault = name_fault(base) if base else "it is empty"
    if not fault:
        return base, ""
    names = dict.fromkeys(re.findall(r"\$\{?([A-Za-z_]\w*)", written))
    unset = [f"`{name}`" for name in names if not known.get(name)]
    if not unset:
        return base, f"{place} names the image {base!r}, which is not valid: {fault}."
    return base or written, (
        f"{place} names the image {written!r}, which is not valid, because {' and '.join(unset)} "
        f"{'has' if len(unset) == 1 else 'have'} no value; give an ARG before the first FROM a default, "
        "or pass a build argument."
    )


def split(text: str, escape: str) -> list[str]:
    """Split at spaces outside quotes; quotes and escapes stay in the words."""
    words, word, quote, at = [], "", "", 0
    while at < len(text):
        character = text[at]
        if not quote and character in SPACE:
            words.append(word)
            word = ""
        else:
            if character == escape and quote != "'":
                at += 1
                character = character + text[at] if at < len(text) else ""
            elif character == quote:
                quote = ""
            elif not quote and character in "'\"":
                quote = character
            word += character
        at += 1
    return [word for word in (*words, word) if word]


def _expand(instruction: Instruction, text: str, known: Mapping[str, str], escape: str) -> str:
    try:
        return expand(text, known, escape)
    except DockerfileError as error:
        raise DockerfileError(f"{instruction.keyword} on line {instruction.line}: {error}") from None
