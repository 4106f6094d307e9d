"""A second stage that takes over what runs: sources, tools and caches stay behind in the first.

What the image held tells what to take over. Left out is only what is recognised as not needed to run:
sources that were compiled, tests, settings of tools; all else is taken over.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from helpers.buildx.dockerfile import Instruction, Stage
from helpers.examine.rules import shell_commands
from helpers.image.filesystem import File
from helpers.improve.draft import Change, Draft, Edit, Seen
from helpers.improve.rules import bases

STARTS = {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "VOLUME", "LABEL"}
_MAKES_LAYERS = {"RUN", "COPY", "ADD", "WORKDIR"}
_MOST = 12  # entries that are taken over one by one; with more, the whole folder is
_MOST_OUTSIDE = 5  # files outside the app's folder that are taken over one by one
NOT_TO_RUN = """
.git .git* .dockerignore .editorconfig .eslint* eslint.config.* .prettier* prettier.config.* .husky
.lintstaged* lint-staged.config.* .commitlint* commitlint.config.* lefthook.yml biome.json* tslint.json
.vscode .idea .travis.yml *Dockerfile* *.dockerignore docker-compose*.y*ml compose.y*ml docker-bake.*
README* CHANGELOG* CONTRIBUTING* CODE_OF_CONDUCT* jest.config.* vitest.config.* .mocharc* .nyc* .c8rc*
coverage test tests __tests__ e2e cypress* playwright.config.* Makefile renovate.json nodemon.json
package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml .npmrc .yarnrc .nvmrc .node-version
.env.example .env.sample .env.template *.log
""".split()  # noqa: SIM905 - a list of one word a line says no more
_COMPILED_FROM = "tsconfig*.json"
_RUNS_TYPESCRIPT = re.compile(
    r"\b(ts-node|tsx|tsconfig-paths|swc-node|babel-node|esbuild-register|bun|deno)\b"
)
_OUTPUTS = ("dist", "build", "out", "lib")
_PASSING = re.compile(
    r"/(root/(\.npm|\.cache|\.config|\.node-gyp|\.local|\.yarn\w*|\.pnpm\S*|\.npmrc)|home/\w+/(\.npm|\.cache|\.config)"
    r"|tmp|run|proc|sys|dev|var/(cache|log|lib/apt|lib/dpkg|tmp)|usr/local/share/\.cache|etc/ld\.so\.cache"
    r"|etc/(hosts|hostname|resolv\.conf))(/|$)"
)
_END = r"(?= *(?:$|[&;|\\\r]|-))"
_PRODUCTION = {
    "npm": (rf"\bnpm (ci|install|i)\b{_END}", r"npm \1 --omit=dev"),
    "yarn": (r"\byarn(?: install\b)?(?= *(?:$|[&;|\\\r]|--))", "yarn install --production"),
    "pnpm": (rf"\bpnpm (install|i)\b{_END}", r"pnpm \1 --prod"),
}
_BUILD_TOOLS = """
python python2 python3 python3-dev python3-pip py3-pip make g++ gcc build-base build-essential libc-dev
musl-dev libc6-dev linux-headers git cmake ninja-build pkg-config autoconf automake
""".split()  # noqa: SIM905


def second_stage(draft: Draft) -> Change | None:
    """Propose a second stage with what runs, without development dependencies."""
    found = _staged(draft)
    return _written(draft, found, "second-stage") if found else None


def second_stage_with_folder(draft: Draft) -> Change | None:
    """Propose the same where the program needs more of its folder than was recognised."""
    found = _staged(draft)
    return (
        _written(draft, replace(found, entries=()), "second-stage-folder")
        if found and found.entries
        else None
    )


def second_stage_with_all(draft: Draft) -> Change | None:
    """Propose the same where the program needs a development dependency."""
    found = _staged(draft)
    if not found or not found.prune:
        return None
    return _written(draft, replace(found, entries=(), prune=""), "second-stage-unpruned")


def second_stage_slim(draft: Draft) -> Change | None:
    """Propose a second stage on the smaller base, where only the build needs the larger one."""
    found = _staged(draft)
    if not found or found.shared:
        return None
    slim = bases.slim(_written(draft, found, "").draft)
    if slim is None:
        return None
    return replace(
        slim,
        rule="slim-second-stage",
        reason="Only the build needs what the base has beside the runtime.",
        lines=(draft.start_of(draft.stage).line,),
    )


@dataclass(frozen=True)
class _Plan:
    """What a second stage takes over.

    ``shared`` are the instructions that both stages need, ``moved`` those that go to the new one.
    ``root`` is the app's folder; ``entries`` are those of it to take, empty for the whole folder.
    ``outside`` are files elsewhere. ``prune`` is the RUN that takes development dependencies away.
    ``owner`` is for ``--chown``; ``owned`` says that the folder is theirs too. ``user`` is the USER of
    the process, unless both stages share it.
    """

    shared: tuple[Instruction, ...]
    root: str
    entries: tuple[str, ...]
    outside: tuple[str, ...]
    prune: str
    owner: str
    owned: bool
    moved: tuple[Instruction, ...]
    user: Instruction | None


def _staged(draft: Draft) -> _Plan | None:
    """Return what a second stage would take over; None when that is not surely known."""
    seen, own = draft.seen, list(draft.stage.instructions)
    if not draft.single or seen is None or not _is_node(seen) or draft.project.target:
        return None
    if any(i.keyword in ("ONBUILD", "SHELL") or i.flag("from") for i in own):
        return None
    root = _root(draft, seen)
    first = next((n for n, i in enumerate(own) if i.keyword in ("COPY", "ADD")), None)
    if root is None or first is None:
        return None
    prefix = own[:first]
    needs_prefix = any(i.keyword == "RUN" and not only_build_tools(i) for i in prefix)
    layers = len([i for i in prefix if i.keyword in _MAKES_LAYERS])
    outside = _outside(seen, root, layers)
    owner, owned = _owner(seen, root)
    shared = prefix if needs_prefix else []
    if shared and draft.stage.name:
        return None
    if outside is None or owner is None:
        return None
    entries = _entries(draft, seen, root)
    prune = _prune(draft, own, root)
    moved = tuple(i for i in own if i.keyword in STARTS and i not in shared)
    return _Plan(tuple(shared), root, entries, outside, prune, owner, owned, moved, _user(own, shared))


def _user(own: Sequence[Instruction], shared: Sequence[Instruction]) -> Instruction | None:
    users = [i for i in own if i.keyword == "USER"]
    return users[-1] if users and users[-1] not in shared else None


def _written(draft: Draft, plan: _Plan, rule: str) -> Change:
    start = draft.start_of(draft.stage)
    body = [i for i in draft.stage.instructions if i not in plan.shared]
    named = draft.raw(start).rstrip("\r")
    words = named.split()[1:]
    base = "base" if plan.shared else " ".join(words[:-2] if draft.stage.name else words)
    made = max(i.end for i in body if i.keyword in ("RUN", "COPY", "ADD"))
    moved = [*plan.moved, *((plan.user,) if plan.user and plan.user.line > made else ())]
    edits = [without(draft, i) for i in moved]
    if not draft.stage.name:
        name = "base" if plan.shared else "build"
        edits.append(Edit(start.line, start.end, (f"{named.rstrip()} AS {name}",)))
    if plan.shared:
        last = plan.shared[-1].end
        arguments = [f"ARG {name}" for i in plan.shared if i.keyword == "ARG" for name in _names(i)]
        edits.append(Edit(last + 1, last, ("", "FROM base AS build", *arguments)))
    settings = [i for i in body if i.keyword == "ENV"]
    used = [
        i
        for i in body
        if i.keyword == "ARG" and any(_used([*plan.moved, *settings], n) for n in _names(i))
    ]
    last_install = _last_install(body)
    tail = [plan.prune] if plan.prune and not last_install else []
    if plan.prune and last_install:
        edits.append(Edit(last_install.end + 1, last_install.end, (plan.prune,)))
    tail += ["", f"FROM {base}", *(f"ARG {name}" for i in used for name in _names(i))]
    tail += [line for i in settings for line in raw_lines(draft, i)]
    tail += _copies(draft, plan)
    for i in sorted({*plan.moved, *((plan.user,) if plan.user else ())}, key=lambda one: one.line):
        tail += block(draft, i)
    end = len(draft.text.removesuffix("\n").split("\n"))
    what = "sources, tools and caches of the build"
    what += " and development dependencies" if plan.prune else ""
    return Change(
        rule,
        f"The only stage ships: {what} are in the image.",
        (start.line,),
        draft.edited([*edits, Edit(end + 1, end, tuple(tail))]),
        takes_away=True,
    )


def _last_install(body: Sequence[Instruction]) -> Instruction | None:
    """Return the last RUN if it only installs, and sources are copied below it."""
    runs = [i for i in body if i.keyword == "RUN"]
    made = [i for i in body if i.keyword in ("RUN", "COPY", "ADD")]
    if not runs or made[-1] is runs[-1]:
        return None
    installs = [c for i, c in shell_commands.installs(runs[-1]) if i.reads_files(c)]
    every = [c for c in shell_commands.commands(runs[-1]) if "cache" not in c]
    return runs[-1] if installs and every == installs else None


def _is_node(seen: Seen) -> bool:
    return any(str(pair).startswith("NODE_VERSION=") for pair in seen.settings.get("Env") or ())


def _root(draft: Draft, seen: Seen) -> str | None:
    """Return the folder of the app: the highest working folder with a package.json; None for ``/``."""
    last = str(seen.settings.get("WorkingDir") or "/")
    folders, at = {last}, "/"
    for one in draft.stage.instructions:
        if one.keyword == "WORKDIR" and "$" not in one.value:
            at = posixpath.normpath(posixpath.join(at, one.value.strip("\"'")))
            folders.add(at)
    fits = [f for f in folders - {"/"} if _holds_package(seen, f) and f"{last}/".startswith(f"{f}/")]
    return min(fits, key=len, default=None)


def _holds_package(seen: Seen, folder: str) -> bool:
    return any(file.path == f"{folder}/package.json" for file in seen.files)


def _outside(seen: Seen, root: str, prefix_layers: int) -> tuple[str, ...] | None:
    """Return the files that later steps put elsewhere; None when they are too many to be named."""
    found = [
        file.path
        for file in seen.files
        if file.layer >= seen.base_layers + prefix_layers
        and file.kind in ("file", "symlink", "hardlink")
        and not file.path.startswith(f"{root}/")
        and not _PASSING.match(file.path)
    ]
    odd = any(re.search(r"[\s*?\[$]", path) for path in found)
    return None if odd or len(found) > _MOST_OUTSIDE else tuple(found)


def _owner(seen: Seen, root: str) -> tuple[str | None, bool]:
    """Return the owner for ``--chown`` ("" root, None several), and whether the folder is theirs."""
    inside = [file for file in seen.files if file.path.startswith(f"{root}/")]
    owners = {(file.uid, file.gid) for file in inside}
    top = next((file for file in seen.files if file.path == root), None)
    if len(owners) != 1:
        return None, False
    uid, gid = owners.pop()
    if top and (top.uid, top.gid) not in ((0, 0), (uid, gid)):
        return None, False
    return ("" if (uid, gid) == (0, 0) else f"{uid}:{gid}"), bool(top and top.uid)


def _entries(draft: Draft, seen: Seen, root: str) -> tuple[str, ...]:
    """Return the entries of the app's folder to take one by one; none when nothing can stay behind."""
    tops: dict[str, list[File]] = {}
    for file in seen.files:
        if file.path.startswith(f"{root}/"):
            tops.setdefault(file.path[len(root) + 1 :].partition("/")[0], []).append(file)
    kept = [n for n, files in tops.items() if not _stays_behind(draft, seen, root, n, files)]
    odd = any(re.search(r"[\s*?\[$]", name) for name in kept)
    return () if odd or len(kept) == len(tops) or len(kept) > _MOST else tuple(kept)


