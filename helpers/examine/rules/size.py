"""Rules that find, in a Dockerfile's text, what makes its image larger than necessary.

The rules only look at the parsed text. `image.image` and `examine.removable` count the bytes.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from helpers.buildx.dockerfile import Instruction, Stage
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import dependencies, layers, purpose, shell_commands
from helpers.examine.rules.layers import Layer, Walk
from helpers.examine.rules.shell_commands import Command

_FULL = re.compile(r"(?:docker\.io/)?(?:library/)?(node|python|ruby|perl)(?::([\w.-]+))?")
_SMALLER = ("slim", "alpine", "windows", "nanoserver", "onbuild", "trixie-scm", "stretch", "jessie")
_COMPILES_PERHAPS = re.compile(r"\b(bundle|gem|npm|pip[\d.]*|pnpm|poetry|uv|yarn)\s")
_ONLY_FULL = ("curl", "wget", "git", "gcc", "make", "hg", "svn", "unzip", "ssh", "convert")
_IN_PLACE = ("npm", "yarn", "pnpm", "Composer", "uv")  # they install into the project's folder
_SMALL = re.compile(r"\.(json|ya?ml|toml|conf|cfg|ini|sh|txt|env|md|html|xml|sql|service|lock)$")
_PASSING = ("/tmp/", "/build/", "/src/")  # noqa: S108 - places in an image
_WORTH_A_WORD = 1_000_000  # bytes from which a second copy is a finding
_MANAGERS = ("apk", "apt", "apt-get", "dnf", "microdnf", "yum")
_CLEANING = {"autoclean", "autoremove", "clean", "del", "purge", "remove"}
_CACHES = {
    "/var/lib/apt": "apt(-get)?",
    "/var/cache/apt": "apt(-get)?",
    ".npm": "npm",
    ".cache/pip": "pip",
}


def check(sources: Sources) -> list[Finding]:
    """Return the findings for the stages whose layers are in the image."""
    file = sources.file
    lineage = file.lineage(sources.project.target)
    own = [i for stage in lineage for i in stage.instructions]
    walk = layers.walk(sources)
    develops = purpose.develops(sources, walk)
    one_stage = [] if develops else list(_one_stage(own))
    return [
        *one_stage,
        *([] if develops or one_stage else _full_base(sources, walk, lineage[-1])),
        *dependencies.check(sources, walk),
        *_copied_twice(sources, walk, walk.history(lineage[-1])),
        *_removed_later(sources, own),
    ]


def _one_stage(own: Sequence[Instruction]) -> Iterator[Finding]:
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
            f"`{shell_commands.shown(command)}` runs in the stage that ships, so the compiler, the "
            "sources and what only the build needs ship as well.",
            "Name this stage (`FROM … AS builder`), add a stage on a smaller base, and take the result "
            "over with `COPY --from=builder`.",
        )


def _full_base(sources: Sources, walk: Walk, stage: Stage) -> Iterator[Finding]:
    """Find a base that ships compilers, where the same release has an image without them."""
    base = walk.base(stage)
    match = _FULL.fullmatch(base)
    if match is None or any(word in (match[2] or "") for word in _SMALLER):
        return
    history = walk.history(stage)
    texts = [layer.instruction.value for layer in history if layer.instruction.keyword != "COPY"]
    installed = {
        word
        for layer in history
        if layer.instruction.keyword == "RUN"
        for command in shell_commands.commands(layer.instruction)
        if command[0] in ("apt", "apt-get") and "install" in command
        for word in command
    }
    tools = [
        tool
        for tool in _ONLY_FULL
        if any(re.search(rf"(?:^|[\s;&|(\"]){tool}\s", text) for text in texts) and tool not in installed
    ]
    release = "" if match[2] in (None, "latest") else f"{match[2]}-"
    slim = f"{match[1]}:{release}slim"
    lines = [i.line for i in sources.file.instructions if i.keyword == "FROM"]
    bottom = sources.file.lineage(sources.project.target)[0]
    installs = any(
        layer.instruction.keyword == "RUN" and _COMPILES_PERHAPS.search(layer.instruction.value)
        for layer in history
    )
    remedy = f"Ship on `{slim}`"
    remedy += f", and install {_listed(tools)} there, which it lacks." if tools else "."
    if installs:
        remedy += " Where an install compiles something, keep it on this base, in a stage of its own."
    yield Finding(
        "full-size-base",
        "size",
        Severity.WARNING,
        lines[bottom.index],
        f"`{base}` ships compilers, headers and version control: its slim image has the same "
        f"{match[1]} without them.",
        remedy,
    )


def _uninstalls(command: Command) -> bool:
    """Whether a command removes packages again, as in a step that cleans up after itself."""
    verbs = {"del", "purge", "remove", "autoremove"}
    return command[0] in ("apk", "apt", "apt-get", "dnf", "yum") and bool(verbs & set(command[1:4]))


def _copied_twice(sources: Sources, walk: Walk, history: Sequence[Layer]) -> Iterator[Finding]:
    """Find commands that store copied files once more: a recursive chown or chmod, and ``cp``.

    A command counts when it changes files that a COPY above brought. Files of the context must have
    bytes that matter; what comes from another stage, or what an install put beside them, counts as such.
    """
    found: list[tuple[Instruction, Command, bool, bool]] = []
    copied: list[tuple[str, int | None]] = []  # each destination, with its bytes where they are known
    installed = False
    folder = "/"
    sizes = {entry.path: entry.bytes for entry in sources.survey.sent} if sources.survey else {}
    for layer in history:
        one = layer.instruction
        if one.keyword == "WORKDIR":
            folder = _place(one.value, folder, layer)
        elif one.keyword in ("ADD", "COPY") and one.words():
            small = all(map(_SMALL.search, one.words()[:-1])) if one.flag("from") else False
            copied.append(
                (_place(one.words()[-1], folder, layer), 0 if small else _bytes(walk, layer, sizes))
            )
        elif one.keyword == "RUN":
            ran = shell_commands.commands(one)
            made = {word for c in ran if c[0] in ("mkdir", "install") for word in c[1:]}
            for command in ran if not shell_commands.is_conditional(one) else ():
                places = [_place(w, folder, layer) for w in _changed(command) if w not in made]
                hit = [size for to, size in copied for place in places if _covers(place, to)]
                known = [size for size in hit if size is not None]
                if hit and (len(known) < len(hit) or sum(known) >= _WORTH_A_WORD or installed):
                    users = any(c[0] in ("useradd", "adduser") for c in ran)
                    found.append((one, command, users, installed))
            installed = installed or any(
                i.name in _IN_PLACE and i.reads_files(c) for i, c in shell_commands.installs(one)
            )
    if found:
        yield _stored_again(found)


def _bytes(walk: Walk, layer: Layer, sizes: Mapping[str, int]) -> int | None:
    """Return the bytes that a copy takes from the context; None where they are not known."""
    copy = layer.copy
    if copy is None or copy.unsure or not copy.sources or walk.survey is None:
        return None
    return sum(sizes.get(path, 0) for path in walk.taken(copy))


def _place(path: str, folder: str, layer: Layer) -> str:
    """Return a path of the image in full; one with a variable that nobody knows begins with ``$``."""
    for name, value in layer.variables.items():
        path = re.sub(rf"\$(\{{{name}\}}|{name}\b)", value.replace("\\", ""), path)
    if path.startswith("$"):
        return path
    return posixpath.normpath(posixpath.join(folder, path))


def _covers(place: str, copied: str) -> bool:
    """Whether a path is the one of a copy, or a folder above it; a part of a copy may be small."""
    return "$" not in place + copied and place != "/" and f"{copied}/".startswith(f"{place}/")


def _changed(command: Command) -> list[str]:
    """Return the paths that a recursive chown or chmod changes, or ``cp`` takes from a passing place."""
    flags = [word for word in command[1:] if word.startswith("-")]
    paths = shell_commands.plain_words(command)
    if command[0] in ("chown", "chmod"):
        deep = any(re.fullmatch(r"-\w*R\w*|--recursive", flag) for flag in flags)
        return paths[1:] if deep else []
    deep = any(re.fullmatch(r"-\w*[Rra]\w*|--recursive|--archive", flag) for flag in flags)
    linked = any(re.fullmatch(r"-\w*[ls]\w*|--link|--symbolic-link", flag) for flag in flags)
    passing = [path for path in paths[:-1] if path.startswith(_PASSING)]
    return passing if command[0] == "cp" and deep and not linked else []


def _stored_again(found: Sequence[tuple[Instruction, Command, bool, bool]]) -> Finding:
    run, command, users, installed = found[0]
    lines = [str(line) for line in sorted({one.line for one, *_ in found} - {run.line})]
    others = f" So {'do lines' if lines[1:] else 'does line'} {_listed(lines)}." if lines else ""
    value = (shell_commands.plain_words(command) or ["…"])[0]
    does = "copies" if command[0] == "cp" else "changes"
    if command[0] == "cp":
        remedy = "Make the files in this place, or in an earlier stage and `COPY --from` it to here."
    elif command[0] == "chmod" and not value.isdigit():
        remedy = (
            "Set the modes where the files are made: in the stage they come from, or in the context."
        )
    else:
        remedy = f"Give it to the copy: `COPY --{command[0]}={value} …`"
        remedy += ", below the step that makes this user." if users else "."
        if command[0] == "chown":
            remedy += " A folder in which the program makes files needs its `chown` too, without `-R`."
        if installed and command[0] == "chown":
            remedy += " Run the install below a `USER` line, so that its files belong to that user."
    return Finding(
        "copied-twice",
        "size",
        Severity.WARNING,
        run.line,
        f"`{' '.join(command)}` stores each file that it {does} once more, in a new layer.{others}",
        remedy,
    )


def _listed(lines: Sequence[str]) -> str:
    return f"{', '.join(lines[:-1])} and {lines[-1]}" if lines[1:] else lines[0]


def _removed_later(sources: Sources, own: Sequence[Instruction]) -> Iterator[Finding]:
    """Find steps that only remove what a layer above made, where it stays.

    What the base brings is left: to hide it is the only way to be without it. So are small files of the
    context.
    """
    sizes = Counter[str]()
    for entry in sources.survey.sent if sources.survey else ():
        for part in set(entry.path.split("/")):
            sizes[part] += entry.bytes
    found: list[tuple[Instruction, Command]] = []
    above = ""
    for instruction in own:
        ran = shell_commands.commands(instruction) if instruction.keyword == "RUN" else ()
        if ran and all(map(_removes, ran)):
            made = next(
                (c for c in ran if _made_above(c, above) and not _is_small(c, sizes)),
                None,
            )
            found += [(instruction, made)] if made else []
        elif instruction.keyword in ("ADD", "COPY", "RUN"):
            above += "\n".join([f"\n{instruction.keyword} {instruction.value}", *instruction.heredocs])
    if found:
        run, command = found[0]
        lines = [str(one.line) for one, _ in found[1:]]
        others = f" Nor {'do lines' if lines[1:] else 'does line'} {_listed(lines)}." if lines else ""
        yield Finding(
            "removed-later",
            "size",
            Severity.HINT,
            run.line,
            f"`{shell_commands.shown(command)}` frees nothing: the files stay in the layer that made "
            f"them.{others}",
            "Remove them in the RUN that makes them, or leave them behind in an earlier stage.",
        )


def _is_small(command: Command, sizes: Mapping[str, int]) -> bool:
    """Whether a command removes only files whose names the context has, and few bytes of them."""
    paths = [word.rstrip("/") for word in command[1:] if not word.startswith("-")]
    names = [path.rpartition("/")[2] for path in paths]
    return all(name in sizes for name in names) and sum(sizes[n] for n in names) < _WORTH_A_WORD


def _removes(command: Command) -> bool:
    cleaning = command[0] in _MANAGERS and _CLEANING & set(command[1:4])
    return command[0] in ("rm", "rmdir", "set", "cd") or bool(cleaning)


def _made_above(command: Command, above: str) -> bool:
    """Whether the text above made what a command removes, by its name or as a cache of packages."""
    if command[0] in _MANAGERS:
        return (
            re.search(rf"\b{command[0].removesuffix('-get')}(-get)?\b.*\b(install|add)\b", above)
            is not None
        )
    if command[0] not in ("rm", "rmdir"):
        return False
    for word in command[1:]:
        manager = next((tool for place, tool in _CACHES.items() if place in word), None)
        name = word.rstrip("/*").rpartition("/")[2]
        if manager and re.search(rf"\b{manager}\b.*\binstall\b", above):
            return True
        if "$" in word or manager or word.startswith("-") or not name.strip("."):
            continue
        relative = not word.startswith(("/", "~")) and re.search(r"(?m)^COPY ", above)
        if relative or (len(name) > 1 and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", above)):
            return True
    return False
