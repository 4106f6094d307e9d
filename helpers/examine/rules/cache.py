"""Rules that find, in a Dockerfile's text, why its build cache misses more often than necessary.

The rules only look at the parsed text. `examine.rebuild` measures whether a step really loses its cache.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Collection, Iterator, Sequence

from helpers.buildx import copies
from helpers.buildx.copies import Copy
from helpers.buildx.dockerfile import Dockerfile, Instruction, Stage
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import shell_commands
from helpers.examine.rules.shell_commands import INSTALLERS, Command, Installer

_WILDCARD = re.compile(r"[*?[]")
_SOURCE_FOLDERS = {
    "app",
    "cmd",
    "internal",
    "lib",
    "server",
    "source",
    "sources",
    "src",
    "test",
    "tests",
}
_CHANGES = re.compile(  # names of values that change with each build: GIT_SHA, BUILD_DATE
    r"(?i)(git|vcs|ci|commit|build|source|app|release|image|project)_?"
    r"(sha1?|hash|commit|ref|rev|revision|version|number|id|date|time|timestamp|tag|branch)"
    r"|(sha1?|commit|commit_sha|revision|version|timestamp|cache_?bust\w*)"
)
_PINNED = re.compile(r"['\"]?[0-9a-f]{20,}['\"]?")  # a checksum as a default does not change


def check(sources: Sources) -> list[Finding]:
    """Return the findings for the stages that a build of the target runs.

    Arguments given from outside count as changing often.
    """
    file, given = sources.file, set(sources.project.build_args)
    found: list[Finding] = []
    source_copies = functools.cache(lambda stage: _source_copies(file, stage))
    for stage in file.needs(sources.project.target):
        above = _above(file, stage)
        inherited = [i for lower in above for i in lower.instructions]
        parent = file.parent(stage)
        own = [*(parent.triggers() if parent else ()), *stage.instructions]
        copied = {copy for one in [*above, stage] for copy in source_copies(one)}
        found += _sources_before_installs(inherited, own, copied)
        found += _early_arguments(own, given)
        for instruction in own:
            found += _update_alone(instruction)
            found += _remote_add(instruction)
            found += _clone(instruction)
            found += _no_cache_mount(instruction)
    return found


def _source_copies(file: Dockerfile, stage: Stage) -> list[Instruction]:
    return [copy.instruction for copy in copies.of_stage(file, stage) if _copies_sources(copy)]


def _above(file: Dockerfile, stage: Stage) -> list[Stage]:
    """Return the stages that a stage is built from, the lowest first."""
    chain: list[Stage] = []
    parent = file.parent(stage)
    while parent is not None:
        chain.append(parent)
        parent = file.parent(parent)
    return chain[::-1]


def _sources_before_installs(
    inherited: Sequence[Instruction], own: Sequence[Instruction], sources: Collection[Instruction]
) -> Iterator[Finding]:
    """Find installs below the first copy of ``sources``, which run again after each edit of a source."""
    copy: Instruction | None = None
    early: set[str] = set()
    for at, instruction in enumerate([*inherited, *own]):
        if copy is None and instruction in sources:
            copy = instruction
        if instruction.keyword != "RUN":
            continue
        for installer, command in shell_commands.installs(instruction):
            if copy is None:
                early.add(installer.name)
            elif installer.name not in early and at >= len(inherited):
                yield _late_install(copy, instruction, installer, command)
                early.add(installer.name)


def _copies_sources(copy: Copy) -> bool:
    """Whether a copy takes the whole context or a folder of sources, not only a single file."""
    return copy.takes_all or any(
        path.removeprefix("./").strip("/").partition("/")[0] in _SOURCE_FOLDERS
        and not _names_a_file(path.rpartition("/")[2])
        for path in copy.sources
    )


def _names_a_file(name: str) -> bool:
    """Whether the last part of a path has an extension, or is a file that some installer reads."""
    manifests = [manifest for installer in INSTALLERS for manifest in installer.manifests]
    return "." in name.strip(".") and (
        not _WILDCARD.search(name) or bool(fnmatch.filter(manifests, name))
    )


def _late_install(
    copy: Instruction, run: Instruction, installer: Installer, command: Command
) -> Finding:
    shown = " ".join(command[:3])
    mounted = _has_cache_mount(run)
    sentence = (
        f"`{shown}` stands below `{copy.keyword} {copy.value}` (line {copy.line}), so each edit of a "
        "source file runs it again"
        + (", though its cache mount saves the download." if mounted else ".")
    )
    if not installer.reads_files(command):
        remedy = f"Move it above line {copy.line}: it reads no file of the project."
    elif installer.compiles(command):
        remedy = (
            f"Above line {copy.line}, copy {_listed(installer.manifests)} alone and run "
            f"`{installer.first}`"
            + ("." if mounted else f"; or give this step a cache mount on {installer.cache}.")
        )
    else:
        remedy = f"Copy {_listed(installer.manifests)} alone first, install, then copy the rest."
    severity = Severity.HINT if mounted else Severity.WARNING
    return Finding("sources-before-install", "cache", severity, run.line, sentence, remedy)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


def _early_arguments(own: Sequence[Instruction], given: set[str]) -> Iterator[Finding]:
    """Find arguments that change often and are declared above steps that do not use them."""
    for at, argument in enumerate(own):
        if argument.keyword != "ARG":
            continue
        for name, default in re.findall(r"(?:^|\s)([A-Za-z_]\w*)(?:=(\S*))?", argument.value):
            changes = _CHANGES.fullmatch(name) and not _PINNED.fullmatch(default)
            runs = [i for i in own[at + 1 :] if i.keyword == "RUN"]
            unmoved = runs[: _first_use(runs, name)]
            if unmoved and (changes or name in given):
                yield _early_argument(argument, name, runs, unmoved)


def _early_argument(
    argument: Instruction, name: str, runs: Sequence[Instruction], unmoved: Sequence[Instruction]
) -> Finding:
    one = len(unmoved) == 1
    where = f", below line {unmoved[-1].end}." if len(runs) > len(unmoved) else ", or to the end."
    return Finding(
        "early-argument",
        "cache",
        Severity.WARNING,
        argument.line,
        f"A new value of {name} runs {len(unmoved)} step{'' if one else 's'} again that "
        f"{'does' if one else 'do'} not use it, from line {unmoved[0].line} on: an ARG is part of every "
        "RUN below it.",
        f"Move `ARG {name}` down to just above its first use{where}",
    )


def _first_use(runs: Sequence[Instruction], name: str) -> int:
    use = re.compile(rf"\$\{{?{name}\b")
    texts = ["\n".join([run.value, *run.heredocs, *run.flags]) for run in runs]
    return next((n for n, text in enumerate(texts) if use.search(text)), len(runs))


def _update_alone(instruction: Instruction) -> Iterator[Finding]:
    ran = shell_commands.commands(instruction) if instruction.keyword == "RUN" else []
    updates = [c for c in ran if c[0] in ("apt", "apt-get") and "update" in c]
    if updates and not any(c[0] in ("apt", "apt-get", "aptitude") and "install" in c for c in ran):
        yield Finding(
            "update-alone",
            "cache",
            Severity.WARNING,
            instruction.line,
            f"`{updates[0][0]} update` stands in a step of its own: from the cache, later installs get "
            "a list that has grown old.",
            "Write `apt-get update && apt-get install …` in one RUN.",
        )


def _remote_add(instruction: Instruction) -> Iterator[Finding]:
    if instruction.keyword != "ADD" or instruction.flag("checksum"):
        return
    for source in copies.written(instruction):
        if source.startswith(("http://", "https://")) and not source.endswith(".git"):
            yield Finding(
                "remote-add",
                "cache",
                Severity.WARNING,
                instruction.line,
                f"`ADD {source}` asks the server in each build, and the steps below run again when its "
                "answer changes.",
                "Add `--checksum=sha256:…`, which pins the content and makes the cache depend on it.",
            )


def _clone(instruction: Instruction) -> Iterator[Finding]:
    ran = shell_commands.commands(instruction) if instruction.keyword == "RUN" else []
    clones = [c for c in ran if c[0] == "git" and "clone" in c[:3] and not {"-b", "--branch"} & set(c)]
    pinned = any(c[0] == "git" and {"checkout", "reset", "switch"} & set(c[:4]) for c in ran)
    if clones and not pinned:
        yield Finding(
            "stale-clone",
            "cache",
            Severity.HINT,
            instruction.line,
            "The cache keeps what `git clone` fetched the first time; other machines get another state.",
            "Check out a commit by its id: then the step's text says what it fetches.",
        )


def _no_cache_mount(instruction: Instruction) -> Iterator[Finding]:
    if instruction.keyword != "RUN" or _has_cache_mount(instruction):
        return
    tools = {i.name: i for i, _ in shell_commands.installs(instruction) if i.manifests}
    for tool in tools.values():
        yield Finding(
            "no-cache-mount",
            "cache",
            Severity.HINT,
            instruction.line,
            f"When this step does run, {tool.name} fetches everything anew.",
            f"`RUN --mount=type=cache,target={tool.cache} …` keeps its downloads between builds, "
            "outside the image.",
        )


def _has_cache_mount(run: Instruction) -> bool:
    return any("type=cache" in mount for mount in run.flag_values("mount"))
