"""Walk through the instructions of each stage, with what a command sees when it runs there.

This module knows what the Dockerfile itself sets. What a base image sets stays unknown.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from helpers.buildx import copies
from helpers.buildx.context import Survey
from helpers.buildx.copies import Copy
from helpers.buildx.dockerfile import Dockerfile, Instruction, Stage
from helpers.examine.gather import Sources
from helpers.examine.rules import shell_commands


@dataclass(frozen=True)
class Layer:
    """One instruction of a stage: the variables and the user that a command would have there.

    ``user`` is empty as long as no USER says one. ``shell`` holds the words of SHELL, or is empty.
    ``copy`` is what a COPY or ADD takes from the context.
    """

    instruction: Instruction
    variables: Mapping[str, str]
    user: str = ""
    shell: tuple[str, ...] = ()
    copy: Copy | None = None

    @property
    def as_root(self) -> bool:
        """Whether a command runs as root, as far as the file says."""
        return self.user.partition(":")[0] in ("", "0", "root")


@dataclass(frozen=True, eq=False)
class Walk:
    """The layers of each stage of a Dockerfile by the stage's number, with triggered instructions."""

    file: Dockerfile
    survey: Survey | None
    own: Mapping[int, tuple[Layer, ...]]
    _taken: dict[Copy, frozenset[str]] = field(default_factory=dict)

    def history(self, stage: Stage) -> list[Layer]:
        """Return the layers of a stage and of the stages that it is built from, the lowest first."""
        chain = [stage]
        while (parent := self.file.parent(chain[-1])) is not None:
            chain.append(parent)
        return [layer for one in reversed(chain) for layer in self.own[one.index]]

    def base(self, stage: Stage) -> str:
        """Return the name of the image at the bottom of a stage."""
        while (parent := self.file.parent(stage)) is not None:
            stage = parent
        return stage.base

    def taken(self, copy: Copy) -> frozenset[str]:
        """Return the files that a copy takes; none where the context is not known."""
        if self.survey is None:
            return frozenset()
        if copy not in self._taken:
            self._taken[copy] = copy.taken(self.survey)
        return self._taken[copy]


@functools.lru_cache(maxsize=1)
def walk(sources: Sources) -> Walk:
    """Return the layers of every stage of a Dockerfile; the last result is kept."""
    file = sources.file
    own: dict[int, tuple[Layer, ...]] = {}
    ends: dict[int, tuple[copies.Variables, str, tuple[str, ...]]] = {}
    for stage in file.stages:  # a stage stands below those that it is built from
        parent = file.parent(stage)
        if parent is None:
            variables = copies.Variables(file, from_scratch=stage.base == "scratch")
            user, shell = "", tuple[str, ...]()
        else:
            variables, user, shell = ends[parent.index]
            variables = variables.fork()
        known: Mapping[str, str] = variables.known()
        layers = []
        for instruction in [*(parent.triggers() if parent else ()), *stage.instructions]:
            if instruction.keyword in ("ARG", "ENV"):
                variables.follow(instruction)
                known = variables.known()
            elif instruction.keyword == "USER":
                user = instruction.value
            elif instruction.keyword == "SHELL":
                shell = tuple(instruction.words())
            copy = variables.copy(instruction) if copies.written(instruction) else None
            layers.append(Layer(instruction, known, user, shell, copy))
        own[stage.index] = tuple(layers)
        ends[stage.index] = variables, user, shell
    return Walk(file, sources.survey, own)


@functools.lru_cache(maxsize=8)
def taken(sources: Sources, stage: Stage) -> frozenset[str] | None:
    """Return the files of the context that reach a stage, also through the stages it takes from.

    A file that a RUN mounts counts. The result is None when the context is not known.
    """
    if sources.survey is None:
        return None
    walked = walk(sources)
    found: set[str] = set()
    waiting, seen = [stage], set()
    while waiting:
        one = waiting.pop()
        if one.index in seen:
            continue
        seen.add(one.index)
        needs = (need.source for need in sources.file.draws_on(one))
        waiting += [source for source in needs if isinstance(source, Stage)]
        for layer in walked.own[one.index]:
            run = layer.instruction
            for copy in _mounted(run) if run.keyword == "RUN" else filter(None, [layer.copy]):
                found |= walked.taken(copy)
    return frozenset(found)


def rewrites_manifests(instruction: Instruction) -> bool:
    """Whether an instruction puts another file in the place of package.json, or edits it."""
    words = instruction.words()
    if instruction.keyword in ("ADD", "COPY") and len(words) == 2:
        return _is_manifest(words[1]) and not _is_manifest(words[0])
    return instruction.keyword == "RUN" and any(
        command[0] in ("mv", "cp", "sed", "rm", "jq", "ln") and any(map(_is_manifest, command[1:]))
        for command in shell_commands.commands(instruction)
    )


def _is_manifest(word: str) -> bool:
    return word.rpartition("/")[2] in ("package.json", "package*.json", "package-lock.json")


def _mounted(run: Instruction) -> list[Copy]:
    """Return what a RUN mounts from the context, as copies."""
    made = []
    for mount in run.flag_values("mount"):
        options = dict(part.partition("=")[::2] for part in mount.split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            source = options.get("source") or options.get("src") or "."
            made.append(Copy(run, (source,)))
    return made
