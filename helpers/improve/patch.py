"""Write changes of files as a patch that ``git apply`` takes, with their line ends as they are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

_NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True)
class ChangedFile:
    """A file that changes: its path from the patch's folder, its text before (None: new) and after."""

    path: str
    before: str | None
    after: str


def text_of(files: Iterable[ChangedFile]) -> str:
    """Return one unified diff of all files that change; its paths begin with ``a/`` and ``b/``."""
    return "".join(_of(file) for file in files if file.before != file.after)


def _of(file: ChangedFile) -> str:
    tab = "\t" if " " in file.path else ""  # ends a name with blanks, as git writes it
    old = "/dev/null" if file.before is None else f"a/{file.path}{tab}"
    rows = list(difflib.unified_diff(_lines(file.before or ""), _lines(file.after), n=3))
    body = "".join(row if row.endswith("\n") else f"{row}\n{_NO_NEWLINE}" for row in rows[2:])
    return f"--- {old}\n+++ b/{file.path}{tab}\n{body}"


def _lines(text: str) -> list[str]:
    """Split at newlines alone: a carriage return belongs to its line."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
