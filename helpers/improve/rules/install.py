"""Install packages above the sources, from the lock file, with the downloads kept outside the image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from helpers.buildx.copies import Copy
from helpers.buildx.dockerfile import Instruction, Stage
from helpers.examine.rules import shell_commands
from helpers.examine.rules.shell_commands import Command
from helpers.improve.draft import Change, Draft, Edit

_LOCKS = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
}
_BESIDE = (".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs")
_AT_INSTALL = ("preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare")
_HARMLESS = re.compile(r"(is-ci \|\| )?husky( install)?(\s*\|\|\s*(true|:|exit 0))?")
_NEAR = ("file:", "link:", "workspace:", "portal:", ".")
_MORE_REQUIRED = re.compile(r"(?m)^\s*(-e|-r|-c|\.|file:)")
_CACHES = {
    "npm": {"root": "/root/.npm", "node": "/home/node/.npm"},
    "yarn": {"root": "/usr/local/share/.cache/yarn"},
    "pnpm": {"root": "/root/.local/share/pnpm/store"},
    "pip": {"root": "/root/.cache/pip"},
    "Go": {"root": "/go/pkg/mod"},
}
_NPM_INSTALL = re.compile(r"\bnpm (?:install|i)\b(?= *(?:$|[&;|\\\r]|-(?!g\b|-global)))")


def before_sources(draft: Draft) -> Change | None:
    """Propose to copy the package manager's files alone first, install, and then copy the rest."""
    for stage in draft.needed:
        own = list(stage.instructions)
        for copy in draft.copies_of(stage):
            folder = posixpath.normpath(draft.home or ".")
            if copy.instruction in own and [posixpath.normpath(s) for s in copy.sources] == [folder]:
                change = _moved_up(draft, own, copy)
                if change:
                    return change
    return None


def _moved_up(draft: Draft, own: Sequence[Instruction], copy: Copy) -> Change | None:
    at = own.index(copy.instruction)
    if any(shell_commands.installs(i) and _reading(i) for i in own[:at] if i.keyword == "RUN"):
        return None
    for run in own[at + 1 :]:
        if run.keyword in ("COPY", "ADD", "USER"):
            return None
        if run.keyword != "RUN":
            continue
        found = _reading(run)
        if found:
            return _above(draft, copy.instruction, run, *found)
        if not _reads_nothing(run):
            return None
    return None


def _reading(run: Instruction) -> tuple[str, Command] | None:
    """Return the first install of a RUN that reads its list from files of the project."""
    for installer, command in shell_commands.installs(run):
        if installer.reads_files(command) and not installer.compiles(command):
            return installer.name, command
    return None


def _reads_nothing(run: Instruction) -> bool:
    """Whether a RUN only calls tools that read no file of the project."""
    known = [command for _, command in shell_commands.installs(run)]
    plain = {"apt-get", "apt", "apk", "rm", "corepack", "mkdir", "echo"}
    return all(
        c in known or c[0] in plain or c[:3] == ("npm", "config", "set")
        for c in shell_commands.commands(run)
    )


def _above(
    draft: Draft, copy: Instruction, run: Instruction, tool: str, command: Command
) -> Change | None:
    files = _manifests(draft, tool, command)
    if not files or run.heredocs or run.value.startswith("["):
        return None
    words = copy.words()
    to = words[-1] if words[-1].endswith("/") else f"{words[-1]}/"
    flags = "".join(f"{flag} " for flag in copy.flags if not flag.startswith("--exclude"))
    first = f"COPY {flags}{' '.join(files)} {to}"
    parts = [part.strip() for part in run.value.split("&&")]
    at = next((n for n, part in enumerate(parts) if shell_commands.installs(_as_run(run, part))), None)
    raw = draft.raw(run).split("\n")
    whole = at is not None and len(parts) == at + 1
    if not whole and (at != 0 or len(raw) > 1):
        return None
    source = draft.raw(copy).replace("\r", "").split("\n")
    kept = tuple(raw) if whole else (f"RUN {''.join(f'{flag} ' for flag in run.flags)}{parts[0]}",)
    rest = () if whole else (f"RUN {' && '.join(parts[1:])}",)
    edits = [
        Edit(copy.line, copy.end, (first,)),
        Edit(run.line, run.end, (*kept, *source, *rest)),
    ]
    shown = " ".join(command[:3])
    return Change(
        "sources-before-install",
        f"`{shown}` stands below the copy of all sources, so each edit of a source runs it again.",
        (copy.line, run.line),
        draft.edited(edits),
        "an edit of a source file no longer installs again",
    )


def _as_run(run: Instruction, part: str) -> Instruction:
    return Instruction("RUN", (), part, run.line, run.end)


