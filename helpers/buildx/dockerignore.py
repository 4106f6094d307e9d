r"""Find the paths of a build context that an ignore file keeps out, and the line that decides.

The rules follow the sources that the builder uses: moby/patternmatcher (``patternmatcher.go`` and
``ignorefile/ignorefile.go``) for the patterns, and tonistiigi/fsutil (``filter.go``) for the way in
which folders pass their matches down. This module works on text and paths; it reads no disk and asks no
builder. Paths are relative to the context, with ``/`` between their parts.

The Docker SDK for Python matches such patterns too (``docker.utils.build.Pattern``), but differently:
there ``!README.md`` readmits ``readme.md``, ``\*`` does not match a star, ``[^a]`` matches no other
letter, ``**log`` does not match ``catalog``, and a pattern that the builder refuses is taken for a name.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from helpers.buildx.dockerfile_words import SPACE
from helpers.host.errors import WorkbookError

_PLAIN = frozenset(".+()$")  # the characters that Docker escapes; it forgets | and {
# The pieces of a pattern as Go's filepath.Match reads them: stars, then the text up to the next star.
_CHUNK = re.compile(r"(\**+)((?:\\.|\[(?:\\.|[^]\\])*+\]?|[^*\\[])*+\\?)", re.DOTALL)
_ONE = r"(?:\\.|[^]\\-])"
_RANGE = re.compile(rf"({_ONE})(?:-({_ONE}))?", re.DOTALL)
_SET = rf"\[(\^?+)((?:{_ONE}(?:-{_ONE})?)+)\]"
_WELL_FORMED = re.compile(rf"(?:[^\\[]|\\.|{_SET})*", re.DOTALL)
# The parts in which Go's regular expressions differ from Python's: escapes, sets, anchors, a lone {.
_OF_GO = re.compile(r"\\.|\[\^?(?:\\.|[^]\\])+\]|[$^]|\{(?!\d+(?:,\d*)?\})", re.DOTALL)
_ANCHORS = {"^": "(?:^)", "$": r"\Z"}  # Go lets ^ be repeated
_ESCAPES = frozenset("abBdDfnrsStvwWx")


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file: ``readmits`` means it begins with ``!``; ``text`` is in short form.

    ``matches`` says whether it fits a path itself; `Rules` looks at the folders above the path.
    """

    line: int
    written: str
    text: str
    readmits: bool
    matches: Callable[[str], bool] = field(repr=False, compare=False)


class Decision(NamedTuple):
    """Whether a path is kept out, and the line that decided; None when no line fits."""

    kept_out: bool
    by: Pattern | None


_SENT = Decision(kept_out=False, by=None)


