r"""Say which paths of a build context an ignore file keeps out, and by which of its lines.

The rules are Docker's own, after the sources of what the builder runs: moby/patternmatcher
(``patternmatcher.go`` and ``ignorefile/ignorefile.go``) for the patterns, and tonistiigi/fsutil
(``filter.go``) for the order in which folders hand their matches down. It reads text and paths; it
looks at no disk and at no builder. Paths are relative to the context, with ``/`` between their parts.

The Docker SDK for Python matches such patterns too (``docker.utils.build.Pattern``), and differently:
there ``!README.md`` readmits ``readme.md``, ``\*`` fits no star, ``[^a]`` fits no other letter,
``**log`` does not fit ``catalog``, and a pattern with which the builder fails is taken for a name.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from helpers.buildx.dockerfile_words import SPACE
from helpers.host.errors import WorkbookError

_PLAIN = frozenset(".+()$")  # what Docker escapes; it forgets | and {
# The pieces of a pattern as Go's filepath.Match sees them: stars, then all up to the next star.
_CHUNK = re.compile(r"(\**+)((?:\\.|\[(?:\\.|[^]\\])*+\]?|[^*\\[])*+\\?)", re.DOTALL)
_ONE = r"(?:\\.|[^]\\-])"
_RANGE = re.compile(rf"({_ONE})(?:-({_ONE}))?", re.DOTALL)
_SET = rf"\[(\^?+)((?:{_ONE}(?:-{_ONE})?)+)\]"
_WELL_FORMED = re.compile(rf"(?:[^\\[]|\\.|{_SET})*", re.DOTALL)
# Where Go's regular expressions are not Python's: escapes, sets, anchors, a { that repeats nothing.
_OF_GO = re.compile(r"\\.|\[\^?(?:\\.|[^]\\])+\]|[$^]|\{(?!\d+(?:,\d*)?\})", re.DOTALL)
_ANCHORS = {"^": "(?:^)", "$": r"\Z"}  # Go lets ^ be repeated
_ESCAPES = frozenset("abBdDfnrsStvwWx")


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
    """Read an ignore file. Raises `WorkbookError` for a pattern that would make the build fail."""
    lines = text.removeprefix("\N{BYTE ORDER MARK}").split("\n")
    read = {number: _read(line) for number, line in enumerate(lines, 1)}
    _check_can_be_sent(read)
    patterns = (_pattern(number, lines[number - 1], text) for number, text in read.items())
    return Rules(tuple(pattern for pattern in patterns if pattern))


def rules(patterns: Iterable[str]) -> Rules:
    """Return the rules of patterns that stand in no file, as of ``COPY --exclude``."""
    made = (_pattern(number, text, text) for number, text in enumerate(patterns, 1))
    return Rules(tuple(pattern for pattern in made if pattern))


def _read(line: str) -> str:
    """Return a line's pattern as the builder reads it, to send it to the client; empty for none."""
    text = line.strip(SPACE)
    if line.startswith("#") or not text:
        return ""
    mark = "!" if text[0] == "!" else ""
    cleaned = _clean(rest) if (rest := text.removeprefix(mark).strip(SPACE)) else ""
    return mark + (cleaned[1:] if len(cleaned) > 1 and cleaned[0] == "/" else cleaned)


def _check_can_be_sent(read: dict[int, str]) -> None:
    """Refuse what cannot travel: the builder writes control characters out only beside others."""
    broken = [number for number, text in read.items() if not text.isprintable()]
    if broken and all(text.isascii() for text in read.values()):
        raise WorkbookError(
            f"Line {broken[0]} of the ignore file has a control character, with which Docker's "
            "builder fails; write ? in its place."
        )


def _pattern(number: int, line: str, read: str) -> Pattern | None:
    """Make a pattern of what the client gets; it cleans that a second time."""
    text = read.strip(SPACE)
    cleaned = _clean(text) if text else ""
    readmits = cleaned.startswith("!")
    text = cleaned.removeprefix("!")
    if readmits and not text:
        raise WorkbookError(f"Line {number} of the ignore file is a bare !; put a pattern behind it.")
    if not text:
        return None
    return Pattern(number, line.strip(SPACE), text, readmits, _matcher(text, number))


def _clean(text: str) -> str:
    """Return the shortest way to write a path, as Go's ``filepath.Clean``."""
    return re.sub(r"\A//+", "/", posixpath.normpath(text))


def _matcher(text: str, line: int) -> Callable[[str], bool]:
    """Return what tells whether a path fits.

    Docker sees some faults of a pattern when it reads it, and others only when it first tries it; so
    this raises `WorkbookError` for the former, and what it returns for the latter.
    """
    refused = (
        f"Line {line} of the ignore file, {text!r}, is no pattern that Docker takes; close each […] and "
        "put a \\ before signs alone."
    )
    if _is_refused(text):
        raise WorkbookError(refused)
    expression, special, leading = _expression(text)
    if not special and leading:
        tail = text[2:]
        return lambda path: path.endswith(tail) or (tail[:1] == "/" and path == tail[1:])
    if not special and text.endswith("**"):
        return lambda path: path.startswith(text[:-2])
    if not special:
        return lambda path: path == text
    try:
        compiled = re.compile(_OF_GO.sub(_python, expression), re.ASCII)
    except (ValueError, re.error):
        return lambda _: _raise(WorkbookError(refused))
    return lambda path: compiled.search(path if path.isascii() else _as_go(path)) is not None


def _as_go(path: str) -> str:
    """Return a path as Go's patterns see it: each byte that is not UTF-8 is the unknown character."""
    return os.fsencode(path).decode(errors="replace")


def _raise(error: WorkbookError) -> bool:
    raise error


def _is_refused(text: str) -> bool:
    """Whether Go's ``filepath.Match(text, ".")`` fails; it looks no further than that name leads it."""
    name, at = ".", 0
    while at < len(text):
        found = _CHUNK.match(text, at)
        assert found is not None  # noqa: S101 - it matches any text
        chunk = found[2]
        at = found.end()
        if not chunk:
            return False
        if not _WELL_FORMED.fullmatch(chunk):
            return True
        if not name or not _fits_dot(chunk):
            return False
        name = ""
    return False


def _fits_dot(chunk: str) -> bool:
    """Whether a chunk without stars fits the name ``.``."""
    members = re.fullmatch(_SET, chunk, re.DOTALL)
    if not members:
        return chunk in (".", "?", "\\.")
    ranges = ((low[-1:], (high or low)[-1:]) for low, high in _RANGE.findall(members[2]))
    return any(low <= "." <= high for low, high in ranges) != bool(members[1])


def _expression(text: str) -> tuple[str, bool, bool]:
    """Return a pattern as Go's regular expression, whether it needs one, whether ``**`` leads it."""
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
    return found + "$", special, leading


def _python(found: re.Match[str]) -> str:
    r"""Write a piece of a Go regular expression as Python does.

    Docker lets ``\w`` and other pieces through to Go. What Python has no word for (named sets such as
    ``[[:alpha:]]``, ``\p…``, ``\Q…``) raises `ValueError`: it stands in no ignore file but by mistake.
    """
    text = found[0]
    if text in _ANCHORS:
        return _ANCHORS[text]
    if text[0] == "[":
        if "[:" in text:
            raise ValueError(text)
        return "[" + re.sub(r"\\.|[\[&~|]", _escaped, text[1:-1], flags=re.DOTALL) + "]"
    if text[0] == "\\" and text[1].isalpha() and text[1] not in _ESCAPES:
        raise ValueError(text)
    return text if text[0] == "\\" else _escaped(found)


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == "\\" else f"\\{found[0]}"
