"""Read a registry over HTTP: its catalog, tags, manifests and blobs, by the OCI distribution API.

It keeps nothing and counts nothing: `node` pulls with it, `transfer` looks with it at what is stored.
It speaks plain HTTP and no authentication, as a registry on loopback does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from helpers.host import loopback
from helpers.host.errors import WorkbookError

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHUNK = 1 << 18
_PATIENCE = 60.0  # seconds without a byte


class RegistryError(WorkbookError):
    """A registry did not give what was asked of it."""


@dataclass(frozen=True)
class Descriptor:
    """A blob as a manifest names it: its digest, its bytes as stored, and its media type."""

    digest: str
    bytes: int
    media_type: str


@dataclass(frozen=True)
class Manifest:
    """An image's manifest: its own bytes, its config and its layers from the base up.

    ``overhead`` counts the bytes of the index that led to it, 0 where there was none.
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
        """Bytes that crossed for it, the index included."""
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
        raise RegistryError(f"{reference!r} names no image in a registry; write ADDRESS/NAME:TAG.")
    return address, repository, tag


def manifest(address: str, repository: str, tag: str, architecture: str) -> Manifest:
    """Fetch a manifest; of an index, the one for Linux on ``architecture`` (``amd64``, ``arm64``)."""
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
        return answer.read()


def _for_platform(index: dict[str, Any], architecture: str) -> str:
    wanted = {"os": "linux", "architecture": architecture}
    for entry in index["manifests"]:
        platform = entry.get("platform", {})
        if all(platform.get(name) == value for name, value in wanted.items()):
            return str(entry["digest"])
    raise RegistryError(f"The image is not there for linux/{architecture}; build it for that platform.")


def _descriptor(entry: dict[str, Any]) -> Descriptor:
    return Descriptor(str(entry["digest"]), int(entry["size"]), str(entry["mediaType"]))


def blob(address: str, repository: str, digest: str) -> Iterator[bytes]:
    """Yield a blob's bytes as they arrive."""
    with _get(address, f"/v2/{repository}/blobs/{digest}") as answer:
        while chunk := answer.read(_CHUNK):
            yield chunk


def repositories(address: str) -> list[str]:
    """Return the names of the registry's repositories."""
    return list(_document(address, "/v2/_catalog?n=1000")["repositories"])


def tags(address: str, repository: str) -> list[str]:
    """Return a repository's tags."""
    return list(_document(address, f"/v2/{repository}/tags/list")["tags"] or [])


def _document(address: str, path: str) -> Any:
    with _get(address, path) as answer:
        return json.load(answer)


@contextlib.contextmanager
def _get(address: str, path: str, accept: str = "*/*") -> Iterator[IO[bytes]]:
    try:
        with loopback.ask(f"http://{address}{path}", _PATIENCE, headers={"Accept": accept}) as answer:
            yield answer
    except OSError as error:
        raise RegistryError(
            f"The registry at {address} did not give {path} ({error}); push the image to it first, or "
            "run the lesson from the top for a new registry."
        ) from None
