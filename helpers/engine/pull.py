"""Pull an image through the engine, and find out quickly whether its registry can be reached.

The engine, not this process, asks the registry, with its own mirrors, proxy, certificates and network.
The reader's Docker configuration signs in. This module knows nothing of stand-ins.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from helpers.host import disk_full
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from helpers.engine.engine import Engine

PROBE_SECONDS = 5.0
STALL_SECONDS = 120.0  # an engine that unpacks a large layer can be silent for a minute
_MEMORY_SECONDS = 60.0  # for which a registry that could not be reached is not asked again
_POLL_SECONDS = 0.1

# What an engine says when the registry gave no answer of its own, in the words of Go's libraries.
_UNREACHABLE = re.compile(
    r"dial tcp|no such host|connection refused|connection reset|i/o timeout|no route to host"
    r"|network is unreachable|handshake timeout|deadline exceeded|Client\.Timeout|proxyconnect"
    r"|request canceled|server misbehaving|name resolution|\bEOF\b|x509:|tls:"
    r"|HTTP (403|407|50[0234]) response|Proxy Authentication Required|Bad Gateway"
    r"|Service Unavailable|Gateway Time-?out",
    re.IGNORECASE,
)
_REFUSALS = (
    (
        r"verification failed|unexpected commit digest|invalid diffID|invalid checksum",
        "{name} was altered or cut on its way from the registry and is not kept; run it again, then "
        "look at the registry's mirror.",
    ),
    (
        r"toomanyrequests|rate limit|\b429\b",
        "The registry allows no more pulls of {name} for now; sign in with `docker login`, or try "
        "again later.",
    ),
    (
        r"manifest unknown|manifest for .* not found|\b404\b|no matching manifest",
        "The registry has no image {name} for this machine; check its name and tag.",
    ),
    (
        r"denied|unauthorized|authentication required|\b401\b|does not exist|insufficient_scope",
        "The registry does not give {name}: there is no such image, or it needs `docker login`.",
    ),
)


class UnreachableError(WorkbookError):
    """The registry cannot be reached from the engine."""


_answers: dict[tuple[str, str], tuple[bool, float]] = {}
_lock = threading.Lock()


def registry_of(name: str) -> str:
    """Return the registry that a name leads to; empty for Docker's default."""
    first, slash, _ = name.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else ""


def reachable(name: str, engine: Engine) -> bool:
    """Whether the registry of ``name`` answers the engine: decided in 5 s, once for each registry.

    A registry that did not answer is asked again after a minute, since networks come back.
    """
    key = (engine.client.api.base_url, registry_of(name))
    with _lock:
        known, until = _answers.get(key, (False, 0.0))
    if time.monotonic() > until:
        known = _probe(name, engine)
        until = float("inf") if known else time.monotonic() + _MEMORY_SECONDS
        with _lock:
            _answers[key] = known, until
    return known


def _probe(name: str, engine: Engine) -> bool:
    said: list[bool] = []

    def ask() -> None:
        try:
            engine.client.api.inspect_distribution(name)
            said.append(True)
        except Exception as error:  # whatever went wrong is read, not handled
            said.append(not is_unreachable(str(error)))

    asking = threading.Thread(target=ask, daemon=True, name=f"ask the registry of {name}")
    asking.start()
    asking.join(PROBE_SECONDS)
    return bool(said) and said[0]


def is_unreachable(reason: str) -> bool:
    """Whether an engine's words mean that no registry answered, and not that one refused."""
    return _UNREACHABLE.search(reason) is not None


def pull(name: str, engine: Engine, check: Callable[[], None] = lambda: None) -> None:
    """Pull an image. Raises `UnreachableError` when no registry answers, else `WorkbookError`.

    ``check`` is called again and again; an error that it raises stops the pull. A pull counts as stalled
    when the engine reports nothing new about it for `STALL_SECONDS`.
    """
    said: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(name, engine, said), daemon=True, name=f"pull {name}").start()
    while True:
        check()
        try:
            event = said.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if event is None:
            return
        if isinstance(event, BaseException):
            raise _explained(name, event) from event
        if "error" in event:
            raise refusal(name, str(event["error"]))


def _read(
    name: str, engine: Engine, said: queue.SimpleQueue[dict[str, Any] | BaseException | None]
) -> None:
    try:
        for event in _events(name, engine):
            said.put(event)
        said.put(None)
    except Exception as error:  # it is for the other thread to handle
        said.put(error)


def _events(name: str, engine: Engine) -> Iterator[dict[str, Any]]:
    """Have the engine pull, and yield what it says of it; the SDK's own ``pull`` would wait for ever."""
    from docker import auth
    from docker.errors import create_api_error_from_http_exception
    from docker.utils import parse_repository_tag
    from docker.utils.json_stream import json_stream
    from requests import HTTPError

    api = engine.client.api
    repository, tag = parse_repository_tag(name)
    credentials = auth.get_config_header(api, auth.resolve_repository_name(repository)[0])
    with api.post(
        f"{api.base_url}/v{api.api_version}/images/create",
        params={"fromImage": repository, "tag": tag or "latest"},
        headers={"X-Registry-Auth": credentials} if credentials else {},
        stream=True,
        timeout=STALL_SECONDS,
    ) as response:
        if not response.ok:
            raise create_api_error_from_http_exception(HTTPError(response.reason, response=response))
        yield from cast("Iterator[dict[str, Any]]", json_stream(response.iter_content(chunk_size=None)))


def _explained(name: str, error: BaseException) -> BaseException:
    import requests
    from docker.errors import DockerException

    if isinstance(error, DockerException):
        return refusal(name, str(error))
    if isinstance(error, requests.RequestException):
        return UnreachableError(f"Pulling {name} stalled; try again when the network is better.")
    return error


def refusal(name: str, reason: str) -> WorkbookError:
    """Turn an engine's words about a failed pull into one sentence for the reader."""
    if disk_full.engine_is_full(reason):
        return WorkbookError(disk_full.ENGINE_FULL)
    for pattern, sentence in _REFUSALS:
        if re.search(pattern, reason, re.IGNORECASE) and not is_unreachable(reason):
            return WorkbookError(sentence.format(name=name))
    if is_unreachable(reason):
        registry = registry_of(name) or "Docker's registry"
        return UnreachableError(f"{registry} cannot be reached to pull {name}; check the network.")
    return WorkbookError(f"Docker could not pull {name}: {reason.strip().rstrip('.')}.")
