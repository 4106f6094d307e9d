"""Follow what a COPY takes from the build context: into which stage, and from there into the image.

Only the text is followed: a file that a RUN moves or removes counts as one that stays. Variables are
compared as they are written.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass

from helpers.buildx import copies
from helpers.buildx.copies import Copy
from helpers.buildx.dockerfile import Dockerfile, Instruction, Stage
from helpers.examine.gather import Sources

_BRACES = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Taking:
    """One copy from the build context in a stage that the build runs, and the folder it copies to."""

    copy: Copy
    stage: Stage
    folder: str

    def place(self, path: str) -> str:
        """Return where a path of the context lies in the stage after the copy."""
        for source in self.copy.sources:
            whole = posixpath.normpath(f"/{source}").strip("/")
            if not self.copy.parents and (not whole or path.startswith(f"{whole}/")):
                return posixpath.join(self.folder, path[len(whole) :].lstrip("/"))
        return posixpath.join(self.folder, path if self.copy.parents else posixpath.basename(path))


def takings(sources: Sources) -> list[Taking]:
    """Return the copies from the context of all stages that a build of the target runs."""
    file = sources.file
    return [
        Taking(copy, stage, _folder(file, stage, copy.instruction))
        for stage in file.needs(sources.project.target)
        for copy in copies.of_stage(file, stage)
    ]


def ships(sources: Sources, taking: Taking, path: str) -> bool:
    """Whether a path of the context that a copy takes is in the image of the target."""
    file, seen = sources.file, set[tuple[int, str]]()
    lineage = {one.index for one in file.lineage(sources.project.target)}
    waiting = [(taking.stage, taking.place(path))]
    while waiting:
        at, place = waiting.pop()
        if at.index in lineage:
            return True
        if (at.index, place) in seen:
            continue
        seen.add((at.index, place))
        for other in file.needs(sources.project.target):
            if file.parent(other) == at:
                waiting.append((other, place))
            for copy in other.instructions:
                if copy.keyword == "COPY" and file.source_stage(copy.flag("from") or "") == at:
                    moved = _moved(file, other, copy, place)
                    waiting += [(other, moved)] if moved else []
    return False


def cleaned(word: str) -> str:
    """Return a path of another stage, as a copy names it, in its shortest absolute form."""
    return posixpath.normpath("/" + _BRACES.sub(r"$\1", word).lstrip("/"))


def _moved(file: Dockerfile, stage: Stage, copy: Instruction, place: str) -> str:
    """Return where a copy from another stage puts what lies at a place there; empty when nowhere."""
    for word in copy.words()[:-1]:
        source = cleaned(word)
        folder = _folder(file, stage, copy)
        if source == "/" or place.startswith(f"{source}/"):
            return posixpath.join(folder, place[len(source.rstrip("/")) :].lstrip("/"))
        if fnmatch.fnmatchcase(place, source):
            return posixpath.join(folder, posixpath.basename(place))
    return ""


def _folder(file: Dockerfile, stage: Stage, copy: Instruction) -> str:
    """Return the folder that a copy of a stage copies to; a base's own WORKDIR counts as ``/``."""
    at = "/"
    lineage = [stage]
    while (parent := file.parent(lineage[0])) is not None:
        lineage.insert(0, parent)
    for one in lineage:
        for instruction in one.instructions:
            if instruction == copy:
                break
            if instruction.keyword == "WORKDIR":
                at = _joined(at, instruction.value.strip("\"'"))
    words = copy.words()
    return _joined(at, words[-1]) if words else at


def _joined(folder: str, path: str) -> str:
    path = _BRACES.sub(r"$\1", path)
    rooted = path.startswith("$")  # a variable of a folder is nearly always an absolute path
    return posixpath.normpath("/" + path.lstrip("/") if rooted else posixpath.join(folder, path))
