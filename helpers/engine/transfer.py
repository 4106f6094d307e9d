"""Push an image from the engine to a registry, and see what the registry did not have before.

What a push moved is the growth of the registry: the blobs that its manifests name after the push and
did not name before. It pulls nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.engine import registry_api
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from helpers.engine.engine import Engine


class PushError(WorkbookError):
    """The engine could not push an image."""


@dataclass(frozen=True)
class Push:
    """What one push brought to a registry: bytes by digest of each new blob, and the seconds it took."""

    reference: str
    new: dict[str, int]
    seconds: float

    @property
    def moved_bytes(self) -> int:
        """The bytes of all blobs that the registry did not have."""
        return sum(self.new.values())


def push(image: str, reference: str, where: Engine) -> Push:
    """Push an image of the engine as ``ADDRESS/NAME:TAG``; the engine keeps no such name of it.

    Raises `PushError` with the engine's reason.
    """
    address, repository, tag = registry_api.split(reference)
    before = stored(address, where)
    seconds = _push(image, f"{address}/{repository}", tag, where)
    after = stored(address, where)
    new = {digest: size for digest, size in after.items() if digest not in before}
    return Push(reference, new, seconds)


def _push(image: str, name: str, tag: str, where: Engine) -> float:
    import requests
    from docker.errors import DockerException

    api = where.client.api
    try:
        api.tag(image, name, tag)
        try:
            begun = time.monotonic()
            _follow(api.push(name, tag, stream=True, decode=True), name)
            return time.monotonic() - begun
        finally:
            api.remove_image(f"{name}:{tag}")
    except (DockerException, requests.RequestException) as error:
        raise PushError(f"{name} could not be pushed: {error}; run the cell again.") from None


def _follow(events: Iterable[dict[str, Any]], name: str) -> None:
    for event in events:
        if "error" in event:
            raise PushError(f"{name} could not be pushed: {event['error']}; run the cell again.")


def stored(address: str, where: Engine, repository: str | None = None) -> dict[str, int]:
    """Return what a registry keeps, or what one repository of it needs: bytes by digest, each once."""
    names = [repository] if repository else registry_api.repositories(address)
    blobs: dict[str, int] = {}
    for name in names:
        for tag in registry_api.tags(address, name):
            manifest = registry_api.manifest(address, name, tag, where.architecture)
            blobs[manifest.digest] = manifest.bytes
            blobs.update({blob.digest: blob.bytes for blob in manifest.blobs})
    return blobs
