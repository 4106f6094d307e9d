"""Rules that find files which a build context should not send because no ignore file keeps them out.

The rules look at the gathered facts; they walk no folder. One cause is one finding: the ignore file that
is missing, or that lets something through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from helpers.buildx import context as contexts
from helpers.buildx.context import Entry, Survey
from helpers.buildx.dockerfile import Instruction
from helpers.examine.credentials import Secret
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.report import BuildContext
from helpers.examine.rules import purpose, reach
from helpers.examine.rules.reach import Taking
from helpers.examine.surroundings import Elsewhere
from helpers.examine.unwanted import LARGE, Unwanted
from helpers.host.tables import in_units

_WORTH_A_WORD = 1_000_000  # bytes from which unwanted files are a warning
_NAMED = 3  # a sentence names at most this many files
_READS_GIT = re.compile(
    r"\bgit (-C \S+ )?(describe|rev-parse|rev-list|log|show|status|submodule)\b"
    r"|(?<![\w.-])\.git(?![\w.-])"
)
_STAMPS = re.compile(
    r"\b(make|cmake|ninja|cargo|go|goreleaser|gradlew?|mvnw?|dotnet|mix|rebar3|stack|cabal|xx-\w+"
    r"|uv sync|uv build|python3? -m build|pip3? install)\b"
)
_FOR_DEVELOPMENT = re.compile(
    r"(?i)\.env\.(dev|development|local|test)$|(^|[/._-])(dev|development)\.env$"
)
_INSTALLS_NODE = re.compile(r"\b(npm|npx|yarn|pnpm|bun|corepack)\b")


def check(sources: Sources) -> list[Finding]:
    """Return findings on the files that are sent; they matter most when they are in the image.

    A context that could not be read has none. When another folder is the context that is meant, that is
    the only finding.
    """
    context, survey = sources.context, sources.survey
    if context is None or survey is None:
        return []
    if sources.elsewhere:
        return [_elsewhere(sources, sources.elsewhere)]
    takings = reach.takings(sources)
    taken = [(one, _with_folders(one.copy.taken(survey))) for one in takings if not one.copy.unsure]
    return [
        *_secrets(sources, context.secrets, taken),
        *_let_through(sources, context, survey, taken, takings),
        *_env_files(sources, context, survey, takings),
        *map(_unread, survey.unread),
        *map(_not_utf_8, survey.not_utf_8),
    ]


_MADE_BY = {  # what tools of a language leave in a project's folder
    "package.json": ("node_modules",),
    "pyproject.toml": (".venv", "**/__pycache__"),
    "requirements.txt": (".venv", "**/__pycache__"),
    "Cargo.toml": ("target",),
    "pom.xml": ("target",),
    "build.gradle": ("build", ".gradle"),
    "build.gradle.kts": ("build", ".gradle"),
    "composer.json": ("vendor",),
    "mix.exs": ("_build", "deps"),
}

_Taken = Sequence[tuple[Taking, set[str]]]


def _with_folders(paths: Iterable[str]) -> set[str]:
    """Return paths in their printable form, with all folders above them."""
    found: set[str] = set()
    for path in map(contexts.printable, paths):
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return found


def _elsewhere(sources: Sources, found: Elsewhere) -> Finding:
    context = sources.project.context
    return Finding(
        "other-context",
        "context",
        Severity.WARNING,
        found.line,
        f"{contexts.printable(found.source)} is not in the context `{context.name}`, but it is in "
        f"`{contexts.printable(found.folder.name)}`: that folder seems to be the context that is meant.",
        f"Examine it with `--context {contexts.printable(str(found.folder))}`; the rules on the context "
        "were left out.",
    )


# Secrets


def _secrets(sources: Sources, secrets: Sequence[Secret], taken: _Taken) -> Iterator[Finding]:
    """Yield one finding for each copy and severity, with the secrets that it takes."""
    groups: dict[tuple[Severity, Taking | None], list[Secret]] = {}
    for secret in secrets:
        by = [one for one, paths in taken if secret.path in paths]
        taking = next((one for one in by if reach.ships(sources, one, secret.path)), None)
        ships = taking is not None and not purpose.is_named_so(sources)
        if secret.tracked and (not ships or _FOR_DEVELOPMENT.search(secret.path)):
            continue  # whoever has the repository has it already
        key = (Severity.ERROR if ships else Severity.HINT, taking or next(iter(by), None))
        groups.setdefault(key, []).append(secret)
    for (severity, by_copy), group in groups.items():
        yield _secret(severity, by_copy, group)


def _secret(severity: Severity, by: Taking | None, secrets: Sequence[Secret]) -> Finding:
    names = _listed([secret.path for secret in secrets])
    what = f"{secrets[0].path} holds {secrets[0].what}" if len(secrets) == 1 else f"{names} hold secrets"
    it = "it" if len(secrets) == 1 else "them"
    if by is None:
        does = f"no COPY takes {it} today, and no pattern keeps {it} out of the context"
    elif severity is Severity.ERROR:
        does = f"`{_shown(by.copy.instruction)}` puts {it} into the image, for everyone who pulls it"
    else:
        does = f"`{_shown(by.copy.instruction)}` takes {it} into the build, and its cache keeps {it}"
    named = by is not None and secrets[0].path in {
        s.removeprefix("./").strip("/") for s in by.copy.sources
    }
    return Finding(
        "secret-in-context",
        "context",
        severity,
        by.copy.instruction.line if by else None,
        f"{what}: {does}.",
        "Leave the copy out: a build reads it with `RUN --mount=type=secret`, a program when its "
        "container starts."
        if named
        else f"Add {_patterns([secret.path for secret in secrets])} to the "
        f".dockerignore; hand {it} to a build with `RUN --mount=type=secret`.",
    )


# What no pattern keeps out


def _let_through(
    sources: Sources,
    context: BuildContext,
    survey: Survey,
    taken: _Taken,
    takings: Sequence[Taking],
) -> Iterator[Finding]:
    """Yield one finding for each copy that takes what it should not, or for the missing ignore file."""
    runs = "\n".join(
        "\n".join((i.value, *i.heredocs))
        for stage in sources.file.needs(sources.project.target)
        for i in stage.instructions
        if i.keyword == "RUN"
    )
    lines = {entry.by for entry in survey.sent if entry.by}
    readmitted = [line.text for line in lines if line.readmits]  # such as `!.git`: on purpose
    groups: dict[Taking | None, list[Unwanted]] = {}
    for one in context.unwanted:
        if _is_needed(one, runs) or any(_is_in(line, one) for line in readmitted):
            continue
        by = [t for t, paths in taken if one.path in paths]
        if by and not any(_names(t, one) for t in by):
            shipping = (t for t in by if reach.ships(sources, t, one.path))
            taking = next(shipping, None)
            if taking or not _is_needed_to_build(one, runs):
                groups.setdefault(taking or by[0], []).append(one)
        elif not by and one.bytes >= LARGE and one.path != ".git":
            groups.setdefault(None, []).append(one)
    whole = next((t for t in takings if t.copy.takes_all), None)
    if whole and not context.ignore_file:
        every = [one for taking, group in groups.items() if taking for one in group]
        names = {folder.name for folder in context.folders}
        later = [name for maker, made in _MADE_BY.items() if maker in names for name in made]
        if every or later:
            yield _no_ignore_file(whole, every, later)
        groups = {None: groups[None]} if None in groups else {}
    for taking, group in groups.items():
        ships = taking is not None and reach.ships(sources, taking, group[0].path)
        ships = ships and not purpose.is_named_so(sources)
        size = sum(one.bytes for one in group)
        if size >= _WORTH_A_WORD or (ships and any(one.path == ".git" for one in group)):
            yield _unwanted(taking, group, size, ships=ships)


def _is_needed(one: Unwanted, runs: str) -> bool:
    """Whether the steps use it: git's history where they speak of git, output where nothing is built."""
    if one.path.rpartition("/")[2] == ".git":
        return bool(_READS_GIT.search(runs))
    if one.path.rpartition("/")[2] == "node_modules":
        return not _INSTALLS_NODE.search(runs)
    return one.what == "build output of the host" and not runs


