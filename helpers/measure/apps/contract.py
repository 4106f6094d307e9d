"""The contract of the shipments API: the same requests to each of its languages, with like answers.

The sample app in TypeScript is the one that the others are compared with. Ids, clocks and the name of
the runtime differ from run to run. The words about a wrong field are each language's own; which fields
are wrong is part of the contract.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from helpers.engine import ContainerError, Running
from helpers.host import loopback

_SECONDS = 5.0
_JSON = "application/json"
_MASKED = ("id", "createdAt", "updatedAt", "uptimeSeconds")
_RUNTIMES = ("node", "go", "python")
_UNKNOWN = "00000000-0000-4000-8000-000000000000"

NEW = {"reference": "WB-1", "origin": "DKCPH", "destination": "USNYC", "weightKg": 12.5}


@dataclass(frozen=True)
class Ask:
    """One request and the status that it must get; ``ID`` in its path is the first shipment's id."""

    method: str
    path: str
    status: int
    text: str | None = None
    kind: str = _JSON

    def __str__(self) -> str:
        said = "" if self.text is None else f" {self.text[:60]}"
        return f"{self.method} {self.path}{said}" + (f" as {self.kind}" if self.kind != _JSON else "")


@dataclass(frozen=True)
class Said:
    """An answer in the terms of the contract: its status, its media type, and its masked body."""

    status: int
    kind: str
    body: Any


def _post(body: Any, status: int) -> Ask:
    return Ask("POST", "/shipments", status, json.dumps(body))


def _patch(body: Any, status: int) -> Ask:
    return Ask("PATCH", "/shipments/ID", status, json.dumps(body))


# In this order: a later request may find what an earlier one did.
REQUESTS = (
    Ask("GET", "/healthz", 200),
    Ask("GET", "/shipments", 200),
    # taken
    _post(NEW, 201),
    _post({**NEW, "reference": "  WB-2  ", "destination": "DEHAM", "weightKg": 40_000}, 201),
    Ask("POST", "/shipments", 201, json.dumps(NEW), "application/json; charset=utf-8"),
    Ask("GET", "/shipments/ID", 200),
    Ask("GET", "/shipments", 200),
    Ask("GET", "/shipments?destination=DEHAM", 200),
    Ask("GET", "/shipments?status=delivered", 200),
    Ask("GET", "/shipments?page=2&pageSize=2", 200),
    Ask("GET", "/shipments?page=99", 200),
    # refused for what it says
    _post({**NEW, "weightKg": 0}, 400),
    _post({**NEW, "weightKg": 40_001}, 400),
    _post({**NEW, "weightKg": "12.5"}, 400),
    _post({**NEW, "weightKg": True}, 400),
    _post({**NEW, "origin": "Copenhagen"}, 400),
    _post({**NEW, "reference": "   "}, 400),
    _post({**NEW, "reference": "x" * 41}, 400),
    _post({**NEW, "reference": None}, 400),
    _post({**NEW, "color": "red"}, 400),
    _post({"weightKg": -1}, 400),
    _post({}, 400),
    _post([], 400),
    Ask("GET", "/shipments?status=lost", 400),
    Ask("GET", "/shipments?pageSize=101", 400),
    Ask("GET", "/shipments?page=one", 400),
    Ask("GET", "/shipments?colour=red", 400),
    # refused for how it says it
    Ask("POST", "/shipments", 400, "{"),
    Ask("POST", "/shipments", 400, '"text"'),
    Ask("POST", "/shipments", 400),
    Ask("POST", "/shipments", 415, "reference=WB-1", "application/x-www-form-urlencoded"),
    Ask("POST", "/shipments", 413, json.dumps({**NEW, "reference": "x" * 20_000})),
    # changed
    _patch({"status": "in_transit"}, 200),
    _patch({"destination": "SEGOT", "weightKg": 7}, 200),
    _patch({"status": "created"}, 409),
    _patch({"status": "lost"}, 400),
    _patch({"origin": "SEGOT", "weightKg": 7}, 400),
    _patch({"status": None}, 400),
    _patch({}, 400),
    Ask("PATCH", f"/shipments/{_UNKNOWN}", 404, '{"status": "cancelled"}'),
    # not there, or not that way
    Ask("GET", f"/shipments/{_UNKNOWN}", 404),
    Ask("DELETE", f"/shipments/{_UNKNOWN}", 404),
    Ask("PUT", "/shipments/ID", 404, json.dumps(NEW)),
    Ask("DELETE", "/shipments", 404),
    Ask("POST", "/healthz", 404),
    Ask("GET", "/favicon.ico", 404),
    Ask("DELETE", "/shipments/ID", 204),
    Ask("GET", "/shipments/ID", 404),
)


def transcript(api: Running) -> tuple[Said, ...]:
    """Put all requests to a fresh container of one app, and return its answers.

    Raises `ContainerError` when nothing answers.
    """
    said: list[Said] = []
    first = ""
    for ask in REQUESTS:
        answer, raw = _put(api.url, ask, first)
        said.append(answer)
        if not first and isinstance(raw, Mapping):
            first = str(raw.get("id", ""))
    return tuple(said)


def broken(said: tuple[Said, ...], like: tuple[Said, ...] | None = None) -> list[str]:
    """Return a sentence for each answer whose status is wrong, or that is unlike ``like``'s."""
    found = []
    for number, (ask, answer) in enumerate(zip(REQUESTS, said, strict=True)):
        if answer.status != ask.status:
            found.append(f"{ask}: {answer.status} instead of {ask.status}")
        elif like and answer != like[number]:
            found.append(f"{ask}: {answer} instead of {like[number]}")
    return found


def _put(url: str, ask: Ask, first: str) -> tuple[Said, Any]:
    headers = {"Content-Type": ask.kind} if ask.text is not None else {}
    path = ask.path.replace("ID", first)
    try:
        with loopback.ask(
            url + path, _SECONDS, method=ask.method, data=ask.text, headers=headers
        ) as response:
            content, kind = response.content, response.headers.get("Content-Type", "")
    except OSError as error:
        raise ContainerError(f"Nothing answered {ask.method} {path}: {error}.") from None
    body = json.loads(content) if content else None
    plain = _masked(body, lambda text: text.replace(first, "ID") if first else text)
    return Said(response.status_code, kind.partition(";")[0], plain), body


def _masked(value: Any, rename: Callable[[str], str]) -> Any:
    """Return a body without what differs from run to run."""
    if isinstance(value, str):
        return rename(value)
    if isinstance(value, list):
        return [_masked(one, rename) for one in value]
    if not isinstance(value, Mapping):
        return value
    masked = {name: _masked(one, rename) for name, one in value.items() if name not in _RUNTIMES}
    masked |= {name: type(value[name]).__name__ for name in _MASKED if name in value}
    if "errors" in value:
        masked["errors"] = sorted({str(error["field"]) for error in value["errors"]})
    return masked
