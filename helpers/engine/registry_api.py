"""Push an image, and read a registry by the OCI distribution API: tags, manifests and blobs.

This module uses plain HTTP without authentication, as a registry on loopback does. A push is measured by
the growth of the registry: the blobs that its manifests name after the push but did not name before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.host import loopback
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from requests import Response

    from helpers.engine.engine import Engine

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHUNK = 1 << 18
_PATIENCE = 60.0  # seconds to wait for the next byte


@dataclass(frozen=True)
class Descriptor:
    """A blob as a manifest names it: its digest, its bytes as stored, and its media type."""

    digest: str
    bytes: int
    media_type: str


@dataclass(frozen=True)
class Manifest:
    """An image's manifest: its own bytes, its config and its layers from the base up.

    ``overhead`` counts the bytes of the index that named it; 0 when there was no index.
    """

    raw: bytes
    config: Descriptor
    layers: tuple[Descriptor, ...]
    overhead: int = 0

    @property
    def digest(self) -> str:
        """The manifest's own digest."""
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"

    @property
    def bytes(self) -> int:
        """The bytes that were transferred for it, including the index."""
        return len(self.raw) + self.overhead

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and the layers."""
        return (self.config, *self.layers)


def split(reference: str) -> tuple[str, str, str]:
    """Return address, repository and tag of ``127.0.0.1:5000/team/app:1``."""
    address, _, rest = reference.partition("/")
    repository, _, tag = rest.rpartition(":")
    if not (address and repository and tag):
        raise WorkbookError(f"{reference!r} names no image in a registry; write ADDRESS/NAME:TAG.")
    return address, repository, tag


def manifest(address: str, repository: str, tag: str, architecture: str) -> Manifest:
    """Fetch a manifest; from an index, the one for Linux on ``architecture`` (``amd64``, ``arm64``)."""
    raw = _manifest(address, repository, tag)
    document, overhead = json.loads(raw), 0
    if "manifests" in document:
        overhead = len(raw)
        raw = _manifest(address, repository, _for_platform(document, architecture))
        document = json.loads(raw)
    layers = tuple(_descriptor(entry) for entry in document["layers"])
    return Manifest(raw, _descriptor(document["config"]), layers, overhead)


def _manifest(address: str, repository: str, reference: str) -> bytes:
    accept = ", ".join((*_MANIFEST_TYPES, *_INDEX_TYPES))
    with _get(address, f"/v2/{repository}/manifests/{reference}", accept) as answer:
        return answer.content


def _for_platform(index: dict[str, Any], architecture: str) -> str:
    wanted = {"os": "linux", "architecture": architecture}
    for entry in index["manifests"]:
        platform = entry.get("platform", {})
        if all(platform.get(name) == value for name, value in wanted.items()):
            return str(entry["digest"])
    raise WorkbookError(f"The image is not there for linux/{architecture}; build it for that platform.")


def _descriptor(entry: dict[str, Any]) -> Descriptor:
    return Descriptor(str(entry["digest"]), int(entry["size"]), str(entry["mediaType"]))


def blob(address: str, repository: str, digest: str) -> Iterator[bytes]:
    """Yield a blob's bytes as they arrive."""
    with _get(address, f"/v2/{repository}/blobs/{digest}") as answer:
        yield from answer.iter_content(_CHUNK)


def repositories(address: str) -> list[str]:
    """Return the names of the registry's repositories."""
    return list(_document(address, "/v2/_catalog?n=1000")["repositories"])


def tags(address: str, repository: str) -> list[str]:
    """Return a repository's tags."""
    return list(_document(address, f"/v2/{repository}/tags/list")["tags"] or [])


def _document(address: str, path: str) -> Any:
    with _get(address, path) as answer:
        return answer.json()


@contextlib.contextmanager
def _get(address: str, path: str, accept: str = "*/*") -> Iterator[Response]:
    try:
        with loopback.ask(f"http://{address}{path}", _PATIENCE, headers={"Accept": accept}) as answer:
            answer.raise_for_status()
            yield answer
    except OSError as error:
        raise WorkbookError(
            f"The registry at {address} did not give {path} ({error}); push the image to it first, or "
            "run the lesson from the top for a new registry."
        ) from None


# Pushes


@dataclass(frozen=True)
class Push:
    """The result of a push: ``new`` maps the digest of each new blob to its bytes; and the seconds."""

    reference: str
    new: dict[str, int]
    seconds: float

    @property
    def moved_bytes(self) -> int:
        """The bytes of all blobs that the registry did not have."""
        return sum(self.new.values())


def push(image: str, reference: str, engine: Engine) -> Push:
    """Push an image of the engine as ``ADDRESS/NAME:TAG``; the engine does not keep this name.

    Raises `WorkbookError` with the engine's reason.
    """
    address, repository, tag = split(reference)
    before = stored(address, engine)
    seconds = _push(image, f"{address}/{repository}", tag, engine)
    after = stored(address, engine)
    new = {digest: size for digest, size in after.items() if digest not in before}
    return Push(reference, new, seconds)


def _push(image: str, name: str, tag: str, engine: Engine) -> float:
    import requests
    from docker.errors import DockerException

    api = engine.client.api
    try:
        api.tag(image, name, tag)
        try:
            begun = time.monotonic()
            _follow(api.push(name, tag, stream=True, decode=True), name)
            return time.monotonic() - begun
        finally:
            api.remove_image(f"{name}:{tag}")
    except (DockerException, requests.RequestException) as error:
        raise WorkbookError(f"{name} could not be pushed: {error}; run the cell again.") from None


def _follow(events: Iterable[dict[str, Any]], name: str) -> None:
    for event in events:
        if "error" in event:
            raise WorkbookError(f"{name} could not be pushed: {event['error']}; run the cell again.")


def stored(address: str, engine: Engine, repository: str | None = None) -> dict[str, int]:
    """Return the bytes of each blob in a registry, or in one repository, by digest."""
    names = [repository] if repository else repositories(address)
    blobs: dict[str, int] = {}
    for name in names:
        for tag in tags(address, name):
            found = manifest(address, name, tag, engine.architecture)
            blobs[found.digest] = found.bytes
            blobs.update({blob.digest: blob.bytes for blob in found.blobs})
    return blobs
