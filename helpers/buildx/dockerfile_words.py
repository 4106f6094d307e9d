"""Read the words of a Dockerfile like BuildKit: quotes, escapes, and variables with their operators.

This module does not know instructions or stages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from helpers.host.errors import WorkbookError

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B)
)  # the characters that Go calls spaces; Python has four more

_PIECES = re.compile(r"\\.|.", re.DOTALL)
_TEMPLATE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


class DockerfileError(WorkbookError):
    """The Dockerfile cannot be read, or cannot be built."""


def expand(text: str, known: Mapping[str, str], escape: str = "\\") -> str:
    """Return ``text`` as BuildKit reads a word: variables replaced, quotes and escapes removed.

    The forms are ``$NAME``, and ``${NAME}`` with the operators ``:-`` ``-`` ``:+`` ``+`` ``:?`` ``?``
    ``#`` ``##`` ``%`` ``%%`` ``/`` ``//``. Raises `DockerfileError` for a broken or refused
    substitution.
    """
    return Words(text, known, escape=escape).text()


class Words:
    """BuildKit's reader of shell words.

    Without ``known`` variables stay as they are written; ``raw`` keeps quotes and escapes too.
    """

    def __init__(
        self,
        text: str,
        known: Mapping[str, str] | None = None,
        *,
        escape: str = "\\",
        raw: bool = False,
    ) -> None:
        self._text = text
        self._at = 0
        self._known = known
        self._escape = escape
        self._raw = raw

    def text(self) -> str:
        """Return the whole text, with variables, quotes and escapes resolved."""
        return self._whole()[0]

    def words(self) -> list[str]:
        """Return the text split at spaces outside quotes."""
        return self._whole()[1]

    def _whole(self) -> tuple[str, list[str]]:
        try:
            return self._until("", keep=self._raw)
        except RecursionError:
            raise DockerfileError("its substitutions are nested too deeply.") from None

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1 : self._at]

    def _until(self, stop: str, *, keep: bool) -> tuple[str, list[str]]:
        """Read up to ``stop``, or to the end when it is empty; ``keep`` leaves escapes in the text."""
        result, words = "", [""]
        while character := self._peek():
            if character == stop:
                self._next()
                return result, [word for word in words if word]
            splits, piece = self._piece(character, keep=keep)
            result += piece
            if splits:
                first, *more = re.split(f"[{SPACE}]+", piece)
                words[-1] += first
                words += more
            else:
                words[-1] += piece
        if stop:
            raise DockerfileError(f"a `{stop}` is missing in {self._text}.")
        return result, [word for word in words if word]

    def _piece(self, character: str, *, keep: bool) -> tuple[bool, str]:
        """Return the next piece of text, and whether spaces in it separate words."""
        if character == "$":
            return True, self._variable()
        if character == "'":
            return False, self._single_quoted()
        if character == '"':
            return False, self._double_quoted(keep=keep)
        if character == "<":
            return False, self._redirection()
        self._next()
        if character == self._escape:
            return False, (character if keep else "") + self._next()
        return True, character

    def _single_quoted(self) -> str:
        start = self._at
        end = self._text.find("'", start + 1)
        if end < 0:
            raise DockerfileError(f"a closing ' is missing in {self._text}.")
        self._at = end + 1
        return self._text[start : end + 1] if self._raw else self._text[start + 1 : end]

    def _double_quoted(self, *, keep: bool) -> str:
        quote = self._next() if self._raw else self._next()[:0]
        result = quote
        while character := self._peek():
            if character == "$":
                result += self._variable()
                continue
            self._next()
            if character == '"':
                return result + quote
            if character == self._escape and self._peek():
                result += character if keep or self._peek() not in f'"${self._escape}' else ""
                character = self._next() if self._peek() in f'"${self._escape}' else ""
            result += character
        raise DockerfileError(f'a closing " is missing in {self._text}.')

    def _redirection(self) -> str:
        """Read ``<`` or ``<<``; spaces after ``<<`` belong to the next word."""
        start = self._at
        self._next()
        if self._peek() == "<":
            self._next()
            while self._peek() in ("\t", "\r", " "):
                self._next()
        return self._text[start : self._at]

    def _variable(self) -> str:
        self._next()
        if self._peek() != "{":
            name = self._name()
            return self._value(name, f"${name}") if name else "$"
        self._next()
        if self._peek() in ("", "{", "}", ":"):
            raise DockerfileError(f"a substitution is broken in {self._text}.")
        name = self._name()
        operator = self._next()
        if operator == "}":
            return self._value(name, f"${{{name}}}")
        if operator == "/":
            return self._replaced(name)
        if operator == ":":
            operator += self._next()
        if operator.removeprefix(":") not in ("+", "-", "?", "#", "%"):
            raise DockerfileError(f"BuildKit knows no ${{{name}{operator}…}} (in {self._text}).")
        word = self._until("}", keep=operator[-1] in "#%")[0]
        if self._known is None:
            return f"${{{name}{operator}{word}}}"
        return _substituted(name, operator, word, self._known.get(name))

    def _value(self, name: str, written: str) -> str:
        return written if self._known is None else self._known.get(name, "")

    def _name(self) -> str:
        if self._peek() and self._peek() in "@*#?-$!":
            return self._next()
        start, goes_on = self._at, str.isdecimal if self._peek().isdecimal() else _is_of_a_name
        while self._peek() and goes_on(self._peek()):
            self._next()
        return self._text[start : self._at]

    def _replaced(self, name: str) -> str:
        every = self._peek() == "/"
        self._at += every
        pattern = self._until("/", keep=True)[0]
        other = self._until("}", keep=True)[0]
        if self._known is None:
            return f"${{{name}/{pattern}/{other}}}"
        value = self._known.get(name, "")
        found = re.compile(_pattern(pattern, ".*"))
        if every:
            return _all_replaced(found, other, value)
        return found.sub(lambda _: other, value, count=1)


def _is_of_a_name(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character == "_"


def _all_replaced(pattern: re.Pattern[str], other: str, value: str) -> str:
    """Replace like Go's ``ReplaceAllString``: no empty match after a match, and ``$`` is special."""
    result, end = "", 0
    for match in pattern.finditer(value):
        if match[0] or not match.start() or match.start() > end:
            result += value[end : match.start()] + _TEMPLATE.sub(_filled(match[0]), other)
            end = match.end()
    return result + value[end:]


