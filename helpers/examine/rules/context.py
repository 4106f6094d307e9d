"""Rules that find files which a build context should not send because no ignore file keeps them out.

The rules look at the gathered facts; they walk no folder.
"""

from __future__ import annotations

from helpers.buildx import context as contexts
from helpers.buildx import copies
from helpers.buildx.dockerfile import Instruction
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.unwanted import Unwanted
from helpers.host.tables import in_units

_WORTH_A_WORD = 1_000_000  # bytes from which an unwanted file is a finding


def check(sources: Sources) -> list[Finding]:
    """Return findings on the files that are sent; they matter most when a COPY takes them all.

    A context that could not be read has none.
    """
    context, survey = sources.context, sources.survey
    if context is None or survey is None:
        return []
    file, target = sources.file, sources.project.target
    made = [copy for stage in file.needs(target) for copy in copies.of_stage(file, stage)]
    whole = next((copy.instruction for copy in made if copy.takes_all), None)
    found = [_no_ignore_file(whole)] if whole and not context.ignore_file else []
    taken = {copy.instruction: copy.taken(survey) for copy in made if not copy.unsure}
    for one in context.unwanted:
        if one.secret or one.bytes >= _WORTH_A_WORD:
            by = (i for i, copied in taken.items() if any(_is_in(path, one) for path in copied))
            found.append(_unwanted(one, next(by, None)))
    found += [_unread(path) for path in survey.unread]
    return [*found, *map(_not_utf_8, survey.not_utf_8)]


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


def _is_in(path: str, one: Unwanted) -> bool:
    return f"{contexts.printable(path)}/".startswith(f"{one.path}/")


def _no_ignore_file(whole: Instruction) -> Finding:
    return Finding(
        "no-ignore-file",
        "context",
        Severity.WARNING,
        whole.line,
        f"`{whole.keyword} {whole.value}` takes the whole context, and there is no .dockerignore.",
        "Write one; it keeps what it names out of the context, the cache's key and the image.",
    )


def _unwanted(one: Unwanted, by: Instruction | None) -> Finding:
    severity = Severity.ERROR if one.secret else Severity.WARNING
    does = "is copied" if by else "can be sent"
    return Finding(
        "secret-in-context" if one.secret else "unwanted-in-context",
        "context",
        severity if by else Severity.HINT,
        by.line if by else None,
        f"{one.path} ({in_units(one.bytes)}, {one.what}) {does}: no pattern keeps it out.",
        f"Add `{one.pattern}` to the .dockerignore.",
    )