def _manifests(draft: Draft, tool: str, command: Command) -> list[str]:
    """Return the files that an install reads; empty when it may read more than is known."""
    if tool in _LOCKS:
        return _node_files(draft, tool)
    if tool == "pip":
        given = [word for word in command if word.endswith(".txt")]
        texts = [draft.read(name) or "-e ." for name in given]
        return [] if any(_MORE_REQUIRED.search(text) for text in texts) else given
    if tool == "Bundler" and "gemspec" not in (draft.read("Gemfile") or "gemspec"):
        return [name for name in ("Gemfile", "Gemfile.lock") if draft.has(name)]
    if tool == "Go":
        return [name for name in ("go.mod", "go.sum") if draft.has(name)]
    return []


def _node_files(draft: Draft, tool: str) -> list[str]:
    """Return the files that an install of a project without workspaces and scripts of its own reads."""
    package, home = draft.package, draft.home
    scripts = package.get("scripts") or {}
    at_install = [str(scripts[name]).strip() for name in _AT_INSTALL if name in scripts]
    parts = (package.get(part) or {} for part in ("dependencies", "devDependencies"))
    packages = {name: str(version) for part in parts for name, version in part.items()}
    if any(not _HARMLESS.fullmatch(script) for script in at_install) or "@prisma/client" in packages:
        return []
    if any(version.startswith(_NEAR) for version in packages.values()) or package.get("workspaces"):
        return []
    if any(draft.has(home + path) for path in ("node_modules", "pnpm-workspace.yaml", ".yarn")):
        return []  # the host's packages would be copied over those installed; others may lie near
    names = (home + name for name in ("package.json", *_LOCKS[tool], *_BESIDE))
    return [name for name in names if draft.has(name)] if package else []


def from_lock_file(draft: Draft) -> Change | None:
    """Propose ``npm ci`` where ``npm install`` has a lock file to follow."""
    lock = f"{draft.home}package-lock.json"
    if "lockfileVersion" not in draft.json(lock):
        return None
    edits, lines = [], []
    for stage in draft.needed:
        copied: set[str] = set()
        by = {copy.instruction: copy for copy in draft.copies_of(stage)}
        for one in stage.instructions:
            if one in by:
                copied |= by[one].taken(draft.survey)
            if one.keyword != "RUN" or lock not in copied:
                continue
            calls = [(i, c) for i, c in shell_commands.installs(one) if i.name == "npm"]
            plain = all(i.reads_files(c) and not {"-g", "--global", "ci"} & set(c) for i, c in calls)
            if calls and plain and (edit := draft.replaced(one, _NPM_INSTALL.pattern, "npm ci")):
                edits.append(edit)
                lines.append(one.line)
    if not edits:
        return None
    return Change(
        "npm-ci",
        "`npm install` may change what the lock file says; `npm ci` installs exactly that.",
        tuple(lines),
        draft.edited(edits),
        "the lock file alone decides what is installed",
    )


def cache_mounts(draft: Draft) -> Change | None:
    """Propose cache mounts for the steps that really fetch packages, for the user that fetches."""
    edits, lines = [], []
    for stage in draft.needed:
        user, fetched = "root", False
        for one in stage.instructions:
            if one.keyword == "USER":
                user = one.value.partition(":")[0]
            if one.keyword != "RUN" or one.heredocs or one.value.startswith("["):
                continue
            if any("type=cache" in mount for mount in one.flag_values("mount")):
                continue
            target = _cache(draft, stage, one, user)
            if target and not fetched:
                edit = draft.replaced(one, r"^(\s*(?i:RUN)\s+)", rf"\g<1>--mount={target} ")
                if edit:
                    first = Edit(edit.first, edit.last, (edit.lines[0], *draft.raw(one).split("\n")[1:]))
                    edits.append(first)
                    lines.append(one.line)
    if not edits:
        return None
    return Change(
        "cache-mount",
        "When an install runs again, it fetches every package anew, and its cache stays in the layer.",
        tuple(lines),
        draft.edited(edits),
        "downloads are kept between builds, outside the image",
    )


def _cache(draft: Draft, stage: Stage, run: Instruction, user: str) -> str | None:
    """Return the cache mount that fits the tool that fetches in a RUN; None when none surely does."""
    text = run.value
    if re.search(
        r"cache clean|--no-cache|--cache|rm -[rRf]+ .*(\.npm|\.cache|/tmp)|--no-index|--offline", text
    ):
        return None
    variables = " ".join(i.value for i in draft.file.instructions if i.keyword in ("ENV", "ARG"))
    if re.search(
        r"(?i)npm_config_cache|PIP_NO_CACHE_DIR|PIP_CACHE_DIR|YARN_CACHE|YARN_VERSION|PNPM_HOME|XDG_|\bHOME\b",
        variables,
    ):
        return None
    tools = {i.name for i, c in shell_commands.installs(run) if not i.compiles(c)}
    if len(tools) != 1:
        return None
    tool = tools.pop()
    if tool == "yarn" and (draft.has(f"{draft.home}.yarnrc.yml") or "packageManager" in draft.package):
        return None
    known = _CACHES.get(tool, {})
    name = "root" if user in ("", "root", "0") else user
    if name not in known:
        return None
    owner = ",uid=1000,gid=1000" if name == "node" else ""
    return f"type=cache,target={known[name]}{owner}"