def _filled(whole: str) -> Callable[[re.Match[str]], str]:
    values = {"$": "$", "0": whole}
    return lambda sign: values.get(sign[1] or sign[2] or "$", "")


def _substituted(name: str, operator: str, word: str, current: str | None) -> str:
    """Return the value of ``${name operator word}``; with a colon an empty variable counts as unset."""
    present = bool(current) if operator.startswith(":") else current is not None
    if operator.endswith("-"):
        return (current or "") if present else word
    if operator.endswith("+"):
        return word if present else ""
    if operator.endswith("?"):
        if not present:
            raise DockerfileError(f"{name} must be given: {word or 'it has no value'}.")
        return current or ""
    return _trimmed(current or "", operator, word)


def _trimmed(value: str, operator: str, word: str) -> str:
    """Remove the match of the pattern ``word`` from the front (``#``) or the end (``%``).

    For the end, value and pattern are reversed and the front is cut, as in BuildKit.
    """
    sign = operator[-1]
    pattern, stars = (word[1:], ".*") if word.startswith(sign) else (word, ".*?")
    if sign == "%":
        pattern, value = "".join(reversed(_PIECES.findall(pattern))), value[::-1]
    match = re.match(_pattern(pattern, stars), value)
    rest = value[match.end() :] if match else value
    return rest[::-1] if sign == "%" else rest


def _pattern(text: str, stars: str) -> str:
    """Turn a shell pattern (``*``, ``?``, escapes) into a regular expression."""
    return "".join(_piece(piece, text, stars) for piece in _PIECES.findall(text))


def _piece(piece: str, text: str, stars: str) -> str:
    if piece[0] == "\\" and piece[1:] not in ("}", "/", "*", "?", "\\"):
        raise DockerfileError(f"the pattern {text} has a \\ before a character that needs none.")
    return {"*": stars, "?": "."}.get(piece, re.escape(piece[-1]))


# Names of images

_LONGEST = 255  # characters of a name, without registry, tag and digest
_DOMAIN = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_DOMAIN}(?:\.{_DOMAIN})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"{_HOST}/({_PART}(?:/{_PART})*)(?::\w[\w.-]{{0,127}})?"
    r"(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_DIGESTS = {"sha256": 64, "sha384": 96, "sha512": 128}  # letters of a digest


def name_fault(name: str) -> str:
    """Return a phrase that says why ``name`` is not a valid image name; empty when it is valid.

    The rules are those of distribution/reference, which Docker uses. This does not ask whether such an
    image exists.
    """
    first, slash, rest = name.partition("/")
    is_host = slash and (re.search("[.:]", first) or first == "localhost" or first != first.lower())
    host, path = (first, rest) if is_host else ("docker.io", name if slash else f"library/{name}")
    repository = re.split("[:@]", path)[0]
    if repository != repository.lower():
        return f"`{repository.removeprefix('library/')}` must be written in small letters"
    if re.fullmatch("[a-f0-9]{64}", name):
        return "64 hexadecimal digits are an image's id and no name"
    found = _NAME.fullmatch(f"{host}/{path}")
    if not found:
        return "its form is not NAME, NAME:TAG or NAME@sha256:DIGEST"
    if len(found[1]) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    if found[2] and (_DIGESTS.get(found[2]) != len(found[3]) or found[3] != found[3].lower()):
        return f"`{found[2]}:{found[3]}` is no digest"
    return ""
