"""Rules on what ships though only the build needs it: told by the text, and measured in the image.

The text tells how a build's folder is copied whole. The image tells bytes: caches, tools, tests.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from helpers.buildx.dockerfile import Instruction, Stage
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import layers, purpose, reach, shell_commands
from helpers.examine.rules.layers import Walk

_INTERPRETED = {  # projects whose sources are what runs
    *("composer.json", "manage.py", "Gemfile", "requirements.txt", "pyproject.toml", "setup.py"),
    *("mix.exs", "cpanfile", "artisan", "wsgi.py", "app.py"),
}
_CLEANS = re.compile(
    r"\brm -\w*r|\bfind\b.*-delete|\bgit clean\b|\bprune\b|--production\b|--omit[= ]dev"
)


def check(sources: Sources) -> list[Finding]:
    """Return a finding for each copy that takes over the whole folder in which a stage has built."""
    if sources.context is None:
        return []
    walk = layers.walk(sources.file)
    names = {entry.path.rpartition("/")[2] for entry in sources.survey.sent} if sources.survey else set()
    if purpose.develops(sources, walk) or names & _INTERPRETED:
        return []
    return [
        found
        for stage in sources.file.lineage(sources.project.target)
        for copy in stage.instructions
        for found in _whole_folder(sources, walk, copy)
    ]


def _whole_folder(sources: Sources, walk: Walk, copy: Instruction) -> Iterator[Finding]:
    builder = sources.file.source_stage(copy.flag("from") or "") if copy.keyword == "COPY" else None
    if builder is None:
        return
    history = walk.history(builder)
    ran = [one.instruction for one in history if one.instruction.keyword == "RUN"]
    built = [(run, c) for run in ran for c in shell_commands.commands(run) if shell_commands.builds(c)]
    if not built or any(_CLEANS.search(run.value) for run in ran):
        return
    run, command = built[-1]
    folders = _filled(sources, builder)
    taken = [word for word in copy.words()[:-1] if reach.cleaned(word) in folders]
    if taken:
        yield Finding(
            "whole-build-folder",
            "size",
            Severity.HINT,
            copy.line,
            f"It copies all of {taken[0]} from `{builder.label}`, the sources and all that the build "
            f"needed too, not only what `{' '.join(command[:3])}` (line {run.line}) made.",
            "Copy only what the program reads while it runs: what was built, and the dependencies for "
            "production.",
        )


def _filled(sources: Sources, stage: Stage) -> set[str]:
    """Return the folders of a stage, or of those below it, into which the whole context is copied."""
    lineage = [stage]
    while (parent := sources.file.parent(lineage[-1])) is not None:
        lineage.append(parent)
    indices = {one.index for one in lineage}
    return {
        posixpath.normpath(one.folder)
        for one in reach.takings(sources)
        if one.stage.index in indices and one.copy.takes_all and posixpath.normpath(one.folder) != "/"
    }