def _copies(draft: Draft, plan: _Plan) -> list[str]:
    """Return the lines of the new stage that set its folder and take the files over."""
    seen = draft.seen or Seen()
    owned = plan.owned  # WORKDIR would make the folder for root
    source = f"--from={draft.stage.name or 'build'}"
    flags = f"{source} --chown={plan.owner}" if plan.owner else source
    here = f"{plan.root}/" if owned else "./"
    lines = [] if owned else [f"WORKDIR {plan.root}"]
    if plan.entries:
        paths = {file.path: file.kind for file in seen.files}
        folders = [n for n in plan.entries if paths.get(f"{plan.root}/{n}") == "directory"]
        plain = [f"{plan.root}/{name}" for name in plan.entries if name not in folders]
        lines += [f"COPY {flags} {' '.join(plain)} {here}"] if plain else []
        ordered = sorted(folders, key=lambda name: name != "node_modules")
        lines += [f"COPY {flags} {plan.root}/{name} {here}{name}" for name in ordered]
    else:
        lines.append(f"COPY {flags} {plan.root} {plan.root}")
    lines += [f"COPY {source} {path} {path}" for path in plan.outside]
    folder = str(seen.settings.get("WorkingDir") or plan.root)
    return [*lines, f"WORKDIR {folder}"] if owned or folder != plan.root else lines


