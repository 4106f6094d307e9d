"""Rules that find, in a Dockerfile's text, what makes its image larger than necessary.

The rules only look at the parsed text. `image.image` and `examine.removable` count the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from helpers.buildx.dockerfile import Dockerfile, Instruction, Stage
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import dependencies, layers, shell_commands
from helpers.examine.rules.shell_commands import Command


def check(sources: Sources) -> list[Finding]:
    """Return the findings for the stages whose layers are in the image."""
    file = sources.file
    lineage = file.lineage(sources.project.target)
    own = [i for stage in lineage for i in stage.instructions]
    walk = layers.walk(file)
    return [
        *_one_stage(file, lineage, own),
        *dependencies.check(sources, walk),
        *_copied_twice(own),
        *_removed_later(own),
    ]


def _one_stage(
    file: Dockerfile, lineage: Sequence[Stage], own: Sequence[Instruction]
) -> Iterator[Finding]:
    """Find images that contain their own build tools: the build step is in a stage that ships."""
    if any(i.keyword == "COPY" and i.flag("from") for i in own):
        return
    runs = [i for i in own if i.keyword == "RUN"]
    kept = [run for run in runs if not any(map(_uninstalls, shell_commands.commands(run)))]
    builds = [(run, c) for run in kept for c in shell_commands.commands(run) if shell_commands.builds(c)]
    if builds:
        run, command = builds[0]
        yield Finding(
            "one-stage",
            "size",
            Severity.WARNING,
            run.line,
            f"`{' '.join(command[:3])}` runs in the stage that ships, so the compiler, the sources and "
            "what only the build needs ship as well.",
            "Name this stage (`FROM … AS builder`), add a stage on a smaller base, and take the result "
            "over with `COPY --from=builder`.",
        )


def _uninstalls(command: Command) -> bool:
    """Whether a command removes packages again, as in a step that cleans up after itself."""
    verbs = {"del", "purge", "remove", "autoremove"}
    return command[0] in ("apk", "apt", "apt-get", "dnf", "yum") and bool(verbs & set(command[1:4]))


def _copied_twice(own: Sequence[Instruction]) -> Iterator[Finding]:
    """Find a recursive chown or chmod, which stores every file that it changes a second time.

    A step that makes the folder itself gives no finding. Nor does a step with no copy above it.
    """
    copied = False
    for instruction in own:
        copied = copied or instruction.keyword in ("ADD", "COPY")
        ran = shell_commands.commands(instruction) if instruction.keyword == "RUN" else []
        made = any(command[0] in ("install", "mkdir", "useradd", "adduser") for command in ran)
        for command in ran if copied and not made else ():
            if command[0] in ("chown", "chmod") and {"-R", "--recursive", "-hR", "-Rh"} & set(command):
                yield Finding(
                    "copied-twice",
                    "size",
                    Severity.WARNING,
                    instruction.line,
                    f"`{' '.join(command)}` stores each file that it changes once more, in a new layer.",
                    f"Give it to the copy: `COPY --{command[0]}=…`.",
                )


def _removed_later(own: Sequence[Instruction]) -> Iterator[Finding]:
    """Find steps that only remove files, which stay in the layer below."""
    for instruction in own:
        ran = shell_commands.commands(instruction) if instruction.keyword == "RUN" else []
        if ran and all(_removes(command) for command in ran):
            yield Finding(
                "removed-later",
                "size",
                Severity.HINT,
                instruction.line,
                f"`{' '.join(ran[0])}` frees nothing: the files stay in the layer that made them.",
                "Remove them in the RUN that makes them, or leave them behind in an earlier stage.",
            )


def _removes(command: Command) -> bool:
    cleaning = {"clean", "autoremove", "purge", "remove"} & set(command[1:3])
    return command[0] in ("rm", "rmdir") or bool(cleaning and command[0] not in ("make", "mvn"))
