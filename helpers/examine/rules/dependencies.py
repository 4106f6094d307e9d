"""Rules on the packages of the application that an image installs: which ones, and in which versions.

The rules read the Dockerfile and the manifests that it copies. Without a context they take for granted
that a project has development dependencies.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from helpers.buildx.dockerfile import Instruction, Stage
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import layers, purpose, shell_commands
from helpers.examine.rules.layers import Layer, Walk
from helpers.examine.rules.shell_commands import Command, Installer

_NODE = ("npm", "yarn", "pnpm")
_WITHOUT_DEV = {
    "npm": "--omit=dev",
    "pnpm": "--prod",
    "yarn": "--production",
    "Composer": "--no-dev",
    "Poetry": "--only=main",
    "uv": "--no-dev",
}
_PRUNE = {
    "npm": "npm prune --omit=dev",
    "pnpm": "pnpm prune --prod",
    "yarn": "yarn install --production --ignore-scripts --prefer-offline",
}
_PRUNE_BERRY = "yarn workspaces focus --all --production"
_TOOLS_OF = {"nest": "@nestjs/cli", "tsc": "typescript", "sequelize": "sequelize-cli"}
_PRODUCTION = {  # options without their value, of which one is enough
    "npm": r"--omit[= ]\S*\bdev|--(production|prod)(?!=false)|--only[= ]prod|--no-dev\b",
    "pnpm": r"--prod(uction)?\b(?!=false)|-P\b",
    "yarn": r"--prod(uction)?\b(?!=false)|workspaces focus .*--production",
    "Composer": r"--no-dev\b",
    "Poetry": r"--(without|only|no-dev|only-root)\b",
    "uv": r"--(no-dev|no-default-groups|only-group|no-group[= ]dev)\b",
}
_DEVELOPMENT = re.compile(r"--include[= ]dev|--(production|prod)=false|--dev\b|--with[= ]\S*dev")
_SWITCHES = {  # settings in the environment that leave development dependencies out
    "uv": {"UV_NO_DEV": "1|true", "UV_NO_DEFAULT_GROUPS": "1|true"},
    "Composer": {"COMPOSER_NO_DEV": "1|true"},
}
_NODE_SWITCHES = {"node_env": "production", "npm_config_omit": ".*dev.*"}
_NODE_SWITCHES |= {"npm_config_production": "true", "npm_config_only": "prod.*"}
_CONFIGURES = re.compile(
    r"(npm|yarn|pnpm) (config )?set .*(omit[= ]dev|production[= ]true|only[= ]prod)"
)
_PRUNES = re.compile(  # leaves only what production needs of what was installed before
    r"(npm|pnpm|yarn) prune\b"
    r"|(npm|yarn|pnpm) (?!.*(-g|--global)\b).*(--production|--prod|--omit[= ]dev)\b(?!=false)"
    r"|(uv sync|composer install|poetry (install|sync)) .*(--no-dev|--only)"
)
_ELSEWHERE = re.compile(r"(?:^|\s)(--no-package-lock|--prefix|--force|-f)\b|\$")
_NPMRC = re.compile(r"(?m)^\s*(omit(\[\])?\s*=\s*dev|production\s*=\s*true|only\s*=\s*prod)")


@dataclass(frozen=True)
class _Install:
    """A command that installs development dependencies too, and what of the build runs below it."""

    layer: Layer
    installer: Installer
    command: Command
    needed_by: int | None = None  # the line of a build that needs them

    @property
    def shown(self) -> str:
        return shell_commands.shown(self.command)

    @property
    def line(self) -> int:
        return self.layer.instruction.line


def check(sources: Sources, walk: Walk) -> list[Finding]:
    """Return the findings for the stages whose layers are in the image."""
    if purpose.develops(sources, walk):
        return []
    file = sources.file
    stage = file.stage(sources.project.target)
    return [
        *_installed(sources, walk, stage),
        *_copied(sources, walk, stage),
        *_floating(sources, walk),
    ]


def _installed(sources: Sources, walk: Walk, stage: Stage) -> Iterator[Finding]:
    if _starts_with_dev(sources, stage):
        return
    tools: dict[str, list[_Install]] = {}
    for install in _with_dev(sources, walk.history(stage), stage):
        tools.setdefault(install.installer.name, []).append(install)
    for first, *others in tools.values():
        also = f" So does line {others[-1].line}." if others and others[-1].line != first.line else ""
        yield Finding(
            "dev-dependencies",
            "size",
            Severity.WARNING,
            first.line,
            f"`{first.shown}` installs development dependencies into the image that ships.{also}",
            _remedy(first, sources, stage),
        )


def _remedy(install: _Install, sources: Sources, stage: Stage) -> str:
    name = install.installer.name
    option = _WITHOUT_DEV[name]
    if install.needed_by is not None:
        prune = _PRUNE.get(name, f"install again with `{option}`")
        if name == "yarn" and is_berry(sources, [install.command]):
            prune = _PRUNE_BERRY
        how = f"run `{prune}`" if name in _PRUNE else prune
        return (
            f"Line {install.needed_by} may need them: build in a stage of its own, {how} below the "
            "build there, and copy the result into the stage that ships."
        )
    if name == "yarn" and is_berry(sources, [install.command]):
        return f"Run `{_PRUNE_BERRY}` in its place."
    asked = _DEVELOPMENT.search(" ".join(install.command))
    how = f"Write `{option}` in place of `{asked[0]}`" if asked else f"Add `{option}`"
    remedy = f"{how}, or install in a stage of its own and copy the result."
    if name == "uv" and purpose.start(sources.file.lineage(sources.project.target))[:2] == ("uv", "run"):
        return "Write `ENV UV_NO_DEV=1` above it, so that `uv run` leaves them out at the start too."
    for manifest in purpose.manifests(sources, stage):
        for script in ("preinstall", "install", "postinstall", "prepare"):
            text = _mapping(manifest, "scripts").get(script)
            needs = isinstance(text, str) and _uses(text, _mapping(manifest, "devDependencies"))
            if needs and name in _NODE:
                return f"{remedy} Its `{script}` script needs one of them: guard or remove it there."
    return remedy


def _starts_with_dev(sources: Sources, stage: Stage) -> bool:
    """Whether what the image starts runs a tool that package.json lists for development."""
    said = " ".join(
        [*purpose.start(sources.file.lineage(sources.project.target)), *purpose.scripts_run(sources)]
    )
    tools = {package: tool for tool, package in _TOOLS_OF.items() if tool in said.split()}
    for manifest in purpose.manifests(sources, stage):
        listed = _mapping(manifest, "devDependencies").keys() - _mapping(manifest, "dependencies").keys()
        if tools.keys() & listed or set(said.split()) & listed:
            return True
    return False


def _uses(text: str, packages: Mapping[str, Any]) -> bool:
    words = set(re.findall(r"[\w@/.-]+", text))
    return any(name in words or name.rpartition("/")[2] in words for name in packages)


def _copied(sources: Sources, walk: Walk, stage: Stage) -> Iterator[Finding]:
    """Find ``COPY --from=builder …/node_modules`` where the builder installed everything."""
    file = sources.file
    told: set[int] = set()
    if _starts_with_dev(sources, stage):
        return
    for layer in walk.history(stage):
        copy = layer.instruction
        source = file.source_stage(copy.flag("from") or "") if copy.keyword == "COPY" else None
        names = [word.rstrip("/").rpartition("/")[2] for word in copy.words()[:-1]]
        if source is None or source.index in told or "node_modules" not in names:
            continue
        installs = list(_with_dev(sources, walk.history(source), source))
        if installs:
            last = installs[-1]
            told.add(source.index)
            yield Finding(
                "dev-dependencies",
                "size",
                Severity.WARNING,
                copy.line,
                f"It copies the node_modules of `{source.label}`, where `{last.shown}` (line "
                f"{last.line}) installed development dependencies too.",
                f"Copy from a stage that installs with `{_WITHOUT_DEV[last.installer.name]}`, or prune "
                "before copying.",
            )


def _with_dev(sources: Sources, history: Sequence[Layer], stage: Stage) -> Iterator[_Install]:
    """Yield the installs that include development dependencies and are not pruned afterwards."""
    found: list[_Install] = []
    configured: set[str] = set()
    rewritten = False  # another package.json than the one at hand counts
    reached = layers.taken(sources, stage)
    npmrc = any(
        _NPMRC.search(text)
        for path, text in sources.texts.items()
        if path.endswith(".npmrc") and path in (reached or ())
    )
    for layer in history:
        run = layer.instruction
        rewritten = rewritten or (reached is not None and layers.rewrites_manifests(run))
        if run.keyword != "RUN" or rewritten or shell_commands.is_conditional(run):
            continue
        installs = {command: installer for installer, command in shell_commands.installs(run)}
        ran = shell_commands.commands(run)
        for command in ran:
            text = " ".join(command)
            configured |= {command[0]} if _CONFIGURES.match(text) else set()
            installer = installs.get(command)
            if _PRUNES.match(text) or _removes_modules(command):
                found = []
            elif shell_commands.builds(command) or _runs_a_tool(command):
                found = [replace(one, needed_by=one.needed_by or run.line) for one in found]
            elif (
                installer
                and _installs_dev(installer, command, layer, npmrc or installer.name in configured)
                and _has_development(sources, installer, reached)
                and not _thrown_away(ran)
            ):
                found.append(_Install(layer, installer, command))
    yield from found


def _installs_dev(installer: Installer, command: Command, layer: Layer, configured: bool) -> bool:
    """Whether a command installs development dependencies, as far as known; in doubt not."""
    pattern = _PRODUCTION.get(installer.name)
    text = " ".join(command)
    if pattern is None or not installer.reads_files(command) or "$" in text:
        return False
    if _DEVELOPMENT.search(text):
        return True
    if re.search(f"(?:^|\\s)(?:{pattern})", text) or configured:
        return False
    known = {**layer.variables, **shell_commands.settings(layer.instruction)}
    switches = _NODE_SWITCHES if installer.name in _NODE else _SWITCHES.get(installer.name, {})
    lower = {name.lower(): value for name, value in known.items()} if installer.name in _NODE else known
    return not any(
        re.fullmatch(value, lower.get(name, "").strip("\"'")) or "$" in lower.get(name, "")
        for name, value in switches.items()
    )


def _runs_a_tool(command: Command) -> bool:
    """Whether a command runs a script or a tool of the project, which may be one for development."""
    node = command[0] in _NODE and (bool(purpose.script_named(command)) or "exec" in command[1:3])
    return node or command[0] in ("npx", "pnpx")


def _removes_modules(command: Command) -> bool:
    return command[0] == "rm" and any("node_modules" in word or "vendor" in word for word in command[1:])


def _thrown_away(ran: Sequence[Command]) -> bool:
    """Whether the RUN removes a folder that is no cache: it may be the one that it installed in."""
    return any(
        command[0] == "rm"
        and any(flag in word for word in command[1:2] for flag in ("r", "R"))
        and any(
            not re.search(r"cache|/tmp|/var/lib/apt|\.npm|\.git\b|\.yarn|/var/", word)
            for word in command[2:]
        )
        for command in ran
    )


def _has_development(sources: Sources, installer: Installer, reached: frozenset[str] | None) -> bool:
    """Whether the manifests at hand list development dependencies; True where no context is known."""
    if reached is None:
        return True
    name = {"Composer": "composer.json", "Poetry": "pyproject.toml", "uv": "pyproject.toml"}.get(
        installer.name, "package.json"
    )
    texts = [
        text
        for path, text in sources.texts.items()
        if path in reached and path.rpartition("/")[2] == name
    ]
    return any(_lists_development(installer.name, text) for text in texts)


def _lists_development(tool: str, text: str) -> bool:
    try:
        if tool not in ("Poetry", "uv"):
            manifest = json.loads(text)
            return bool(manifest.get("require-dev" if tool == "Composer" else "devDependencies"))
        manifest = tomllib.loads(text)
    except (ValueError, RecursionError, AttributeError):
        return False
    own = _mapping(_mapping(manifest, "tool"), tool.lower())
    groups = _mapping(manifest, "dependency-groups")
    if tool == "uv":
        wanted = own.get("default-groups", ["dev"])
        named = [name for name in groups if wanted == "all" or name in wanted]
        return bool(own.get("dev-dependencies")) or any(groups[name] for name in named)
    installed = [
        group
        for group in _mapping(own, "group").values()
        if not _mapping({"": group}, "").get("optional")
    ]
    return bool(own.get("dev-dependencies") or groups) or any(
        _mapping({"": group}, "").get("dependencies") for group in installed
    )


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table inside a table; an empty one where there is none."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def is_berry(sources: Sources, ran: Sequence[Command]) -> bool:
    """Whether yarn is of release 2 or later, which has other options and another cache."""
    named = any(re.search(r'"packageManager"\s*:\s*"yarn@[2-9]', t) for t in sources.texts.values())
    settings = any(path.endswith(".yarnrc.yml") for path in sources.texts)
    return named or settings or any("--immutable" in command for command in ran)


def _floating(sources: Sources, walk: Walk) -> Iterator[Finding]:
    """Find ``npm install`` beside a lock file, which ``npm ci`` would keep to."""
    for stage in sources.file.needs(sources.project.target):
        for layer in walk.own[stage.index]:
            run = layer.instruction
            for installer, command in shell_commands.installs(run) if run.keyword == "RUN" else ():
                text = " ".join(command)
                floats = installer.name == "npm" and command[1] in ("install", "i")
                moved = _ELSEWHERE.search(text) or any(
                    ran[0] in ("cd", "pushd") for ran in shell_commands.commands(run)
                )
                if not floats or moved or not installer.reads_files(command):
                    continue
                lock = _lock(sources, stage, run)
                if lock:
                    rest = " ".join(("npm", "ci", *command[2:]))
                    yield Finding(
                        "lock-file-not-kept",
                        "style",
                        Severity.HINT,
                        run.line,
                        f"`{text}` resolves versions anew where {lock} does not fit package.json, and "
                        "nobody notices.",
                        f"Run `{rest}`: it installs what the lock file lists, or fails and says why.",
                    )


def _lock(sources: Sources, stage: Stage, run: Instruction) -> str:
    """Return the path of npm's lock file that is copied above a RUN, beside its package.json, or ""."""
    if sources.survey is None:
        return ""
    walk = layers.walk(sources)
    own = [layer.copy for layer in walk.own[stage.index] if layer.instruction.line < run.line]
    above = [copy for copy in own if copy]
    before = (i for i in stage.instructions if i.line < run.line)
    if any(map(layers.rewrites_manifests, before)):
        return ""
    reached = {path for copy in above if not copy.unsure for path in walk.taken(copy)}
    projects = [path for path in reached if path.rpartition("/")[2] == "package.json"]
    if not projects:
        return ""
    folder = min(projects, key=lambda path: path.count("/")).removesuffix("package.json")
    locks = (f"{folder}package-lock.json", f"{folder}npm-shrinkwrap.json")
    return next((lock for lock in locks if lock in reached), "")
