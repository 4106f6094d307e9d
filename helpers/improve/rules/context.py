"""Keep out of the build context what the build does not need: an ignore file, or more lines in it."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.buildx import dockerignore
from helpers.examine import credentials, surroundings, unwanted
from helpers.improve.draft import Change, Draft


def ignore(draft: Draft) -> Change | None:
    """Propose to ignore the history, the host's packages and the output of its tools."""
    copied = _copied(draft)
    if not copied:
        return None
    tracked = surroundings.tracked(draft.project.context)
    found = [one for one in unwanted.find(_files(draft), tracked) if _fits(draft, one)]
    lines = [one.pattern for one in found if one.path.split("/")[0] in copied or one.path in copied]
    if not draft.ignore:
        lines += [line for line in _usual(draft) if line not in lines]
    lines = [line for line in lines if not _has(draft, line)]
    if not lines:
        return None
    sent = sum(one.bytes for one in found)
    what = f"{sent / 1e6:,.1f} MB of " if sent >= 1e5 else ""
    return Change(
        "ignore-file",
        f"The build copies {what}what it makes itself or does not need: {_listed(lines)}.",
        (),
        draft.edited((), lines),
        "an edit of those files no longer runs the copy and what follows again",
    )


def ignore_secrets(draft: Draft) -> Change | None:
    """Propose to ignore files that hold a secret, and that the copy of a whole folder takes along.

    A file that git tracks stays: builds elsewhere have it too, and the program may need it. Where there
    is no git, only a developer's own settings go (``.env.local``, ``.env.production.local``).
    """
    copied, named = _copied(draft), _named(draft)
    tracked = surroundings.tracked(draft.project.context)
    files = [
        entry
        for entry in draft.survey.sent
        if entry.kind == "file"
        and entry.path in copied - tracked
        and (tracked or _is_a_developers_own(entry.path))
    ]
    found = credentials.in_context(draft.project.context, files)
    lines = [one.path for one in found if one.path not in named]
    if not lines:
        return None
    return Change(
        "secrets-ignored",
        f"The build copies files that hold a secret, and no other machine has them: {_listed(lines)}.",
        (),
        draft.edited((), lines),
        "those files no longer reach a layer",
        takes_away=True,
    )


def _is_a_developers_own(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith(".env") and name.endswith(".local")


def _files(draft: Draft) -> Iterable[tuple[str, int]]:
    return ((e.path, e.bytes) for e in draft.survey.sent if e.kind == "file")


def _copied(draft: Draft) -> set[str]:
    """Return the paths, and the first folders of the paths, that a copy of a whole folder takes."""
    taken: set[str] = set()
    for stage in draft.needed:
        for copy in draft.copies_of(stage):
            if copy.takes_all:
                taken |= copy.taken(draft.survey)
    return taken | {path.partition("/")[0] for path in taken}


def _named(draft: Draft) -> set[str]:
    """Return the paths that copies name, without their slashes."""
    return {
        source.removeprefix("./").strip("/")
        for stage in draft.needed
        for copy in draft.copies_of(stage)
        for source in copy.sources
    }


def _fits(draft: Draft, one: unwanted.Unwanted) -> bool:
    """Whether the build can do without: no copy names it, and the build does not need it."""
    if one.what == "a large file":
        return False
    names = _named(draft)
    if any(name == one.path or name.startswith(f"{one.path}/") for name in names):
        return False
    runs = " ".join(i.value for stage in draft.needed for i in stage.instructions if i.keyword == "RUN")
    scripts = " ".join(map(str, draft.package.get("scripts", {}).values()))
    if one.path.rpartition("/")[2] == "node_modules":
        return "install" in runs or " ci" in runs
    if one.what == "the history of the sources":
        return "git" not in runs and "git " not in scripts
    if one.what in ("build output of the host", "a large file"):
        return "build" in runs
    return True


def _usual(draft: Draft) -> list[str]:
    """Return the lines that belong into any first ignore file of a project of this kind."""
    runs = " ".join(i.value for stage in draft.needed for i in stage.instructions if i.keyword == "RUN")
    scripts = " ".join(map(str, draft.package.get("scripts", {}).values()))
    lines = [] if "git" in runs or "git " in scripts else [".git"]
    if draft.package and ("install" in runs or " ci" in runs):
        lines += ["**/node_modules"]
    return [*lines, "**/*.log"]


def _has(draft: Draft, line: str) -> bool:
    """Whether the ignore file keeps out what a line is for already."""
    probe = line.replace("**/", "").replace("*", "x")
    return dockerignore.parse(draft.ignore).decide(probe).kept_out


def _listed(lines: list[str]) -> str:
    shown = lines[:4]
    return ", ".join(shown) + (f" and {len(lines) - 4} more" if len(lines) > 4 else "")
