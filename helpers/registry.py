"""Pull an image through the engine, and find out quickly whether its registry can be reached.

The engine asks the registry, not this process: its mirrors, proxy, certificates and network count.
Sign-in is that of the reader's Docker configuration. This module knows nothing of stand-ins.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from helpers.errors import WorkbookError
from helpers.image_names import registry_of

if TYPE_CHECKING:
    from helpers.engine import Engine

PROBE_SECONDS = 5.0

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


class PullError(WorkbookError):
    """The registry answered, and did not give the image."""


class UnreachableError(PullError):
    """The registry cannot be reached from the engine."""


_answers: dict[tuple[str, str], bool] = {}
_lock = threading.Lock()


def reachable(name: str, engine: Engine) -> bool:
    """Whether the registry of ``name`` answers the engine: decided in 5 s, once for each registry."""
    where = (engine.client.api.base_url, registry_of(name))
    with _lock:
        known = _answers.get(where)
    if known is None:
        known = _probe(name, engine)
        with _lock:
            _answers[where] = known
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
    """Whether an engine's words mean that no registry answered, rather than that one refused."""
    return _UNREACHABLE.search(reason) is not None


def pull(name: str, engine: Engine, check: Callable[[], None] = lambda: None) -> None:
    """Pull an image. Raises `UnreachableError` or `PullError`, each with one clear sentence.

    ``check`` is called at each step of the pull, and stops it by raising an error of its own.
    """
    import requests
    from docker.errors import DockerException

    try:
        _follow(engine.client.api.pull(name, stream=True, decode=True), name, check)
    except DockerException as error:
        raise refusal(name, str(error)) from error
    except requests.RequestException as error:
        raise UnreachableError(
            f"Pulling {name} stalled; try again when the network is better."
        ) from error


def _follow(events: Iterable[dict[str, Any]], name: str, check: Callable[[], None]) -> None:
    for event in events:
        check()
        if "error" in event:
            raise refusal(name, str(event["error"]))


def refusal(name: str, reason: str) -> PullError:
    """Turn an engine's words about a failed pull into one sentence for the reader."""
    for pattern, sentence in _REFUSALS:
        if re.search(pattern, reason, re.IGNORECASE) and not is_unreachable(reason):
            return PullError(sentence.format(name=name))
    if is_unreachable(reason):
        registry = registry_of(name) or "Docker's registry"
        return UnreachableError(f"{registry} cannot be reached to pull {name}; check the network.")
    return PullError(f"Docker could not pull {name}: {reason.strip().rstrip('.')}.")