class Rules:
    """The patterns of one ignore file, in their order; the last one that fits decides."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self.patterns = patterns
        # For each folder, whether each pattern fits it or a folder above it.
        self._folders: dict[str, tuple[bool, ...]] = {"": (False,) * len(patterns)}

    def decide(self, path: str) -> Decision:
        """Decide about one file or folder of the context.

        When a folder is kept out, so are the paths in it, unless a later ``!`` fits one of them.
        """
        return self.inside(posixpath.dirname(path))(path)

    def inside(self, folder: str) -> Callable[[str], Decision]:
        """Return what decides about the paths of one folder; the context itself is ``""``."""
        steps = [
            (pattern.readmits, pattern.matches, fits_above, Decision(not pattern.readmits, pattern))
            for pattern, fits_above in zip(self.patterns, self._fitting(folder), strict=True)
        ]

        def decide(path: str) -> Decision:
            decision = _SENT
            for readmits, matches, fits_above, then in steps:
                if fits_above or (readmits == decision[0] and matches(path)):
                    decision = then
            return decision

        return decide

    def _fitting(self, folder: str) -> tuple[bool, ...]:
        """Return what a folder passes down to its paths: the patterns that fit it or one above it.

        Patterns are tried in order, like patternmatcher's ``MatchesUsingParentResults``. A pattern that
        could not change the outcome is not tried, so it is not passed down either.
        """
        if folder not in self._folders:
            kept_out, fitting = False, []
            for pattern, fits_above in zip(
                self.patterns, self._fitting(posixpath.dirname(folder)), strict=True
            ):
                fits = fits_above or (pattern.readmits == kept_out and pattern.matches(folder))
                fitting.append(fits)
                if fits:
                    kept_out = not pattern.readmits
            self._folders[folder] = tuple(fitting)
        return self._folders[folder]


def parse(text: str) -> Rules:
    """Read an ignore file. Raises `WorkbookError` for a pattern that would make the build fail."""
    lines = text.removeprefix("\N{BYTE ORDER MARK}").split("\n")
    read = {number: _read(line) for number, line in enumerate(lines, 1)}
    _check_can_be_sent(read)
    patterns = (_pattern(number, lines[number - 1], text) for number, text in read.items())
    return Rules(tuple(pattern for pattern in patterns if pattern))


def rules(patterns: Iterable[str]) -> Rules:
    """Return the rules of patterns that come from no file, such as those of ``COPY --exclude``."""
    made = (_pattern(number, text, text) for number, text in enumerate(patterns, 1))
    return Rules(tuple(pattern for pattern in made if pattern))


def _read(line: str) -> str:
    """Return a line's pattern as the builder sends it to the client; empty for a line without one."""
    text = line.strip(SPACE)
    if line.startswith("#") or not text:
        return ""
    mark = "!" if text[0] == "!" else ""
    cleaned = _clean(rest) if (rest := text.removeprefix(mark).strip(SPACE)) else ""
    return mark + (cleaned[1:] if len(cleaned) > 1 and cleaned[0] == "/" else cleaned)


def _check_can_be_sent(read: dict[int, str]) -> None:
    """Raise `WorkbookError` for a control character that the builder cannot send to the client.

    It can send one only when the file also has letters beyond ASCII.
    """
    broken = [number for number, text in read.items() if not text.isprintable()]
    if broken and all(text.isascii() for text in read.values()):
        raise WorkbookError(
            f"Line {broken[0]} of the ignore file has a control character, with which Docker's "
            "builder fails; write ? in its place."
        )


def _pattern(number: int, line: str, read: str) -> Pattern | None:
    """Return the pattern as the client uses it: the client shortens its path a second time."""
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
    """Return the shortest form of a path, like Go's ``filepath.Clean``."""
    return re.sub(r"\A//+", "/", posixpath.normpath(text))


def _matcher(text: str, line: int) -> Callable[[str], bool]:
    """Return a function that says whether a path fits.

    Docker notices some faults of a pattern when it reads the pattern, and others only when it first
    tries it. For the first kind this raises `WorkbookError`; for the second kind the returned function
    does.
    """
    refused = (
        f"Line {line} of the ignore file, {text!r}, is not a valid pattern; close each […] and put a \\ "
        "only before punctuation."
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
    # It begins with ^, unless a | has it begin twice.
    found = compiled.search if "|" in expression else compiled.match
    return lambda path: found(path if path.isascii() else _as_go(path)) is not None


def _as_go(path: str) -> str:
    """Return a path as Go's patterns see it: a byte that is not UTF-8 is the replacement character."""
    return os.fsencode(path).decode(errors="replace")


def _raise(error: WorkbookError) -> bool:
    raise error


def _is_refused(text: str) -> bool:
    """Whether Go's ``filepath.Match(text, ".")`` fails; it stops reading where the name ends."""
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
    """Return a pattern as a Go regular expression, whether one is needed, whether ``**`` begins it."""
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
    r"""Return a piece of a Go regular expression as Python writes it.

    Docker passes ``\w`` and other pieces on to Go. Pieces that Python does not know (named sets such as
    ``[[:alpha:]]``, ``\p…``, ``\Q…``) raise `ValueError`; they get into an ignore file only by mistake.
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