def _stays_behind(draft: Draft, seen: Seen, root: str, name: str, files: Sequence[File]) -> bool:
    typescript = _RUNS_TYPESCRIPT.search(_start_words(draft, seen))
    if fits(name, (_COMPILED_FROM,)):
        return not typescript
    if fits(name, NOT_TO_RUN):
        return name not in _start_words(draft, seen)
    plain = [file.path for file in files if file.kind == "file"]
    if plain and all(
        fits(path.rpartition("/")[2], ("*Dockerfile*", "*.dockerignore")) for path in plain
    ):
        return True
    compiled = any(
        file.path.startswith(f"{root}/{output}/") and re.search(r"\.[cm]?js$", file.path)
        for output in _OUTPUTS
        for file in seen.files
    )
    sources = plain and all(re.search(r"(?<!\.d)\.(ts|tsx|mts|cts)$", path) for path in plain)
    return bool(compiled and not typescript and sources and name not in _start_words(draft, seen))


def _start_words(draft: Draft, seen: Seen) -> str:
    """Return all words from which the start of the program can be told."""
    package = draft.package
    scripts = package.get("scripts") or {}
    words = [*(seen.settings.get("Entrypoint") or ()), *(seen.settings.get("Cmd") or ())]
    words += [
        str(s) for name, s in scripts.items() if name in ("start", "prestart", "start:prod", "serve")
    ]
    words += list(package.get("dependencies") or {})
    return " ".join(map(str, words))


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of the patterns of a shell."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _has_development(draft: Draft, own: Sequence[Instruction]) -> bool:
    """Whether the install brings development dependencies."""
    if not draft.package.get("devDependencies"):
        return False
    for one in own:
        if one.keyword == "ENV" and re.search(r"NODE_ENV[= ]['\"]?production", one.value):
            return False
        if one.keyword == "RUN" and (
            calls := [
                c
                for i, c in shell_commands.installs(one)
                if i.name in ("npm", "yarn", "pnpm") and i.reads_files(c)
            ]
        ):
            text = " ".join(calls[0])
            production = re.search(r"--omit[= ]dev|--prod|--only[= ]prod|-P\b", text)
            return not production and "NODE_ENV=production" not in one.value
    return False


