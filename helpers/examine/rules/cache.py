"""Rules that find, in a Dockerfile's text, why its build cache misses more often than necessary.

The rules only look at the parsed text. `examine.rebuild` measures whether a step really loses its cache.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from helpers.buildx.copies import Copy
from helpers.buildx.dockerfile import Instruction
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import cache_mounts, downloads, layers, shell_commands
from helpers.examine.rules.layers import Layer, Walk
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
_FIXED = re.compile(r"[1-9]|[0-9a-f]{20,}")  # a release or a checksum as a default: changed by hand
_NO_SOURCE = re.compile(  # files that change with the dependencies or the build, not with each edit
    r"(?i)\.?dockerfile.*|.*\.dockerfile|\.\w*(ignore|rc)|\..*rc\.\w+|\.env.*|readme.*|licen[sc]e.*|.*\.lock"
    r"|package(-lock)?\.json|npm-shrinkwrap\.json|pnpm-.*\.yaml|.*requirements.*\.(txt|in)|setup\.(py|cfg)"
    r"|.*\.gradle(\.kts)?|gradle(w|w\.bat|\.properties)|gradle-wrapper\..*|mvnw(\.cmd)?|maven-wrapper\..*"
    r"|pom\.xml|go\.(mod|sum|work)|cargo\.toml|pyproject\.toml|pipfile|gemfile.*|composer\.json|.*\.csproj"
    r"|.*\.sln|.*\.props|.*compose.*\.ya?ml"
)
_ALSO = {"npm": (".npmrc",), "yarn": (".yarnrc.yml",), "pnpm": ("pnpm-workspace.yaml", ".npmrc")}
_NODE = ("npm", "yarn", "pnpm")
_A_MOUNT = "ive this step a cache mount on "
_RESTORE_READS = {"directory.build.props", "directory.packages.props", "nuget.config", "global.json"}
_PLAIN = {
    *(
        "addgroup",
        "adduser",
        "apk",
        "apt",
        "apt-get",
        "cat",
        "cd",
        "chmod",
        "chown",
        "corepack",
        "cp",
        "curl",
    ),
    *(
        "echo",
        "groupadd",
        "gpg",
        "ln",
        "mkdir",
        "mv",
        "printf",
        "rm",
        "sed",
        "set",
        "tar",
        "touch",
        "unzip",
    ),
    *("update-ca-certificates", "useradd", "usermod", "wget", "yum", "dnf", "microdnf"),
}


def check(sources: Sources) -> list[Finding]:
    """Return the findings for the stages that a build of the target runs.

    Arguments given from outside count as changing often.
    """
    file, given = sources.file, set(sources.project.build_args)
    walk = layers.walk(sources)
    found: list[Finding] = []
    ends: dict[int, _State] = {}
    for stage in file.needs(sources.project.target):  # a stage stands below the one it is built from
        parent = file.parent(stage)
        state = ends[parent.index].below() if parent else _State()
        own = walk.own[stage.index]
        found += _sources_before_installs(sources, walk, own, state)
        found += _early_arguments([layer.instruction for layer in own], given)
        found += _update_alone(own, state)
        ends[stage.index] = state
    mounts = {one.line for one in found if one.line and _A_MOUNT in one.remedy}
    return [
        *dict.fromkeys(found),
        *cache_mounts.check(sources, walk, mounts),
        *downloads.check(sources, walk),
    ]


@dataclass
class _State:
    """What the layers so far have done: the first copy of sources, the installs, an update alone.

    ``early`` holds the tools that have installed, and whether they read files of the project.
    """

    copy: Layer | None = None
    own_copy: bool = False
    early: set[tuple[str, bool]] = field(default_factory=set)
    updated: Instruction | None = None

    def below(self) -> _State:
        """Return the state in which a stage built from this one begins."""
        return _State(self.copy, False, set(self.early), self.updated)


def _sources_before_installs(
    sources: Sources, walk: Walk, own: Sequence[Layer], state: _State
) -> Iterator[Finding]:
    """Find installs below the first copy of sources, which run again after each edit of a source."""
    early = state.early
    for layer in own:
        run = layer.instruction
        early |= {(name, True) for name in cache_mounts.brought(run)}
        if state.copy is not None and layers.rewrites_manifests(run):
            early |= {(name, True) for name in _NODE}
        if state.copy is None and layer.copy and _copies_sources(layer.copy, walk):
            state.copy, state.own_copy = layer, True
        ran = shell_commands.installs(run) if run.keyword == "RUN" else ()
        for installer, command in sorted(ran, key=lambda one: not one[0].reads_files(one[1])):
            reads = installer.reads_files(command)
            if state.copy is None:
                early |= {(installer.name, True)} if reads else set()
            elif (
                (installer.name, reads) not in early
                and (reads or state.own_copy)
                and _can_stand_higher(sources, run, installer, command)
            ):
                early.add((installer.name, reads))
                yield _late_install(sources, walk, state.copy, run, installer, command)
                break  # one finding a step


def _can_stand_higher(
    sources: Sources, run: Instruction, installer: Installer, command: Command
) -> bool:
    """Whether a command fetches something, and needs no more of the project than its manifests."""
    if shell_commands.is_offline(command) or cache_mounts.is_complete(sources, installer):
        return False
    if installer.reads_files(command) and not _has_manifest(sources, installer):
        return False
    if installer.compiles(command) and cache_mounts.has_cache_mount(run):
        return False  # it compiles again in any case, and the mount has its downloads
    if installer.reads_files(command):
        gems = installer.name == "Bundler" and any(
            path.endswith("Gemfile") and re.search(r"(?m)^\s*gemspec|\bpath:|:path\b", text)
            for path, text in sources.texts.items()
        )
        return not gems and not (installer.name == "pip" and _installs_the_project(command))
    if installer.name in _NODE and not shell_commands.is_global(command):
        return False  # it adds to the packages of the project
    cleans = any(
        {"del", "purge", "remove", "autoremove"} & set(ran[1:4])
        for ran in shell_commands.commands(run)
        if ran[0] in ("apk", "apt", "apt-get", "dnf", "yum", "microdnf")
    )
    unknown = any(re.search(r"[$`/*]|\.(deb|apk|rpm|whl|txt)\b|^\.", word) for word in command[1:])
    return not cleans and not unknown and not shell_commands.is_conditional(run)


def _has_manifest(sources: Sources, installer: Installer) -> bool:
    """Whether the context has a file that an installer reads; True where no context is known."""
    if sources.survey is None or installer.name == "pip":
        return True
    parts = {part for entry in sources.survey.sent for part in entry.path.split("/")}
    return any(fnmatch.filter(parts, manifest) for manifest in installer.manifests)


def _installs_the_project(command: Command) -> bool:
    return not any(word.startswith(("-r", "--req")) for word in command)


def _copies_sources(copy: Copy, walk: Walk) -> bool:
    """Whether a copy takes the whole context or a folder of sources, not only single files.

    Where the context is known, at least one file must be taken that is no manifest.
    """
    by_name = copy.takes_all or any(
        path.removeprefix("./").strip("/").partition("/")[0] in _SOURCE_FOLDERS
        and not _names_a_file(path.rpartition("/")[2])
        for path in copy.sources
    )
    if not by_name or walk.survey is None or copy.unsure:
        return by_name
    taken = walk.taken(copy)
    return not taken or any(not _NO_SOURCE.fullmatch(path.rpartition("/")[2]) for path in taken)


def _names_a_file(name: str) -> bool:
    """Whether the last part of a path has an extension, or is a file that some installer reads."""
    if name.startswith(("gradlew", "mvnw")):
        return True
    manifests = [manifest for installer in INSTALLERS for manifest in installer.manifests]
    return "." in name.strip(".") and (
        not _WILDCARD.search(name) or bool(fnmatch.filter(manifests, name))
    )


def _late_install(
    sources: Sources,
    walk: Walk,
    source: Layer,
    run: Instruction,
    installer: Installer,
    command: Command,
) -> Finding:
    copy = source.instruction
    shown = shell_commands.shown(command)
    mounted = cache_mounts.has_cache_mount(run)
    sentence = (
        f"`{shown}` stands below `{copy.keyword} {copy.value}` (line {copy.line}), so each edit of a "
        "source file runs it again"
        + (", though its cache mount saves the download." if mounted else ".")
    )
    taken = walk.taken(source.copy) if source.copy else frozenset[str]()
    manifests = _listed(_manifests(sources, installer, command, taken))
    if installer.name == ".NET":
        names = {path.rpartition("/")[2] for path in taken}
        others = [name for name in sorted(names) if name.lower() in _RESTORE_READS]
        manifests = _listed([*others, "every *.csproj, each into its folder,"])
    if not installer.reads_files(command):
        remedy = f"Move it above line {copy.line}: it reads no file of the project."
    elif installer.name == "Cargo" and installer.compiles(command):
        remedy = (
            f"Give this step a cache mount on {installer.cache}: without the sources, Cargo.toml alone "
            "is not enough for Cargo to fetch or build anything."
        )
    elif installer.compiles(command):
        first = re.sub(r"^\w+", f"./{command[0]}", installer.first)
        first = first if command[0] in ("gradlew", "mvnw") else installer.first
        remedy = f"Above line {copy.line}, copy {manifests} alone and run `{first}`" + (
            "." if mounted else f"; or g{_A_MOUNT}{installer.cache}."
        )
    elif installer.first and not set(installer.first.split()) <= set(command):
        remedy = (
            f"Above line {copy.line}, copy {manifests} alone and run `{installer.first}`; this step "
            "then fetches nothing."
        )
    else:
        remedy = f"Copy {manifests} alone first, install, then copy the rest."
    node = installer.name in _NODE and installer.reads_files(command)
    if node and "--ignore-scripts" not in command and (script := _own_script(sources, taken)):
        remedy += f" Copy what its `{script}` script reads as well."
    severity = Severity.HINT if mounted else Severity.WARNING
    return Finding("sources-before-install", "cache", severity, run.line, sentence, remedy)


def _manifests(
    sources: Sources, installer: Installer, command: Command, taken: Collection[str]
) -> Sequence[str]:
    """Return the files that an install reads: those that are copied, as far as it is known."""
    if installer.name == "pip":
        after = [word for option, word in pairwise(command) if option in ("-r", "--requirement")]
        return after or installer.manifests
    if not taken:
        return installer.manifests
    if installer.name in ("Maven", "Gradle"):
        return _manifests_of_java(installer, command, taken)
    names = {path.rpartition("/")[2] for path in taken}
    wanted = (*installer.manifests, *_ALSO.get(installer.name, ()))
    found = [name for name in wanted if fnmatch.filter(names, name)] or [*installer.manifests]
    spaces = '"workspaces"' in _manifest(sources, taken) or "pnpm-workspace.yaml" in found
    if installer.name not in _NODE:
        return found
    found += ["each workspace's package.json"] if spaces else []
    return [*found, *_also_read(sources, taken)]


def _manifests_of_java(installer: Installer, command: Command, taken: Collection[str]) -> Sequence[str]:
    """Return what Maven or Gradle reads: its wrapper, and the manifests of all modules."""
    wrapper = {"gradlew": ["gradlew", "gradle"], "mvnw": ["mvnw", ".mvn"]}.get(command[0], [])
    names = [path.rpartition("/")[2] for path in taken]
    found = [name for name in installer.manifests if name in names] or [installer.manifests[0]]
    if sum(names.count(name) for name in found if not name.startswith("settings")) > 1:
        found = [f"every {' and '.join(found)}, each into its folder,"]
    return [*wrapper, *found]


def _also_read(sources: Sources, taken: Collection[str]) -> Iterator[str]:
    """Yield the folders that settings of the package manager name: yarn itself, patches of packages."""
    texts = [sources.texts.get(path, "") for path in taken]
    if any(re.search(r"(?m)^yarnPath:", text) for text in texts):
        yield ".yarn/releases"
    if any(re.search(r"patchedDependencies\b|\bpatch-package\b", text) for text in texts):
        yield "the patches"


def _manifest(sources: Sources, taken: Collection[str]) -> str:
    """Return the text of the uppermost package.json among the copied files, or ""."""
    paths = [path for path in taken if path.rpartition("/")[2] == "package.json"]
    return sources.texts.get(min(paths, key=lambda path: path.count("/")), "") if paths else ""


def _own_script(sources: Sources, taken: Collection[str]) -> str:
    """Return the name of a script of package.json that runs with an install, or ""."""
    text = _manifest(sources, taken)
    found = re.search(r'"(preinstall|install|postinstall|prepare)"\s*:\s*"', text)
    return found[1] if found else ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


def _early_arguments(own: Sequence[Instruction], given: set[str]) -> Iterator[Finding]:
    """Find arguments that change often and are declared above steps that do not use them."""
    causes: dict[tuple[Instruction, ...], list[tuple[Instruction, str, list[int], bool]]] = {}
    for at, argument in enumerate(own):
        if argument.keyword != "ARG":
            continue
        for name, default in re.findall(r"(?:^|\s)([A-Za-z_]\w*)(?:=(\S*))?", argument.value):
            changes = _CHANGES.fullmatch(name) and not _FIXED.search(default)
            below = own[at + 1 :]
            used = _first_use(below, name)
            unmoved = tuple(i for i in below[:used] if i.keyword == "RUN")
            labels = [i.line for i in below[:used] if i.keyword == "LABEL" and _uses(i, name)]
            if unmoved and (changes or name in given):
                end = used == len(below)
                causes.setdefault(unmoved, []).append((argument, name, labels, end))
    for unmoved, arguments in causes.items():
        yield _early_argument(unmoved, arguments)


def _early_argument(
    unmoved: Sequence[Instruction], arguments: Sequence[tuple[Instruction, str, list[int], bool]]
) -> Finding:
    """Return the finding for the arguments that the same steps stand below without using them."""
    one = len(unmoved) == 1
    argument, _, _, end = arguments[0]
    name = _listed([name for _, name, _, _ in arguments]).replace(" and ", " or ")
    labels = sorted({str(line) for _, _, lines, _ in arguments for line in lines})
    what = _listed([f"`ARG {name}`" for _, name, _, _ in arguments])
    what += f" with the LABEL on line {_listed(labels)}" if labels else ""
    where = "to the end" if end else f"to just above the first use, below line {unmoved[-1].end}"
    return Finding(
        "early-argument",
        "cache",
        Severity.WARNING,
        argument.line,
        f"A new value of {name} runs {len(unmoved)} step{'' if one else 's'} again that "
        f"{'does' if one else 'do'} not use it, from line {unmoved[0].line} on: an ARG is part of every "
        "RUN below it.",
        f"Move {what} down {where}.",
    )


def _first_use(below: Sequence[Instruction], name: str) -> int:
    """Return the place of the first instruction that uses an argument and cannot move down with it.

    Where none names it, a command may still read it: then the first RUN that runs a program of the
    project counts.
    """
    for at, one in enumerate(below):
        if one.keyword not in ("LABEL", "ARG") and _uses(one, name):
            return at
    for at, one in enumerate(below):
        if one.keyword == "RUN" and not all(map(_reads_no_argument, shell_commands.commands(one))):
            return at
    return len(below)


def _uses(instruction: Instruction, name: str) -> bool:
    text = "\n".join([instruction.value, *instruction.heredocs, *instruction.flags])
    return re.search(rf"\$\{{?{name}\b", text) is not None


def _reads_no_argument(command: Command) -> bool:
    """Whether a command is known to run no program of the project, which may read its environment."""
    plain = any(installer.fetches(command) for installer in INSTALLERS)
    return command[0] in _PLAIN or (plain and not any(i.compiles(command) for i in INSTALLERS))


def _update_alone(own: Sequence[Layer], state: _State) -> Iterator[Finding]:
    """Find an ``apt-get update`` whose list a later step installs from, without an update of its own."""
    for layer in own:
        run = layer.instruction
        ran = shell_commands.commands(run) if run.keyword == "RUN" else ()
        apt = [command for command in ran if command[0] in ("apt", "apt-get", "aptitude")]
        updates = any("update" in command for command in apt)
        installs = any("install" in command for command in apt)
        if updates:
            state.updated = None if installs else run
        elif installs and state.updated:
            yield Finding(
                "update-alone",
                "cache",
                Severity.WARNING,
                state.updated.line,
                f"`apt-get update` stands in a step of its own: from the cache, the install on line "
                f"{run.line} gets a list that has grown old.",
                "Write `apt-get update && apt-get install …` in one RUN.",
            )
            state.updated = None
