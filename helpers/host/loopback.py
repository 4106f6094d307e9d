"""Servers on this machine: ask one over HTTP, past any proxy, and find a port for one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import OpenerDirector


def ask(
    url: str,
    seconds: float,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> HTTPResponse:
    """Return the open answer; the caller closes it. ``seconds`` bounds each wait for the server.

    Raises ``urllib.error.HTTPError`` for an answer of 400 or more, OSError where none comes.
    """
    from urllib.request import Request

    request = Request(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310 - http only
    answer: HTTPResponse = _opener().open(request, timeout=seconds)
    return answer


@cache
def _opener() -> OpenerDirector:
    from urllib.request import ProxyHandler, build_opener

    return build_opener(ProxyHandler({}))


def free_port() -> int:
    """Return a port of loopback that nobody listens on; another program may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