def _prune(draft: Draft, own: Sequence[Instruction], root: str) -> str:
    """Return the RUN that takes development dependencies away after the build; "" if there are none."""
    seen = draft.seen
    if seen is None or not _has_development(draft, own):
        return ""
    if not any(f.path == f"{root}/node_modules" and f.kind == "directory" for f in seen.files):
        return ""
    return _pruning(draft, seen, own, str(seen.settings.get("WorkingDir") or root), root)


def _pruning(draft: Draft, seen: Seen, own: Sequence[Instruction], at: str, root: str) -> str:
    """Return the RUN for the packages in ``root`` of a build that stands in ``at``; "" for none."""
    if any(i.keyword == "RUN" and re.search(r"\bprune\b", i.value) for i in own):
        return ""
    tools = [
        i.name
        for one in own
        if one.keyword == "RUN"
        for i, c in shell_commands.installs(one)
        if i.reads_files(c)
    ]
    tool = next((name for name in tools if name in ("npm", "yarn", "pnpm")), "")
    version = next(
        (
            str(p).partition("=")[2]
            for p in seen.settings.get("Env") or ()
            if str(p).startswith("NODE_VERSION=")
        ),
        "",
    )
    here = "" if at == root else f"cd {root} && "
    old = version.partition(".")[0] in ("8", "10", "12", "14")
    if tool == "npm":
        runs = " ".join(i.value for i in own if i.keyword == "RUN")
        flags = "".join(
            f" {flag}" for flag in ("--legacy-peer-deps", "--force") if f"{flag} " in f"{runs} "
        )
        return f"RUN {here}npm prune {'--production' if old else '--omit=dev'}{flags}"
    if tool == "pnpm":
        return f"RUN {here}pnpm prune --prod"
    if tool == "yarn" and not draft.has(f"{draft.home}.yarnrc.yml"):
        return f"RUN {here}yarn install --production --frozen-lockfile --ignore-scripts --prefer-offline"
    return ""


