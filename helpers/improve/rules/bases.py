"""A smaller base of the same runtime, or a line that still gets fixes; a base that is pinned stays."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from helpers.buildx.dockerfile import Stage
from helpers.claims import support
from helpers.improve.draft import Change, Draft, Edit

_SLIM = ("node", "python", "ruby", "perl", "rust", "debian")
_ALPINE = ("node", "python", "ruby", "nginx", "php", "golang", "redis", "postgres")
_DEBIANS = r"(?:buster|bullseye|bookworm|trixie)"
_OF_DEBIAN = re.compile(
    r"\b(apt-get|apt|dpkg|useradd|groupadd|bash)\b|add(user|group) (--system|--group|--disabled|--gecos)"
)


_PROGRAMS = re.compile(
    r"\b(git|curl|wget|python3?|convert|magick|identify|ssh|scp|make|gcc|unzip|svn|hg)\b"
)
_STARTS_PROGRAMS = re.compile(r"child_process|execa|shelljs|cross-spawn|\bzx\b")
_PACKAGES_WITH_PROGRAMS = {
    "simple-git",
    "gm",
    "imagemagick",
    "python-shell",
    "nodegit",
    "node-gyp",
    "degit",
}
_PACKAGES_FOR_GLIBC = ("puppeteer", "playwright", "onnxruntime", "@tensorflow/", "oracledb", "electron")


def slim(draft: Draft) -> Change | None:
    """Propose the ``-slim`` variant of the base that ships: the same runtime and C library."""
    stage = draft.file.lineage(draft.project.target)[0]
    name, _, tag = stage.base.partition(":")
    if _short(name) not in _SLIM or "@" in stage.base or re.search(r"slim|alpine|windows|onbuild", tag):
        return None
    if _starts_programs(draft):
        return None
    written = _written(draft, stage)
    if tag in ("", "latest"):
        new = f"{written.partition(':')[0]}:{'stable-' if _short(name) == 'debian' else ''}slim"
    else:
        new = f"{written}-slim"
    return Change(
        "slim-base",
        f"{stage.base} brings compilers and headers; {new} has the same runtime and C library without.",
        (draft.start_of(stage).line,),
        draft.edited([_named(draft, stage, new)]),
        takes_away=True,
    )


def alpine(draft: Draft) -> Change | None:
    """Propose Alpine for all stages of one runtime: native modules must fit its C library."""
    stage = draft.file.lineage(draft.project.target)[0]
    name, _, tag = stage.base.partition(":")
    if _short(name) not in _ALPINE or "@" in stage.base or re.search("alpine|windows", tag):
        return None
    packages = draft.package.get("dependencies") or {}
    if any(package.startswith(_PACKAGES_FOR_GLIBC) for package in packages):
        return None  # what they fetch is for glibc, and may be loaded only at a later request
    if "slim" not in tag and _starts_programs(draft):
        return None
    same = [s for s in draft.needed if draft.file.parent(s) is None and s.base.partition(":")[0] == name]
    instructions = [
        i
        for s in draft.needed
        for i in s.instructions
        if i.keyword in ("RUN", "CMD", "ENTRYPOINT", "SHELL")
    ]
    if any(_OF_DEBIAN.search(i.value) or _OF_DEBIAN.search(" ".join(i.heredocs)) for i in instructions):
        return None
    edits: list[Edit] = []
    for one in same:
        new = _alpine_name(_written(draft, one), one.base)
        if new is None:
            return None
        edits.append(_named(draft, one, new))
    new = _alpine_name(_written(draft, stage), stage.base) or ""
    return Change(
        "alpine-base",
        f"{new} is smaller than {stage.base}; it has another C library (musl), so it must be tried.",
        tuple(edit.first for edit in edits),
        draft.edited(edits),
        takes_away=True,
    )


def _starts_programs(draft: Draft) -> bool:
    """Whether the app may call programs that only the full image has."""
    packages = draft.package.get("dependencies") or {}
    if _PACKAGES_WITH_PROGRAMS & set(packages):
        return True
    texts = draft.sources()
    return any(t is None or (_STARTS_PROGRAMS.search(t) and _PROGRAMS.search(t)) for t in texts)


def _alpine_name(written: str, base: str) -> str | None:
    image, _, tag = written.partition(":")
    plain = re.sub(rf"-?(?:{_DEBIANS}-slim|{_DEBIANS}|slim)$", "", tag)
    real = re.sub(rf"-?(?:{_DEBIANS}-slim|{_DEBIANS}|slim)$", "", base.partition(":")[2])
    if "$" in tag and (plain == tag) != (real == base.partition(":")[2]):
        return None  # the variant stands in an argument
    return f"{image}:{plain}-alpine" if plain not in ("", "latest") else f"{image}:alpine"


def supported(draft: Draft) -> Change | None:
    """Propose the next line of Node with support, where the file names one that no longer gets fixes."""
    today = datetime.now(UTC).date()
    stage = draft.file.lineage(draft.project.target)[0]
    ended = [
        line
        for line in support.lines_of(stage.base)
        if line.product == "Node" and not line.supported(today)
    ]
    engines = str((draft.package.get("engines") or {}).get("node", ">=0"))
    if (
        not ended
        or "@" in stage.base
        or not re.fullmatch(r">=? ?[\d.]+", engines)
        or draft.has(f"{draft.home}.nvmrc")
    ):
        return None
    number = ended[0].name
    nexts = [
        x.name
        for x in support.lines("Node")
        if int(x.name) > int(number) and int(x.name) % 2 == 0 and x.supported(today)
    ]
    same = [
        s
        for s in draft.needed
        if draft.file.parent(s) is None and re.match(rf"(.*/)?node:{number}(-|$)", s.base)
    ]
    pattern = rf"(.*:){number}(-(?:alpine|slim))?"
    if (
        not nexts
        or stage not in same
        or not all(re.fullmatch(pattern, _written(draft, s)) for s in same)
    ):
        return None
    edits = [
        _named(draft, s, re.sub(pattern, rf"\g<1>{nexts[0]}\g<2>", _written(draft, s))) for s in same
    ]
    return Change(
        "supported-line",
        f"{ended[0].phrase(today)}; Node {nexts[0]} still gets fixes.",
        tuple(edit.first for edit in edits),
        draft.edited(edits),
        f"Node {nexts[0]} gets fixes",
        takes_away=True,
    )


def _short(name: str) -> str:
    return name.removeprefix("docker.io/").removeprefix("library/")


def _written(draft: Draft, stage: Stage) -> str:
    """Return the base's name as FROM has it, with its variables."""
    return draft.start_of(stage).value.split()[0]


def _named(draft: Draft, stage: Stage, new: str) -> Edit:
    start = draft.start_of(stage)
    raw = draft.raw(start)
    return Edit(start.line, start.end, tuple(raw.replace(_written(draft, stage), new, 1).split("\n")))
