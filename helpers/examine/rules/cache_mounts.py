"""The rule that finds, in a Dockerfile's text, installs whose downloads a cache mount would keep.

It says nothing where the step fetches nothing, or where the place of the cache is not known for sure:
another user, a setting that moves the cache or turns it off, a base that may bring either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from helpers.buildx.dockerfile import Instruction
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import dependencies, purpose, shell_commands
from helpers.examine.rules.layers import Layer, Walk
from helpers.examine.rules.shell_commands import Command, Installer

_ELSEWHERE = re.compile(  # options that move the cache or do without one
    r"(?:^|\s)(--no-cache\S*|--cache(-dir|-folder)?|--store-dir|--no-index|-Dmaven\.repo\.local\S*"
    r"|--gradle-user-home|-g|--packages|-s|--settings)(?:[= ]|$)"
)
_MOVES = re.compile(
    r"(npm|yarn|pnpm|poetry|composer|pip|uv) (.* )?set (.* )?"
    r"(cache|cache-folder|cache-dir|store-dir|cacheFolder|no-cache-dir)\b"
)
_EMPTIES = re.compile(
    r"(npm|yarn|pip|uv|composer|pnpm|poetry|go|dotnet)\b.* (cache|clear-?cache|-modcache|store)\b"
    r"|rm .*(cache|\.npm|\.m2|\.gradle|\.cargo|\.nuget|registry|pkg/mod|\$HOME|~|/root\b|store)"
)
_IN_A_FOLDER = {"Composer", "Poetry", "uv"}
_RUNNERS = {"bash", "bazel", "goreleaser", "just", "mage", "make", "sh", "task", "wails", "xcaddy"}
_EVERY_TOOL = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
_ROOTS = re.compile(  # images that leave their user at root and say no other place for a cache
    r"(docker\.io/)?(library/)?[^/$]+"
    r"|mcr\.microsoft\.com/dotnet/.*|ghcr\.io/astral-sh/uv.*|public\.ecr\.aws/docker/library/.*"
    r"|(docker\.io/)?(oven/bun|rust|lukemathwalker/cargo-chef).*"
)
_WINDOWS = re.compile(r"(?i)windows|nanoserver")


def check(sources: Sources, walk: Walk, told_before: Collection[int] = ()) -> list[Finding]:
    """Return one finding for each tool, which names the lines of all its steps.

    ``told_before`` holds the lines of steps for which another finding proposes the mount.
    """
    develops = purpose.develops(sources, walk)
    told: dict[str, tuple[Installer, list[Instruction]]] = {}
    taken_over = _taken_over(sources)
    ends: dict[int, tuple[set[str], bool]] = {}  # the tools that fetched, whether a cache was moved
    for stage in sources.file.needs(sources.project.target):
        base = walk.base(stage)
        if _WINDOWS.search(base) or sources.file.directives.get("escape") == "`":
            continue
        parent = sources.file.parent(stage)
        fetched, moved = ends.get(parent.index, (set(), False)) if parent else (set(), False)
        fetched = set(fetched)
        for layer in walk.own[stage.index]:
            run = layer.instruction
            fetched |= brought(run) | _environments(sources, run, ends)
            if run.keyword != "RUN" or shell_commands.is_conditional(run):
                continue
            mounted = has_cache_mount(run)
            moved = moved or any(_MOVES.match(" ".join(c)) for c in shell_commands.commands(run))
            for installer, command in shell_commands.installs(run):
                if not installer.reads_files(command) or installer.name in fetched:
                    continue
                if not mounted:
                    fetched.add(installer.name)
                if (
                    not mounted
                    and not moved
                    and run.line not in told_before
                    and not (installer.kept_there and (develops or installer.name in taken_over))
                    and not (installer.kept_there and _may_read(walk.own[stage.index], run))
                    and _place_is_known(installer, base, layer)
                    and _fetches(sources, installer, command)
                    and not _moved(layer, installer, command)
                ):
                    told.setdefault(installer.name, (installer, []))[1].append(run)
        ends[stage.index] = fetched, moved
    return [_finding(sources, installer, runs) for installer, runs in told.values()]


def has_cache_mount(run: Instruction) -> bool:
    """Whether a RUN has a cache mount."""
    return any("type=cache" in mount for mount in run.flag_values("mount"))


def _may_read(own: Sequence[Layer], fetching: Instruction) -> bool:
    """Whether a step below one that fetches runs what may read the packages: make, or a script."""
    below = (layer.instruction for layer in own if layer.instruction.line > fetching.line)
    return any(
        command[0] in _RUNNERS or command[0].endswith(".sh")
        for run in below
        if run.keyword == "RUN" and not has_cache_mount(run)
        for command in shell_commands.commands(run)
    )


def _place_is_known(installer: Installer, base: str, layer: Layer) -> bool:
    """Whether the tool's cache is where it is for root, as far as base and user say."""
    name = base.rpartition("/")[2]
    fits = name.startswith(installer.base) or f"-{installer.base}" in name
    return fits and layer.as_root and bool(layer.user or _ROOTS.fullmatch(base))


