r"""Say which paths of a build context an ignore file keeps out, and by which of its lines.

The rules are Docker's own, after the sources of what the builder runs: moby/patternmatcher
(``patternmatcher.go`` and ``ignorefile/ignorefile.go``) for the patterns, and tonistiigi/fsutil
(``filter.go``) for the order in which folders hand their matches down. It reads text and paths; it
looks at no disk and at no builder. Paths are relative to the context, with ``/`` between their parts.
Left out: ``\Q…\E`` and named classes within ``[…]``, which Go's regular expressions would take.
"""

from __future__ import annotations

import posixpath
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from helpers.errors import WorkbookError

_PLAIN = frozenset(".+()|{}$")  # what a regular expression knows and a pattern does not
_ONE = r"(?:\\.|[^\\\-\]])"
# What Go's filepath.Match takes; Docker refuses every other pattern.
_WELL_FORMED = re.compile(rf"(?:[^\\\[]|\\.|\[\^?(?:{_ONE}(?:-{_ONE})?)+\])*", re.DOTALL)


class PatternError(WorkbookError):
    """An ignore file with a pattern that Docker refuses."""


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file: ``readmits`` stands for ``!``, ``text`` is cleaned as Docker does."""

    line: int
    written: str
    text: str
    readmits: bool
    _matches: Callable[[str], bool] = field(repr=False, compare=False)

    def matches(self, path: str) -> bool:
        """Whether the pattern fits this very path; folders above it are `Rules`' affair."""
        return self._matches(path)


@dataclass(frozen=True)
class Decision:
    """Whether a path is kept out, and the line that had the last word (None: no line fits)."""

    kept_out: bool
    by: Pattern | None


@dataclass(frozen=True)
class _State:
    """What a folder hands down: which patterns fitted it or a folder above."""

    decision: Decision
    fitted: tuple[bool, ...]


class Rules:
    """The patterns of one ignore file, in their order; the last one that fits decides."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self.patterns = patterns
        self._folders: dict[str, _State] = {}

    def decide(self, path: str) -> Decision:
        """Judge one file or folder of the context.

        A folder that is kept out takes along what is in it, unless a later ``!`` fits a path inside.
        """
        return self._judge(path, self._state(posixpath.dirname(path))).decision

    def _state(self, folder: str) -> _State | None:
        if not folder:
            return None
        if folder not in self._folders:
            self._folders[folder] = self._judge(folder, self._state(posixpath.dirname(folder)))
        return self._folders[folder]

    def _judge(self, path: str, above: _State | None) -> _State:
        """Go through the patterns as patternmatcher's ``MatchesUsingParentResults`` does.

        A pattern that could not change the outcome is not tried, and so not handed down either.
        """
        kept_out, by, fitted = False, None, []
        for at, pattern in enumerate(self.patterns):
            fits = bool(above and above.fitted[at])
            if not fits and pattern.readmits == kept_out:
                fits = pattern.matches(path)
            fitted.append(fits)
            if fits:
                kept_out, by = not pattern.readmits, pattern
        return _State(Decision(kept_out, by), tuple(fitted))


def parse(text: str) -> Rules:
    """Read an ignore file. Raises `PatternError` for a pattern that would make the build fail."""
    lines = text.removeprefix("\N{BYTE ORDER MARK}").split("\n")
    patterns = (_pattern(number, line) for number, line in enumerate(lines, 1))
    return Rules(tuple(pattern for pattern in patterns if pattern))


def _pattern(number: int, line: str) -> Pattern | None:
    text = line.strip()
    if line.startswith("#") or not text:
        return None
    readmits = text.startswith("!")
    cleaned = _clean(text[1:].strip() if readmits else text)
    if not cleaned or (readmits and cleaned == "/"):
        raise PatternError(f"Line {number} of the ignore file is a bare !; put a pattern behind it.")
    return Pattern(number, text, cleaned, readmits, _matcher(cleaned, number))


def _clean(text: str) -> str:
    """Return the shortest way to write a path, as Go's ``filepath.Clean``, without a leading slash."""
    if not text:
        return ""
    cleaned = re.sub(r"\A//+", "/", posixpath.normpath(text))
    return cleaned[1:] if len(cleaned) > 1 and cleaned[0] == "/" else cleaned


def _matcher(text: str, line: int) -> Callable[[str], bool]:
    refused = f"Line {line} of the ignore file, {text!r}, is no pattern that Docker takes; close its ["
    refused += "…] and put something behind its last \\."
    if not _WELL_FORMED.fullmatch(text):
        raise PatternError(refused)
    expression, special, leading = _expression(text)
    if not special and leading:
        tail = text[2:]
        return lambda path: path.endswith(tail) or (tail[:1] == "/" and path == tail[1:])
    if not special and text.endswith("**"):
        return lambda path: path.startswith(text[:-2])
    if not special:
        return lambda path: path == text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # "[[" is no set of sets to Go
            compiled = re.compile(expression)
    except re.error:
        raise PatternError(refused) from None
    return lambda path: compiled.search(path) is not None


def _expression(text: str) -> tuple[str, bool, bool]:
    """Return a pattern as a regular expression, whether it needs one, and whether ``**`` leads it."""
    found, special, leading, at = "^", False, False, 0
    while at < len(text):
        character, begin = text[at], at
        at += 1
        if character == "*" and text[at : at + 1] == "*":
            at += 2 if text[at + 1 : at + 2] == "/" else 1
            if at < len(text):
                found, special = found + "(.*/)?", True
            elif begin and (special or leading):
                found, special = found + ".*", True
            if begin == 0:
                leading, special = True, False
        elif character == "*":
            found, special = found + "[^/]*", True
        elif character == "?":
            found, special = found + "[^/]", True
        elif character == "\\" and at < len(text):
            found, special, at = found + "\\" + text[at], True, at + 1
        elif character in "[]":
            found, special = found + character, True
        else:
            found += "\\" + character if character in _PLAIN else character
    return found + r"\Z", special, leading