def _is_needed_to_build(one: Unwanted, runs: str) -> bool:
    """Whether a compiler may take the version from git's history, as `go build` does."""
    return one.path.rpartition("/")[2] == ".git" and bool(_STAMPS.search(runs))


def _is_in(path: str, one: Unwanted) -> bool:
    return f"{path}/".startswith(f"{one.path}/")


def _names(taking: Taking, one: Unwanted) -> bool:
    """Whether a copy names a file or folder, or something in it: then it is meant."""
    named = (source.removeprefix("./").strip("/") for source in taking.copy.sources)
    return any(_is_in(source, one) for source in named)


def _no_ignore_file(whole: Taking, every: Sequence[Unwanted], later: Sequence[str]) -> Finding:
    size = sum(one.bytes for one in every)
    patterns = _patterns([one.pattern for one in every] or later)
    there = f"It takes {_sized(every)}"
    if not every:
        there = f"It will take {patterns}, once the host has {'them' if later[1:] else 'it'}"
    return Finding(
        "no-ignore-file",
        "context",
        Severity.WARNING if size >= _WORTH_A_WORD else Severity.HINT,
        whole.copy.instruction.line,
        f"`{_shown(whole.copy.instruction)}` takes the whole context, and there is no .dockerignore. "
        f"{there}.",
        f"Write a .dockerignore with {patterns}: what it names is not sent, and reruns no step.",
    )