def _fetches(sources: Sources, installer: Installer, command: Command) -> bool:
    """Whether a command fetches anything, and from its own cache's place."""
    if not installer.cache or shell_commands.is_offline(command):
        return False
    if installer.name == "yarn" and dependencies.is_berry(sources, [command]):
        return False
    return not is_complete(sources, installer)


def is_complete(sources: Sources, installer: Installer) -> bool:
    """Whether the context itself holds all packages that Go needs, so that it fetches none."""
    if installer.name != "Go" or sources.survey is None:
        return False
    sent = [entry.path for entry in sources.survey.sent]
    needs = any(
        re.search(r"(?m)^require\b", text)
        for path, text in sources.texts.items()
        if path.endswith("go.mod")
    )
    own = any(path.endswith(".go") for path in sent)
    return (own and not needs) or any(path.endswith("vendor/modules.txt") for path in sent)


def _moved(last: Layer, installer: Installer, command: Command) -> bool:
    """Whether the cache is at another place, off, or emptied by the RUN itself."""
    known = {**last.variables, **shell_commands.settings(last.instruction)}
    names = {name.lower() for name in (*installer.moved_by, *_EVERY_TOOL)}
    emptied = [" ".join(c) for c in shell_commands.commands(last.instruction)]
    return (
        any(name.lower() in names for name in known)
        or bool(_ELSEWHERE.search(" ".join(command)))
        or any(_EMPTIES.match(text) for text in emptied)
    )


def brought(copy: Instruction) -> set[str]:
    """Return the tools whose packages a copy from another stage brings to their place."""
    if copy.keyword != "COPY" or not copy.flag("from"):
        return set()
    to = (copy.words() or [""])[-1].rstrip("/")
    return {
        installer.name
        for installer in shell_commands.INSTALLERS
        if installer.kept_there and to and f"{installer.cache}/".startswith(f"{to}/")
    }


def _environments(
    sources: Sources, copy: Instruction, ends: Mapping[int, tuple[set[str], bool]]
) -> set[str]:
    """Return the tools whose packages, in the project's folder, a copy from another stage may bring."""
    source = sources.file.source_stage(copy.flag("from") or "") if copy.keyword == "COPY" else None
    return ends[source.index][0] & _IN_A_FOLDER if source and source.index in ends else set()


def _taken_over(sources: Sources) -> set[str]:
    """Return the tools whose packages a copy takes from the place where a mount would hide them."""
    words = [
        word.rstrip("/")
        for instruction in sources.file.instructions
        if instruction.keyword == "COPY" and instruction.flag("from")
        for word in instruction.words()[:-1]
    ]
    return {
        installer.name
        for installer in shell_commands.INSTALLERS
        if installer.cache
        and any(installer.cache.startswith(word) or word.startswith(installer.cache) for word in words)
    }


def _finding(sources: Sources, installer: Installer, runs: Sequence[Instruction]) -> Finding:
    lines = sorted({run.line for run in runs})
    others = f" The same goes for {_lines(lines[1:])}." if lines[1:] else ""
    mount = f"--mount=type=cache,target={installer.cache}"
    remedy = f"`RUN {mount} …` keeps its downloads between builds, outside the image."
    if installer.name == "Composer":
        remedy = remedy.replace("…", f"COMPOSER_CACHE_DIR={installer.cache} composer install …")
    users = sorted(_users(sources, installer) - {lines[0]})
    if installer.kept_there and users:
        reads = "read" if users[1:] else "reads"
        remedy += f" Give the mount to {_lines(users)} too, which {reads} the packages from there."
    return Finding(
        "no-cache-mount",
        "cache",
        Severity.HINT,
        lines[0],
        f"When this step does run, {installer.name} fetches everything anew.{others}",
        remedy,
    )


def _users(sources: Sources, installer: Installer) -> set[int]:
    """Return the lines of the steps that run a tool without a mount."""
    return {
        run.line
        for stage in sources.file.needs(sources.project.target)
        for run in stage.instructions
        if run.keyword == "RUN" and not has_cache_mount(run)
        for command in shell_commands.commands(run)
        if installer.compiles(command) or installer.fetches(command)
    }


def _lines(lines: Sequence[int]) -> str:
    *most, last = map(str, lines)
    return f"lines {', '.join(most)} and {last}" if most else f"line {last}"
