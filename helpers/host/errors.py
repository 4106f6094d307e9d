"""The errors that a reader of the workbook sees, and the removal of credentials from their texts.

A sentence to the reader says what happened and what to do. It may quote other programs, whose words may
hold credentials. `redacted` removes credentials from sentences, logs, shown commands and reports. It
recognises them by their form: the login in an address, npm's tokens, an authorization header. It cannot
find a secret that looks like an ordinary word.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from typing import Any, TypeVar, cast

Value = TypeVar("Value")
HIDDEN = "***"
_END = r"\s\"'<>`"
# A login ends at the last @ before a slash. A password that was not encoded may contain a slash; then
# the login ends at the @ after that slash, unless there is a port before it. An @ before a digest
# belongs to an image's name.
_LOGIN = re.compile(
    rf"(?P<ssh>ssh:)?//(?P<login>[^/@{_END}]+(?:@[^/@{_END}]+)*?|[^/@:{_END}]+:(?!\d+/)[^{_END}]*?)"
    rf"@(?!sha\d+:)(?=[^/@{_END}]+(?:[/{_END}]|$))"
)
_TOKEN = re.compile(
    rf"(_auth(?:token)?\s*[=:]\s*|_password\s*[=:]\s*|\bauthorization:\s*(?:\w+\s+)?|\bbearer\s+)"
    rf"[^{_END}]+",
    re.IGNORECASE,
)
_MARKS = (
    "_auth",
    "_password",
    "authorization",
    "bearer",
)  # a `_TOKEN` holds one of them


class WorkbookError(Exception):
    """An error that the reader can act on; its text is one or two complete sentences."""

    def __init__(self, *words: object) -> None:
        super().__init__(*(redacted(word) if isinstance(word, str) else word for word in words))

    def _render_traceback_(self) -> list[str]:
        """Show only the sentence in a notebook; IPython calls this instead of printing a traceback."""
        return [f"{type(self).__name__}: {self}"]


class StoppedByReaderError(WorkbookError, KeyboardInterrupt):
    """The reader stopped the running work with Ctrl-C or the notebook's ■."""


@contextlib.contextmanager
def stoppable(sentence: str, kind: type[StoppedByReaderError] = StoppedByReaderError) -> Iterator[None]:
    """Turn Ctrl-C inside the block into an error of class ``kind`` with this sentence.

    When two such blocks are nested, the inner sentence is used: the outer block passes its error on.
    """
    try:
        yield
    except StoppedByReaderError:
        raise
    except KeyboardInterrupt:
        raise kind(sentence) from None


class PrivateEngineError(WorkbookError):
    """The private engine cannot be installed, started or removed here."""


def redacted(text: str) -> str:
    """Return a text with `HIDDEN` in place of each credential that is recognised by its form."""
    if "//" in text and "@" in text:
        text = _LOGIN.sub(_without_login, text)
    lower = text.lower()
    if any(mark in lower for mark in _MARKS):
        text = _TOKEN.sub(rf"\g<1>{HIDDEN}", text)
    return text


def redacted_within(value: Value) -> Value:
    """Return a value with every text in it `redacted`, also inside dataclasses, tuples and mappings."""
    return cast(Value, _within(value))


def _within(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if type(value) is tuple:
        return tuple(_within(item) for item in value)
    if type(value) is dict:
        return {key: _within(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **{name: _within(part) for name, part in parts.items()})
    return value


def _without_login(found: re.Match[str]) -> str:
    """Hide a login; a bare user name of SSH is not a secret and stays."""
    if found["ssh"] and ":" not in found["login"]:
        return found[0]
    return f"{found['ssh'] or ''}//{HIDDEN}@"
