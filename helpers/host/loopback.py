"""Servers on this machine: send one an HTTP request without any proxy, and find a port for one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from requests import Response


def ask(
    url: str,
    seconds: float,
    *,
    method: str = "GET",
    json: Any = None,
    data: str | None = None,
    headers: Mapping[str, str] | None = None,
    redirects: bool = True,
) -> Response:
    """Return the response, whatever its status; the caller reads its body and closes it.

    The body is ``json``, or ``data`` as it is. ``seconds`` is the longest wait for the server's next
    bytes. Without ``redirects``, a redirect is the response, so that nobody else is asked. Every call
    uses a new connection. Raises `requests.RequestException`, which is an OSError, when no valid
    response comes.
    """
    import requests

    plain = {"Accept-Encoding": "identity", "Connection": "close"}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            url,
            json=json,
            data=data,
            headers={**plain, **(headers or {})},
            timeout=seconds,
            stream=True,
            allow_redirects=redirects,
        )


def free_port() -> int:
    """Return a free port of loopback; another program may still take it before the caller does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
