"""Take credentials out of what a reader may pass on: sentences, logs, shown commands, reports.

Known are the forms in which they come along by themselves: the login of an address, npm's tokens, an
authorization header. A secret that looks like any other word is not found here.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, TypeVar, cast

Value = TypeVar("Value")
HIDDEN = "***"
_END = r"\s\"'<>`"
# A login reaches to the last @ before a slash. One with a password that was not encoded may hold a slash
# too, where no port stands. What follows the @ in the reference of an image is a digest.
_LOGIN = re.compile(
    rf"(?P<ssh>ssh:)?//(?P<login>[^/@{_END}]+(?:@[^/@{_END}]+)*?|[^/@:{_END}]+:(?!\d+/)[^{_END}]*?)"
    rf"@(?!sha\d+:)(?=[^/@{_END}]+(?:[/{_END}]|$))"
)
_TOKEN = re.compile(
    rf"(_auth(?:token)?\s*[=:]\s*|_password\s*[=:]\s*|\bauthorization:\s*(?:\w+\s+)?|\bbearer\s+)"
    rf"[^{_END}]+",
    re.IGNORECASE,
)
_MARKS = ("_auth", "_password", "authorization", "bearer")  # without one of them `_TOKEN` cannot fit


def redacted(text: str) -> str:
    """Return a text with `HIDDEN` in the place of each credential that is known by its form."""
    if "//" in text and "@" in text:
        text = _LOGIN.sub(_without_login, text)
    lower = text.lower()
    if any(mark in lower for mark in _MARKS):
        text = _TOKEN.sub(rf"\g<1>{HIDDEN}", text)
    return text


def redacted_within(value: Value) -> Value:
    """Return a value with every text in it `redacted`, through dataclasses, tuples and mappings."""
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
    """Hide a login, but for the bare name with which one reaches a host over SSH."""
    if found["ssh"] and ":" not in found["login"]:
        return found[0]
    return f"{found['ssh'] or ''}//{HIDDEN}@"