def _unwanted(by: Taking | None, group: Sequence[Unwanted], size: int, *, ships: bool) -> Finding:
    one = len(group) == 1
    if by is None:
        does = f"{_sized(group)} can be sent: no pattern keeps {'it' if one else 'them'} out."
    else:
        into = " into the image" if ships else ""
        does = (
            f"`{_shown(by.copy.instruction)}` takes {_sized(group)}{into}: no pattern keeps "
            f"{'it' if one else 'them'} out."
        )
    return Finding(
        "unwanted-in-context",
        "context",
        Severity.WARNING if by and size >= _WORTH_A_WORD else Severity.HINT,
        by.copy.instruction.line if by else None,
        does,
        f"Add {_patterns([one.pattern for one in group])} to the .dockerignore.",
    )


def _env_files(
    sources: Sources, context: BuildContext, survey: Survey, takings: Sequence[Taking]
) -> Iterator[Finding]:
    """Find the place of a developer's own .env that a copy would take into the image.

    A Dockerfile that speaks of .env handles it.
    """
    if not context.env_files or ".env" in sources.file.text or purpose.is_named_so(sources):
        return
    if not context.ignore_file and any(t.copy.takes_all for t in takings):
        return  # the missing ignore file is the finding
    there = [Entry(path, "file", 1, kept_out=False, by=None) for path in context.env_files]
    with_them = replace(survey, entries=(*survey.entries, *there))
    for taking in takings:
        if taking.copy.unsure:
            continue
        paths = taking.copy.taken(with_them)
        env = [
            path for path in context.env_files if path in paths and reach.ships(sources, taking, path)
        ]
        if env:
            yield Finding(
                "env-let-through",
                "context",
                Severity.HINT,
                taking.copy.instruction.line,
                f"A developer's own {_listed(env)} would be copied into the image by "
                f"`{_shown(taking.copy.instruction)}`: no pattern keeps it out.",
                f"Add {_patterns(env if len(env) == 1 else ['**/.env'])} to the .dockerignore.",
            )
            return


# What the builder stumbles over


def _unread(path: str) -> Finding:
    shown = contexts.printable(path)
    return Finding(
        "unreadable-in-context",
        "context",
        Severity.ERROR,
        None,
        f"{shown} cannot be read, and no pattern keeps it out: a build that is to send it fails.",
        f"Add `{shown}` to the .dockerignore, or change its permissions.",
    )


def _not_utf_8(path: str) -> Finding:
    return Finding(
        "name-not-utf-8",
        "context",
        Severity.WARNING,
        None,
        f"{contexts.printable(path)} has, or leads to, a name that is not in UTF-8: new builders refuse "
        "such a context.",
        "Rename it, or keep it out with a pattern in the .dockerignore.",
    )


# Words


def _shown(instruction: Instruction) -> str:
    flags = "".join(f"{flag} " for flag in instruction.flags)
    return f"{instruction.keyword} {flags}{instruction.value}"[:80]


def _sized(group: Sequence[Unwanted]) -> str:
    """Return what is unwanted with its bytes; what one pattern keeps out is named once."""
    by_name: dict[str, list[Unwanted]] = {}
    for one in group:
        by_name.setdefault(one.pattern.removeprefix("**/"), []).append(one)
    shown = []
    for alike in by_name.values():
        more = f" and {len(alike) - 1} more like it" if alike[1:] else ""
        size = in_units(sum(one.bytes for one in alike))
        shown.append(f"{alike[0].path}{more} ({size}, {alike[0].what})")
    return _listed(shown)


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


def _patterns(patterns: Sequence[str]) -> str:
    shown = [f"`{one}`" for one in dict.fromkeys(patterns) if f"**/{one}" not in patterns]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
