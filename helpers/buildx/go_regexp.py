r"""Turn a regular expression of Go's into one of Python's, as far as ignore patterns bring them about.

Both agree on ``.``, ``*``, ``?``, ``|`` and groups; they differ in escapes, in ``[…]`` and in what
``{`` and ``$`` mean, which is written anew here after Go's ``regexp/syntax``. Left out: Unicode's
classes (``\p…``), which are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHARED = ".*?()|"
_REPEAT = re.compile(r"(0|[1-9][0-9]*)(?:,(0|[1-9][0-9]*)?)?\}")
_MOST_REPEATS = 1000
_LAST = chr(0x10FFFF)
_ESCAPED = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ANCHORS = {"^": "(?:^)", "$": r"(?:\Z)"}  # in a group, since Go lets them be repeated
_BACKSLASHED = {"A": r"(?:\A)", "b": r"(?:\b)", "B": r"(?:\B)", "z": r"(?:\Z)"}
# Sets of characters, each as pairs of a lowest and a highest one.
_PERL = {"d": "09", "s": "\t\n\f\r  ", "w": "09AZ__az"}
_POSIX = {
    "alnum": "09AZaz",
    "alpha": "AZaz",
    "ascii": "\0\x7f",
    "blank": "\t\t  ",
    "cntrl": "\0\x1f\x7f\x7f",
    "digit": "09",
    "graph": "!~",
    "lower": "az",
    "print": " ~",
    "punct": "!/:@[`{~",
    "space": "\t\r  ",
    "upper": "AZ",
    "word": "09AZ__az",
    "xdigit": "09AFaf",
}
_NAMED = re.compile(r"\[:(\^?)(.*?):\]", re.DOTALL)


def compiled(text: str) -> re.Pattern[str]:
    """Compile a regular expression of Go's. Raises `ValueError` where Go's compiler gives an error."""
    return re.compile(_Reader(text).read(), re.ASCII)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> str:
        found = ""
        while character := self._next():
            if character == "[":
                found += self._class()
            elif character == "\\":
                found += self._escape()
            elif character == "{":
                found += self._repeat()
            elif character in _ANCHORS:
                found += _ANCHORS[character]
            else:
                found += character if character in _SHARED else re.escape(character)
        return found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1 : self._at]

    def _repeat(self) -> str:
        found = _REPEAT.match(self._text, self._at)
        if not found:
            return r"\{"
        if int(found[1]) > _MOST_REPEATS or int(found[2] or 0) > _MOST_REPEATS:
            raise ValueError(f"too many times: {found[0]}")
        self._at = found.end()
        return "{" + found[0]

    def _escape(self) -> str:
        kind = self._peek()
        if kind in _BACKSLASHED:
            return _BACKSLASHED[self._next()]
        if kind == "Q":
            quoted = self._text[self._at + 1 :].partition("\\E")[0]
            self._at += 1 + len(quoted) + len("\\E")
            return re.escape(quoted)
        pairs = self._perl()
        return _written(pairs) if pairs else re.escape(self._escaped())

    def _perl(self) -> str:
        r"""Return the set that ``\d``, ``\s``, ``\w`` or a capital of them stands for, else none."""
        pairs = _PERL.get(self._peek().lower(), "")
        return (pairs if self._next().islower() else _inverted(pairs)) if pairs else ""

    def _escaped(self) -> str:
        """Return the one character that an escape stands for."""
        kind = self._next()
        if kind in _ESCAPED:
            return _ESCAPED[kind]
        hexadecimal = re.compile("x([0-9A-Fa-f]{2})").match(self._text, self._at - 1)
        octal = re.compile("0[0-7]{0,2}|[1-7][0-7]{1,2}").match(self._text, self._at - 1)
        if number := hexadecimal or octal:
            self._at = number.end()
            return chr(int(number[1], 16)) if hexadecimal else chr(int(number[0], 8))
        if not kind or kind.isalnum() or not kind.isascii():
            raise ValueError(f"no escape: \\{kind}")
        return kind

    def _class(self) -> str:
        inverted = self._peek() == "^"
        self._at += inverted
        pairs = self._members()
        while self._peek() != "]":
            pairs += self._members()
        self._next()
        return _written(pairs, "^" if inverted else "")

    def _members(self) -> str:
        named = _NAMED.match(self._text, self._at)
        if named:
            if named[2] not in _POSIX:
                raise ValueError(f"no class: {named[0]}")
            self._at = named.end()
            return _inverted(_POSIX[named[2]]) if named[1] else _POSIX[named[2]]
        if self._peek() == "\\":
            self._at += 1
            if pairs := self._perl():
                return pairs
            self._at -= 1
        lowest = highest = self._member()
        if re.compile("-[^]]", re.DOTALL).match(self._text, self._at):
            self._at += 1
            highest = self._member()
        if highest < lowest:
            raise ValueError(f"no range: {lowest}-{highest}")
        return lowest + highest

    def _member(self) -> str:
        character = self._next()
        if not character:
            raise ValueError("a ] is missing")
        return self._escaped() if character == "\\" else character


def _written(pairs: str, mark: str = "") -> str:
    """Write a set, or with the mark ``^`` all others, as Python has it."""
    ranges = (f"\\U{ord(lowest):08x}-\\U{ord(highest):08x}" for lowest, highest in _paired(pairs))
    return f"[{mark}{''.join(ranges)}]"


def _inverted(pairs: str) -> str:
    found, begin = "", 0
    for lowest, highest in sorted(_paired(pairs)):
        if begin < ord(lowest):
            found += chr(begin) + chr(ord(lowest) - 1)
        begin = max(begin, ord(highest) + 1)
    return found + chr(begin) + _LAST if begin <= ord(_LAST) else found


def _paired(pairs: str) -> Iterable[tuple[str, str]]:
    return zip(pairs[::2], pairs[1::2], strict=True)
