"""Rules on what a build context sends: what should stay out of it, and whether an ignore file does that.

They look at what was gathered; they walk no folder.
"""

from __future__ import annotations

from helpers.buildx.dockerfile import Dockerfile, Instruction
from helpers.examine.findings import Finding, Severity, size
from helpers.examine.report import BuildContext
from helpers.examine.unwanted import Unwanted

_WHOLE = {".", "./", "/", "*"}
_WORTH_A_WORD = 1_000_000  # bytes from which an unwanted file is a finding


def check(file: Dockerfile, target: str | None, context: BuildContext) -> list[Finding]:
    """Return findings on what is sent; it matters most where a COPY takes the whole context."""
    instructions = (i for stage in file.needs(target) for i in stage.instructions)
    whole = next((i for i in instructions if _WHOLE & set(i.copied())), None)
    found = [_no_ignore_file(whole)] if whole and not context.ignore_file else []
    found += [
        _unwanted(one, whole) for one in context.unwanted if one.secret or one.bytes >= _WORTH_A_WORD
    ]
    return found


def _no_ignore_file(whole: Instruction) -> Finding:
    return Finding(
        "no-ignore-file",
        "context",
        Severity.WARNING,
        whole.line,
        f"`{whole.keyword} {whole.value}` takes the whole context, and there is no .dockerignore.",
        "Write one; it keeps what it names out of the context, the cache's key and the image.",
    )


def _unwanted(one: Unwanted, whole: Instruction | None) -> Finding:
    severity = Severity.ERROR if one.secret else Severity.WARNING
    does = "is copied" if whole else "can be sent"
    return Finding(
        "secret-in-context" if one.secret else "unwanted-in-context",
        "context",
        severity if whole else Severity.HINT,
        whole.line if whole else None,
        f"{one.path} ({size(one.bytes)}, {one.what}) {does}: no pattern keeps it out.",
        f"Add `{one.pattern}` to the .dockerignore.",
    )
