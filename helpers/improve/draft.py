"""A Dockerfile and its ignore file while they are improved, and the edits that change them.

Edits keep comments, layout and line ends. This module runs nothing and writes nothing; the context is
only read.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from helpers.buildx import context as contexts
from helpers.buildx import copies, dockerignore
from helpers.buildx import dockerfile as dockerfiles
from helpers.buildx.context import Survey
from helpers.buildx.copies import Copy
from helpers.buildx.dockerfile import Dockerfile, Instruction, Stage
from helpers.examine import Project
from helpers.host import paths
from helpers.image.filesystem import File

_CODE = re.compile(r"\.([cm]?[jt]sx?|go|py)$")
_NOT_THE_PROGRAM = re.compile(
    r"(^|/)(node_modules|tests?|__tests__|scripts?|e2e)/|\.(test|spec|config)\.[^/]*$"
    r"|_test\.go$|(^|/)test_[^/]*\.py$"
)
_ASKED = re.compile(
    r"(?:\brequire(?:\.resolve)?\(|\bimport\(|\bfrom|^\s*import)\s*[\"']((?:@[\w.-]+/)?[\w-][\w.-]*)",
    re.MULTILINE,
)
_TYPES = re.compile(r"(?m)^\s*(?:import|export) type\b[^;'\"]*from\s*['\"][^'\"]*['\"]")
_LARGEST = 4_000_000  # bytes of a file of the context that is read


@dataclass(frozen=True)
class Seen:
    """What was seen of the image that the draft gives: its settings, its files, what its process wrote.

    ``settings`` are those that a container starts with (``Cmd``, ``Env``, …). ``base_layers`` is the
    number of layers of the base. ``ports`` are those that it listened on, ``wrote`` holds the paths that
    the running process made or changed.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[File] = ()
    base_layers: int = 0
    ports: frozenset[int] = frozenset()
    wrote: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """Lines ``first`` to ``last``, counted from 1, become ``lines``; a ``last`` below inserts."""

    first: int
    last: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """The Dockerfile's ``text`` and the ``ignore`` file's text as they stand now; "" for no file."""

    project: Project
    text: str
    ignore: str
    survey: Survey
    seen: Seen | None = None
    architecture: str | None = None

    @cached_property
    def file(self) -> Dockerfile:
        """The Dockerfile, read."""
        return dockerfiles.parse(self.text, self.project.build_args, self.architecture)

    @property
    def stage(self) -> Stage:
        """The stage that ships."""
        return self.file.stage(self.project.target)

    @property
    def single(self) -> bool:
        """Whether the file has one stage only."""
        return len(self.file.stages) == 1

    @cached_property
    def shipped(self) -> list[Instruction]:
        """The instructions of the stages whose layers ship, in order, without FROM."""
        lineage = self.file.lineage(self.project.target)
        return [instruction for stage in lineage for instruction in stage.instructions]

    @cached_property
    def needed(self) -> list[Stage]:
        """The stages that the build runs."""
        return self.file.needs(self.project.target)

    def start_of(self, stage: Stage) -> Instruction:
        """Return the FROM of a stage."""
        return [i for i in self.file.instructions if i.keyword == "FROM"][stage.index]

    def copies_of(self, stage: Stage) -> list[Copy]:
        """Return a stage's copies from the context."""
        return copies.of_stage(self.file, stage)

    def raw(self, instruction: Instruction) -> str:
        """Return the lines of an instruction as they are written, joined by newlines."""
        return "\n".join(self._lines[instruction.line - 1 : instruction.end])

    def replaced(self, instruction: Instruction, pattern: str, new: str) -> Edit | None:
        """Return an edit that replaces what ``pattern`` finds in an instruction; None if it finds none.

        ``new`` is as for `re.sub`. The pattern may not find anything in a comment between the lines.
        """
        lines = self._lines[instruction.line - 1 : instruction.end]
        made = [line if line.lstrip()[:1] == "#" else re.sub(pattern, new, line) for line in lines]
        return Edit(instruction.line, instruction.end, tuple(made)) if made != lines else None

    def edited(self, edits: Sequence[Edit], ignored: Sequence[str] = ()) -> Draft:
        """Return the draft with these edits made, and these lines added to the ignore file."""
        lines, ending = list(self._lines), self._ending
        for edit in sorted(edits, key=lambda one: (one.first, one.last), reverse=True):
            made = [line.removesuffix("\r") + ending for line in edit.lines]
            at_end = edit.first > len(lines)
            if lines and at_end and not self._ends_with_newline:
                lines[-1] = lines[-1].removesuffix("\r") + ending
            lines[edit.first - 1 : edit.last] = made
        text = "\n".join(lines) + ("\n" if self._ends_with_newline or not lines else "")
        if not self._ends_with_newline:
            text = text.removesuffix("\r")
        ignore, survey = self.ignore, self.survey
        if ignored:
            line_end = "\r\n" if "\r\n" in (ignore or self.text) else "\n"
            gap = line_end if ignore and not ignore.endswith("\n") else ""
            ignore += gap + "".join(line + line_end for line in ignored)
            survey = contexts.survey(self.project.context, dockerignore.parse(ignore))
        return dataclasses.replace(self, text=text, ignore=ignore, survey=survey)

    def read(self, path: str) -> str | None:
        """Return the text of a file of the context that is sent; None when there is no such text."""
        if path not in self._sent:
            return None
        file = paths.inside(self.project.context, path)
        try:
            if file is None or file.stat().st_size > _LARGEST:
                return None
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def has(self, path: str) -> bool:
        """Whether the context sends a file or folder at a path."""
        return path in self._sent

    def json(self, path: str) -> dict[str, Any]:
        """Return a JSON object of the context; empty when there is none at the path."""
        try:
            found = json.loads(self.read(path) or "")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def home(self) -> str:
        """The folder of the context whose package.json the stages use: "" or such as ``server/``."""
        taken = [
            {
                path.removesuffix("package.json")
                for copy in self.copies_of(stage)
                for path in copy.taken(self.survey)
                if path.rpartition("/")[2] == "package.json" and "node_modules/" not in path
            }
            for stage in (*self.needed, self.stage)
        ]
        every = set().union(*taken)
        own = every if len(every) == 1 else taken[-1]
        return own.pop() if "" not in every and len(own) == 1 else ""

    @property
    def package(self) -> dict[str, Any]:
        """The package.json that the stages use; empty when there is none."""
        return self.json(f"{self.home}package.json")

    def asked_for(self) -> set[str]:
        """Return the packages that the sources ask for by ``require`` or ``import``, types left out."""
        return {name for text in self.sources() if text for name in _ASKED.findall(_TYPES.sub("", text))}

    def sources(self) -> Iterator[str | None]:
        """Yield the text of each source (JavaScript, TypeScript, Go, Python), None if it cannot be read.

        Packages, tests, scripts and settings of tools are left out.
        """
        for entry in self.survey.sent:
            if (
                entry.kind == "file"
                and _CODE.search(entry.path)
                and not _NOT_THE_PROGRAM.search(entry.path)
            ):
                yield self.read(entry.path)

    @cached_property
    def _sent(self) -> frozenset[str]:
        return frozenset(entry.path for entry in self.survey.sent)

    @cached_property
    def _lines(self) -> list[str]:
        lines = self.text.split("\n")
        return lines[:-1] if self._ends_with_newline else lines

    @property
    def _ends_with_newline(self) -> bool:
        return self.text.endswith("\n")

    @property
    def _ending(self) -> str:
        return "\r" if "\r\n" in self.text else ""


@dataclass(frozen=True)
class Change:
    """One proposal: its rule, the reason in a sentence, the lines that it touches, the draft after it.

    ``gains`` says in a phrase what it gains beside bytes; empty when only bytes can justify it.
    ``takes_away`` is True when files that the program might use are left out of the image, or when its
    system or its user changes: only an image whose program was seen at work may be changed so.
    """

    rule: str
    reason: str
    lines: tuple[int, ...]
    draft: Draft
    gains: str = ""
    takes_away: bool = False


Proposer = Callable[[Draft], Change | None]
