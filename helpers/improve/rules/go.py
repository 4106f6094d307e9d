"""A second stage with only the program that ``go build`` writes, and the files that lie beside it."""

from __future__ import annotations

import json
import posixpath
import re

from helpers.buildx.dockerfile import Instruction
from helpers.examine.rules import shell_commands
from helpers.examine.rules.shell_commands import Command
from helpers.improve.draft import Change, Draft, Edit, Seen
from helpers.improve.rules import stages

STATIC = "gcr.io/distroless/static-debian13"
_ON_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/go/bin")
_SOURCES = ("*.go", "go.mod", "go.sum", "go.work*", "vendor", ".air.toml", "*.md", "LICENSE*")
_NEEDS_C = re.compile(r"^import \"C\"|mattn/go-sqlite3|confluent-kafka-go", re.MULTILINE)
_SHELL = "/bin/sh -c"
_A_PATH = re.compile(r"[\w./-]+")


def compiler_stays_behind(draft: Draft) -> Change | None:
    """Propose a second stage with only what runs: on distroless where the program needs no C library."""
    seen, start = draft.seen, draft.start_of(draft.stage)
    if seen is None or not draft.single or draft.stage.name or draft.project.target:
        return None
    if not re.match(r"(docker\.io/)?(library/)?golang:", draft.stage.base):
        return None
    own = list(draft.stage.instructions)
    builds = [
        (i, c)
        for i in own
        if i.keyword == "RUN"
        for c in shell_commands.commands(i)
        if c[:2] == ("go", "build")
    ]
    folder = str(seen.settings.get("WorkingDir") or "/")
    program = _made(draft, builds[0][1], folder) if len(builds) == 1 else ""
    moved = (
        [
            i
            for i in own
            if i.keyword in stages.STARTS or (i.keyword == "USER" and i.line > builds[0][0].end)
        ]
        if program
        else []
    )
    if not program or not _starts(seen, folder, program):
        return None
    if any(i.keyword in ("HEALTHCHECK", "ONBUILD", "SHELL") or i.flag("from") for i in own):
        return None
    edits = [stages.without(draft, i) for i in moved]
    named = draft.raw(start).rstrip("\r")
    edits.append(Edit(start.line, start.end, (f"{named} AS build",)))
    base = STATIC
    if not _is_static(own):
        if _needs_c(draft):
            base = "alpine" if "alpine" in draft.stage.base else "debian:stable-slim"
        elif edit := draft.replaced(builds[0][0], r"\bgo build\b", "CGO_ENABLED=0 go build"):
            edits.append(edit)
        else:
            return None
    tail = ["", f"FROM {base}", f"WORKDIR {folder}"]
    tail += [
        line
        for i in own
        if i.keyword == "ENV" and not re.search(r"\bC?GO", i.value)
        for line in stages.raw_lines(draft, i)
    ]
    tail.append(f"COPY --from=build {program} {program}")
    tail += [f"COPY --from=build {path} {path}" for path in _beside(seen, folder) if path != program]
    for one in moved:
        tail += _started(draft, one)
    end = len(draft.text.removesuffix("\n").split("\n"))
    return Change(
        "second-stage",
        "The compiler and the sources ship, though only the program runs.",
        (start.line,),
        draft.edited([*edits, Edit(end + 1, end, tuple(tail))]),
        takes_away=True,
    )


def _made(draft: Draft, command: Command, folder: str) -> str:
    """Return the path of the program that ``go build`` writes; "" where that is not surely known."""
    words = list(command[2:])
    if "-o" in words[:-1]:
        path = words[words.index("-o") + 1]
    else:
        module = re.search(r"(?m)^module\s+(\S+)", draft.read("go.mod") or "")
        if not module or any(w not in (".", "./...") for w in words if not w.startswith("-")):
            return ""
        path = re.sub(r"/v\d+$", "", module[1]).rpartition("/")[2]
    fits = _A_PATH.fullmatch(path) and not path.endswith("/")
    return posixpath.normpath(posixpath.join(folder, path)) if fits else ""


def _starts(seen: Seen, folder: str, program: str) -> bool:
    """Whether the image starts that program, and nothing else."""
    words = [*(seen.settings.get("Entrypoint") or ()), *(seen.settings.get("Cmd") or ())]
    if words[:-1] == _SHELL.split() and _A_PATH.fullmatch(str(words[2])):
        words = words[2:]
    if not words:
        return False
    name = str(words[0])
    if "/" not in name:
        return posixpath.dirname(program) in _ON_PATH and posixpath.basename(program) == name
    return posixpath.normpath(posixpath.join(folder, name)) == program


def _started(draft: Draft, one: Instruction) -> list[str]:
    """Return the lines of an instruction; a start by a shell becomes one without."""
    plain = one.keyword in ("CMD", "ENTRYPOINT") and not one.value.startswith("[")
    return [f"{one.keyword} {json.dumps([one.value])}"] if plain else stages.block(draft, one)


def _is_static(own: list[Instruction]) -> bool:
    return any(
        i.keyword in ("ENV", "RUN") and re.search(r"CGO_ENABLED[= ]['\"]?0", i.value) for i in own
    )


def _needs_c(draft: Draft) -> bool:
    texts = [draft.read("go.mod"), *draft.sources()]
    return any(text is None or _NEEDS_C.search(text) for text in texts)


def _beside(seen: Seen, folder: str) -> list[str]:
    """Return what lies in the program's folder and is no source: it may be read when it runs."""
    if folder == "/":
        return []
    tops: dict[str, list[str]] = {}
    for file in seen.files:
        if file.path.startswith(f"{folder}/") and file.kind != "directory":
            tops.setdefault(file.path[len(folder) + 1 :].partition("/")[0], []).append(file.path)
    return [
        f"{folder}/{name}"
        for name, paths in sorted(tops.items())
        if not stages.fits(name, (*stages.NOT_TO_RUN, *_SOURCES))
        and not all(path.endswith(".go") for path in paths)
        and _A_PATH.fullmatch(name)
    ]
