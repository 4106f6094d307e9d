"""A host that an image is deployed to: it pulls from a registry over HTTP and keeps the layers.

Like an engine, the host asks only for the blobs that it lacks, checks each against its digest, and
unpacks it. It keeps each layer as an uncompressed tar. It runs no container and writes no file system,
so an engine takes at least as many seconds. Every byte of a response body is counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
import weakref
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.engine import registry_api
from helpers.engine.registry_api import Descriptor
from helpers.host import paths, processes
from helpers.host.errors import WorkbookError
from helpers.host.processes import Closing

_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Arrival:
    """One blob of an image: its bytes as stored, and the bytes that this pull transferred.

    ``kind`` is ``manifest``, ``config`` or ``layer``.
    """

    kind: str
    digest: str
    bytes: int
    moved_bytes: int


@dataclass(frozen=True)
class Pull:
    """What one pull moved, and the seconds it took, including checking and unpacking.

    ``history`` is the history in the image's config: one entry for each instruction, unchanged.
    """

    reference: str
    arrivals: tuple[Arrival, ...]
    seconds: float
    history: tuple[str, ...]

    @property
    def moved_bytes(self) -> int:
        """The bytes of all response bodies."""
        return sum(arrival.moved_bytes for arrival in self.arrivals)

    @property
    def layers(self) -> tuple[Arrival, ...]:
        """The layers, from the base up."""
        return tuple(arrival for arrival in self.arrivals if arrival.kind == "layer")


class DeployHost(Closing):
    """A host with its own folder. Use it as a context manager; otherwise it is removed with the process.

    ``architecture`` is the host's CPU, as Docker writes it (``amd64``, ``arm64``).
    """

    def __init__(self, folder: Path, architecture: str) -> None:
        self._folder = folder
        self._architecture = architecture
        self._finalizer = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def close(self) -> None:
        """Remove the host and its folder."""
        self._finalizer()

    @property
    def disk_bytes(self) -> int:
        """The bytes of all files that the host keeps."""
        return sum(file.stat().st_size for file in self._folder.iterdir())

    def pull(self, reference: str) -> Pull:
        """Pull ``ADDRESS/NAME:TAG``, asking only for the blobs that the host lacks.

        Raises `WorkbookError` when the registry does not give a blob, or a blob has the wrong digest.
        """
        begun = time.monotonic()
        address, repository, tag = registry_api.split(reference)
        manifest = registry_api.manifest(address, repository, tag, self._architecture)
        arrivals = [Arrival("manifest", manifest.digest, manifest.bytes, manifest.bytes)]
        arrivals.append(self._fetch("config", manifest.config, address, repository))
        config = json.loads(self._file(manifest.config).read_bytes())
        for layer, content in zip(manifest.layers, config["rootfs"]["diff_ids"], strict=True):
            arrivals.append(self._fetch("layer", layer, address, repository, content))
        history = [row for row in config.get("history") or () if not row.get("empty_layer")]
        return Pull(
            reference,
            tuple(arrivals),
            time.monotonic() - begun,
            tuple(str(row.get("created_by", "")) for row in history),
        )

    def _fetch(
        self, kind: str, blob: Descriptor, address: str, repository: str, content: str | None = None
    ) -> Arrival:
        moved = 0
        if not self._file(blob).exists():
            body = registry_api.blob(address, repository, blob.digest)
            moved = self._keep(blob, body, content or blob.digest)
        return Arrival(kind, blob.digest, blob.bytes, moved)

    def _keep(self, blob: Descriptor, body: Iterable[bytes], content: str) -> int:
        """Unpack a blob onto the disk and return the bytes that were transferred."""
        from zlib_ng import zlib_ng

        broken: Any = zlib_ng.error  # the library's type stub calls it an instance
        wire, unpacked, moved = hashlib.sha256(), hashlib.sha256(), 0

        def counted() -> Iterator[bytes]:
            nonlocal moved
            for chunk in body:
                moved += len(chunk)
                wire.update(chunk)
                yield chunk

        partial = self._file(blob).with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                for chunk in _unpacked(blob, counted()):
                    unpacked.update(chunk)
                    file.write(chunk)
        except broken:
            raise _damaged(blob) from None
        if [_named(wire), _named(unpacked)] != [blob.digest, content]:
            raise _damaged(blob)
        partial.rename(self._file(blob))
        return moved

    def _file(self, blob: Descriptor) -> Path:
        return self._folder / blob.digest.partition(":")[2]


def fresh(architecture: str) -> DeployHost:
    """Return a host that holds nothing."""
    home = paths.state("nodes")
    processes.sweep(home)
    folder = home / f"{os.getpid()}-{secrets.token_hex(3)}"
    folder.mkdir()
    return DeployHost(folder, architecture)


def _unpacked(blob: Descriptor, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of a blob: unpacked if it is a gzip, else unchanged."""
    from zlib_ng import zlib_ng

    if not blob.media_type.endswith("gzip"):
        yield from chunks
        return
    unpacker = zlib_ng.decompressobj(_GZIP)
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker.eof:  # a gzip may have several members
                unpacker = zlib_ng.decompressobj(_GZIP)
            yield unpacker.decompress(rest)
            rest = unpacker.unused_data


def _named(digest: hashlib._Hash) -> str:
    return f"sha256:{digest.hexdigest()}"


def _damaged(blob: Descriptor) -> WorkbookError:
    return WorkbookError(
        f"The blob {blob.digest[:19]} arrived damaged, or in a compression other than gzip; push the "
        "image again."
    )