def prune_before_copy(draft: Draft) -> Change | None:
    """Propose to take development dependencies away in a stage before the last one copies packages."""
    seen = draft.seen
    if seen is None or draft.single or _has_development(draft, list(draft.stage.instructions)):
        return None
    for copy in draft.shipped:
        source = draft.file.source_stage(copy.flag("from") or "") if copy.keyword == "COPY" else None
        if source is None or not any(_holds_packages(draft, source, word) for word in copy.words()[:-1]):
            continue
        others = [s for s in draft.needed if s is not source and not _ships(draft, s)]
        if any(draft.file.parent(s) is source or _copies_from(draft, s, source) for s in others):
            return None  # another stage may build with those packages
        own = [i for s in _makers(draft, source) for i in s.instructions]
        at = _folder(draft, source)
        if not at or not _has_development(draft, own):
            return None
        line = _pruning(draft, seen, own, at, at)
        makes = [i for i in source.instructions if i.keyword in ("RUN", "COPY", "ADD")]
        if not line or not makes:
            return None
        end = makes[-1].end
        return Change(
            "prune-before-copy",
            f"Line {copy.line} copies packages that only development needs into the image.",
            (end, copy.line),
            draft.edited([Edit(end + 1, end, (line,))]),
            takes_away=True,
        )
    return None


def _ships(draft: Draft, stage: Stage) -> bool:
    return stage in draft.file.lineage(draft.project.target)


def _copies_from(draft: Draft, stage: Stage, source: Stage) -> bool:
    return any(draft.file.source_stage(i.flag("from") or "") is source for i in stage.instructions)


def _makers(draft: Draft, stage: Stage) -> list[Stage]:
    """Return the stages from which a stage has its files: those it begins with, those it copies from."""
    found: list[Stage] = []
    waiting: list[Stage | None] = [stage]
    while waiting:
        at = waiting.pop()
        if at is not None and at not in found:
            found.insert(0, at)
            waiting += [draft.file.parent(at)]
            waiting += [draft.file.source_stage(i.flag("from") or "") for i in at.instructions]
    return found


def _folder(draft: Draft, stage: Stage) -> str:
    """Return the folder in which a stage ends; "" where it names none, or by a variable."""
    parent = draft.file.parent(stage)
    at = _folder(draft, parent) if parent else ""
    for one in stage.instructions:
        if one.keyword == "WORKDIR":
            at = posixpath.normpath(posixpath.join(at, one.value.strip("\"'")))
    return at if at.startswith("/") and "$" not in at else ""


def _holds_packages(draft: Draft, stage: Stage, path: str) -> bool:
    """Whether a path of a stage is its app's node_modules, or a folder around it."""
    packages = f"{_folder(draft, stage)}/node_modules"
    return f"{packages}/".startswith(f"{posixpath.normpath(posixpath.join('/', path))}/")


def production_install(draft: Draft) -> Change | None:
    """Propose an install without development packages in a last stage that builds nothing."""
    own = list(draft.shipped)
    runs = [i for i in own if i.keyword == "RUN"]
    if draft.seen is None or not _has_development(draft, own):
        return None
    edits, lines = [], []
    for run in runs:
        found = [
            i.name for i, c in shell_commands.installs(run) if i.name in _PRODUCTION and i.reads_files(c)
        ]
        if not found:
            if not only_build_tools(run):
                return None  # it may build with those packages
            continue
        others = [c for c in shell_commands.commands(run) if c[0] not in (found[0], "corepack", "rm")]
        if len(found) != 1 or others or " run " in run.value or "build" in run.value:
            return None
        pattern, new = _PRODUCTION[found[0]]
        if not (edit := draft.replaced(run, pattern, new)):
            return None
        edits.append(edit)
        lines.append(run.line)
    if not edits:
        return None
    return Change(
        "production-install",
        "The install brings packages that only development needs, and nothing is built with them.",
        tuple(lines),
        draft.edited(edits),
        takes_away=True,
    )


def only_build_tools(run: Instruction) -> bool:
    """Whether a RUN only installs tools with which packages are compiled."""
    for command in shell_commands.commands(run):
        if command[0] in ("apt-get", "apt", "apk") and {"install", "add"} & set(command[1:4]):
            names = [w for w in command[1:] if not w.startswith("-") and w not in ("install", "add")]
            names = [re.split("[=<>~]", name)[0] for name in names]
            if not set(names) <= set(_BUILD_TOOLS):
                return False
        elif command[0] in ("apt-get", "apt", "apk") and set(command[1:3]) & {
            "update",
            "clean",
            "upgrade",
            "autoremove",
        }:
            continue
        elif command[0] not in ("rm", "corepack") and command[:3] != ("npm", "config", "set"):
            return False
    return True


def _names(argument: Instruction) -> list[str]:
    return re.findall(r"(?:^|\s)([A-Za-z_]\w*)", argument.value)[:1]


def _used(by: Sequence[Instruction], name: str) -> bool:
    return any(re.search(rf"\$\{{?{name}\b", i.value) for i in by)


def raw_lines(draft: Draft, instruction: Instruction) -> list[str]:
    """Return the lines of an instruction as they are written."""
    return [line.rstrip("\r") for line in draft.raw(instruction).split("\n")]


def _comment(draft: Draft, instruction: Instruction) -> int:
    """Return the first of the comment lines directly above an instruction, or its own line."""
    lines, at = draft.text.split("\n"), instruction.line
    while (
        at > 1
        and lines[at - 2].lstrip().startswith("#")
        and not lines[at - 2].lower().startswith(("# syntax", "# escape"))
    ):
        at -= 1
    return at


def block(draft: Draft, instruction: Instruction) -> list[str]:
    """Return an instruction as it is written, with the comment above it."""
    lines = draft.text.split("\n")[_comment(draft, instruction) - 1 : instruction.end]
    return [line.rstrip("\r") for line in lines]


def without(draft: Draft, instruction: Instruction) -> Edit:
    """Return the edit that takes an instruction away, with the comment above it."""
    return Edit(_comment(draft, instruction), instruction.end, ())
