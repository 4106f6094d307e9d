"""Read each layer of a stored image once: its files, its bytes, and its bytes compressed by gzip.

The results are kept under the layer's digest, because a layer never changes: a second look costs
nothing. Layers are read from the engine's own folder when it is on this machine, and otherwise from the
stream of ``docker save``. This module does not merge layers, and does not know their instructions.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import gzip
import hashlib
import io
import itertools
import json
import os
import re
import tempfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from helpers.engine import ImageError, saved
from helpers.engine.saved import READ_FAILURES, Member
from helpers.host import paths
from helpers.host.errors import stoppable
from helpers.image import layer_tar
from helpers.image.layer_tar import Entry, is_whiteout

if TYPE_CHECKING:
    from helpers.engine import Engine

GZIP_LEVEL = 5  # of zlib-ng: its bytes differ by at most 0.5 % from those of Go's gzip in a push
FORMAT = 2
_BLOBS = "blobs/sha256/"
_BLOCK = 1 << 20
_SAVED_AT_ONCE = 2 << 20
_STOPPED = "Reading the image was stopped at your request; what was read of whole layers is remembered."
_WINDOW = 1 << 15
_ZEROS = memoryview(bytes(_BLOCK))
_ZEROS_IN_BASE64 = re.compile("A*")
_GZIP_FRAME = 20
_LARGEST_DOCUMENT = 16 << 20


@dataclass(frozen=True)
class Listing:
    """What was found in one layer.

    ``content_bytes`` is the sum of its files' contents, ``tar_bytes`` the length of its tar.
    ``compressed_bytes`` is ``exact`` when the store holds the layer compressed. Otherwise it is the
    result of zlib-ng, within 3 % of the bytes of a push. It is None until somebody asks for it.
    """

    key: str
    tar_bytes: int
    content_bytes: int
    compressed_bytes: int | None
    exact: bool
    files: int
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Stored:
    """An image as the engine keeps it: its configuration, and its layers from the base upwards."""

    config: Mapping[str, Any]
    layers: tuple[Listing, ...]


class Wanted(NamedTuple):
    """What to find out about layers: their ``entries``, and their ``compressed`` bytes.

    Compressing takes most of the time of a first look; listing entries takes most of a later one.
    """

    entries: bool = False
    compressed: bool = False


@stoppable(_STOPPED)
def scan(engine: Engine, image_id: str, wanted: Wanted) -> Stored:
    """Return the layers of an image with the ``wanted`` facts; each layer is read once, then remembered.

    Raises `ImageError` when the engine has no such image or its layers cannot be read,
    `EngineError` when it goes away.
    """
    if engine.store == "overlay2":
        # The folder may be on another machine, closed to this user, or laid out differently.
        with contextlib.suppress(*READ_FAILURES):
            return _scan_folder(Path(engine.root), image_id, wanted)
    return _scan_stream(engine, image_id, wanted)


# What is remembered


def _kept(name: str) -> Path:
    return paths.state("layers") / f"{name.removeprefix('sha256:')}.json.gz"


def _keep(name: str, *documents: object) -> None:
    """Write documents, one on each line, all or none; when the disk refuses, nothing is remembered."""
    path = _kept(name)
    lines = [json.dumps(document, separators=(",", ":")).encode() for document in documents]
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder) / path.name
        part.write_bytes(gzip.compress(b"\n".join(lines), compresslevel=1, mtime=0))
        part.replace(path)


def _lines(name: str) -> list[bytes]:
    """Return the lines kept under a name; an empty list when the file is missing or damaged."""
    try:
        return gzip.decompress(_kept(name).read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error):
        return []


def _recall(key: str, wanted: Wanted) -> Listing | None:
    try:
        return _recalled(key, str(_kept(key)), wanted)
    except READ_FAILURES:
        return None


@functools.lru_cache(maxsize=16)
def _recalled(key: str, path: str, wanted: Wanted) -> Listing:
    summary, listed = _lines(key)
    found = json.loads(summary)
    if found.pop("format") != FORMAT or found["key"] != key:
        raise ValueError(key)
    if wanted.compressed and found["compressed_bytes"] is None:
        raise ValueError(key)
    rows = json.loads(listed) if wanted.entries else ()
    return Listing(**found, entries=tuple(Entry(*row) for row in rows))


def _remember(listing: Listing) -> Listing:
    summary = {"format": FORMAT, **vars(replace(listing, entries=()))}
    del summary["entries"]
    _keep(listing.key, summary, listing.entries)
    return listing


# One layer


_Compressors = ThreadPoolExecutor | None  # the threads that compress, if compressed bytes are wanted


@contextlib.contextmanager
def _compressors(wanted: Wanted) -> Iterator[_Compressors]:
    if not wanted.compressed:
        yield None
        return
    with ThreadPoolExecutor(_cores()) as pool:
        yield pool


def _measure(chunks: Iterable[bytes], packing: str, compressors: _Compressors) -> Listing:
    """Read a layer to its end: its entries, its uncompressed bytes and its compressed bytes."""
    compressed: int | None = None
    if packing != "plain":
        counter = _Counter()
        tar_bytes, entries = layer_tar.entries(saved.unpacked(counter.passing(chunks), packing))
        compressed = counter.bytes
    elif compressors:
        gauge = _Gzip(compressors)
        tar_bytes, entries = layer_tar.entries(gauge.passing(chunks))
        compressed = gauge.total()
    else:
        tar_bytes, entries = layer_tar.entries(chunks)
    return Listing(
        key="",
        tar_bytes=tar_bytes,
        content_bytes=sum(entry.bytes for entry in entries),
        compressed_bytes=compressed,
        exact=packing != "plain",
        files=sum(_is_file(entry) for entry in entries),
        entries=tuple(entries),
    )


def _is_file(entry: Entry) -> bool:
    return entry.kind != "directory" and not is_whiteout(entry)


class _Counter:
    """Counts the bytes that are written to it."""

    def __init__(self) -> None:
        self.bytes = 0

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.bytes += len(chunk)
            yield chunk


class _Gzip:
    """Counts the bytes that gzip would need, compressing blocks on all cores at the same time.

    Each block gets the end of the block before as its dictionary. So the sum differs from that of one
    stream by only some five bytes for each block.
    """

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._pending: deque[Future[int]] = deque()
        self._parts: list[bytes] = []
        self._size = 0
        self._before = b""
        self._total = _GZIP_FRAME

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._parts.append(chunk)
            self._size += len(chunk)
            while self._size >= _BLOCK:
                self._submit(_BLOCK)
            yield chunk

    def total(self) -> int:
        self._submit(self._size)
        self._collect(0)
        return self._total

    def _submit(self, size: int) -> None:
        joined = b"".join(self._parts)
        block, rest = joined[:size], joined[size:]
        self._parts, self._size = [rest], len(rest)
        self._pending.append(self._pool.submit(_deflated, block, self._before))
        self._before = block[-_WINDOW:]
        self._collect(2 * _cores())

    def _collect(self, leave: int) -> None:
        while len(self._pending) > leave:
            self._total += self._pending.popleft().result()


def _deflated(block: bytes, before: bytes) -> int:
    from zlib_ng import zlib_ng

    dictionary = (before,) if before else ()
    packer = zlib_ng.compressobj(GZIP_LEVEL, zlib_ng.DEFLATED, -zlib_ng.MAX_WBITS, 8, 0, *dictionary)
    return len(packer.compress(block)) + len(packer.flush(zlib_ng.Z_SYNC_FLUSH))


def _cores() -> int:
    return os.cpu_count() or 1


# Layers in the folder of an engine on this machine


def _scan_folder(root: Path, image_id: str, wanted: Wanted) -> Stored:
    """Read an image from overlay2's folder.

    The engine keeps a layer's files unpacked, and the headers of its tar beside them ("tar-split").
    Together they give back the layer's tar, exact to the byte.
    """
    base = root / "image" / "overlay2"
    raw = (base / "imagedb" / "content" / image_id.replace(":", "/")).read_bytes()
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" != image_id:
        raise ValueError(image_id)
    config = json.loads(raw)
    keys = diff_ids(config)
    found = {key: _recall(key, wanted) for key in keys}
    if None in found.values():
        with _compressors(wanted) as compressors:
            for key, chain in zip(keys, _chain_ids(keys), strict=True):
                if found[key] is None:
                    record = base / "layerdb" / chain.replace(":", "/")
                    chunks = _reassembled(root, record, contents=wanted.compressed)
                    found[key] = _remember(replace(_measure(chunks, "plain", compressors), key=key))
    return Stored(config, tuple(cast(Listing, found[key]) for key in keys))


def diff_ids(config: Mapping[str, Any]) -> list[str]:
    """Return the digests of an image's uncompressed layers, from its configuration."""
    return list(config.get("rootfs", {}).get("diff_ids") or ())


def _chain_ids(digests: Sequence[str]) -> list[str]:
    """Return the ids by which the engine finds layers: each id depends on all layers up to its own."""
    return list(itertools.accumulate(digests, _chained))


def _chained(below: str, digest: str) -> str:
    return "sha256:" + hashlib.sha256(f"{below} {digest}".encode()).hexdigest()


def _reassembled(root: Path, record: Path, *, contents: bool = True) -> Iterator[bytes]:
    """Yield the tar of a layer from its tar-split, which holds pieces of tar and names of files.

    With ``contents`` False, zeros take the place of each file's bytes, and no file is opened.
    """
    folder = root / "overlay2" / (record / "cache-id").read_text().strip() / "diff"
    open_beneath = _Opener(os.fsencode(folder))
    for item in _tar_split(record / "tar-split.json.gz"):
        if item["type"] == 2:
            if payload := item["payload"]:
                yield _decoded(payload)
        elif item.get("size") and not contents:
            yield from _zeros(item["size"])
        elif item.get("size"):
            raw = item.get("name_raw")
            name = base64.b64decode(raw) if raw else item["name"].encode()
            yield from open_beneath.content(name, item["size"])


def _tar_split(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a tar-split, a JSON document a line; many lines are read as one document."""
    from zlib_ng import gzip_ng, zlib_ng

    failure = cast(type[Exception], zlib_ng.error)  # none of zlib's
    try:
        with cast(Any, gzip_ng).open(file) as packed:
            lines = io.BufferedReader(packed, _BLOCK)
            while some := lines.readlines(_BLOCK):
                yield from json.loads(b"[" + b",".join(some) + b"]")
    except failure as error:
        raise zlib.error(f"a damaged tar-split: {error}") from error


def _decoded(payload: str) -> bytes:
    """Decode base64, four letters for three bytes; the many zeros before a header are only counted."""
    zeros = len(_ZEROS_IN_BASE64.match(payload)[0]) // 4  # type: ignore[index]  # it matches any text
    return bytes(3 * zeros) + binascii.a2b_base64(payload[4 * zeros :])


def _zeros(size: int) -> Iterator[bytes]:
    for begun in range(0, size, _BLOCK):
        yield cast(bytes, _ZEROS[: size - begun])


class _Opener:
    """Reads files of one folder; a link in an image cannot lead it out of that folder."""

    def __init__(self, folder: bytes) -> None:
        self._folder = os.path.realpath(folder)
        self._checked: set[bytes] = set()

    def content(self, name: bytes, size: int) -> Iterator[bytes]:
        path = os.path.join(self._folder, name.lstrip(b"/"))  # noqa: PTH118 names are bytes
        self._check(os.path.dirname(path))  # noqa: PTH120
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            while size > 0:
                chunk = os.read(file, min(size, _BLOCK))
                if not chunk:
                    raise EOFError(f"{path!r} is shorter than its header says")
                size -= len(chunk)
                yield chunk
        finally:
            os.close(file)

    def _check(self, parent: bytes) -> None:
        if parent in self._checked:
            return
        real = os.path.realpath(parent)
        if real != self._folder and not real.startswith(self._folder + b"/"):
            raise ValueError(f"{parent!r} leads out of its layer")
        self._checked.add(parent)


# Layers in the stream of `docker save`


def _scan_stream(engine: Engine, image_id: str, wanted: Wanted) -> Stored:
    known = _recall_image(image_id, wanted)
    if known:
        return known
    try:
        with contextlib.closing(saved.members(engine, image_id)) as members:
            return _read_stream(members, image_id, wanted)
    except ImageError:
        raise
    except READ_FAILURES as error:
        raise saved.unreadable(image_id, error) from error


def _recall_image(image_id: str, wanted: Wanted) -> Stored | None:
    lines = _lines(f"image-{image_id}")
    try:
        found = json.loads(lines[0])
        listings = [_recall(key, wanted) for key in found["keys"]]
    except READ_FAILURES:
        return None
    if found.get("format") != FORMAT or None in listings:
        return None
    return Stored(found["config"], tuple(cast(list[Listing], listings)))


def _read_stream(members: Iterable[Member], image_id: str, wanted: Wanted) -> Stored:
    found = _Members(wanted)
    found.read(members)
    manifest = found.document("manifest.json")[0]
    config = found.document(manifest["Config"])
    listings = []
    for name, digest in zip(manifest["Layers"] or (), diff_ids(config), strict=True):
        listing = found.listing(name)
        if not listing.key:
            listing = _remember(replace(listing, key=digest))
        listings.append(listing)
    keys = [listing.key for listing in listings]
    _keep(f"image-{image_id}", {"format": FORMAT, "config": config, "keys": keys})
    return Stored(config, tuple(listings))


def _key(name: str) -> str:
    """Return the digest in a blob's name; engines before release 25 name layers differently."""
    return f"sha256:{name.removeprefix(_BLOBS)}" if name.startswith(_BLOBS) else ""


class _Members:
    """The contents of a save stream: layers, documents, and links from one name to another."""

    def __init__(self, wanted: Wanted) -> None:
        self.listings: dict[str, Listing] = {}
        self._wanted = wanted
        self._documents: dict[str, bytes] = {}
        self._links: dict[str, str] = {}

    def document(self, name: str) -> Any:
        if name not in self._documents:
            raise ValueError(f"its save stream has no {name}")
        return json.loads(self._documents[name])

    def listing(self, name: str) -> Listing:
        name = self._links.get(name, name)
        if name not in self.listings:
            raise ValueError(
                f"its layer {name} is missing, or neither a tar nor compressed by gzip or zstd"
            )
        return self.listings[name]

    def read(self, members: Iterable[Member]) -> None:
        with _compressors(self._wanted) as compressors:
            for member in members:
                if member.kind == "link":
                    self._links[member.name] = member.target
                elif member.kind == "layer":
                    self.listings[member.name] = self._layer(member, compressors)
                elif member.size <= _LARGEST_DOCUMENT:
                    self._documents[member.name] = b"".join(member.chunks)

    def _layer(self, member: Member, compressors: _Compressors) -> Listing:
        key = _key(member.name)
        known = _recall(key, self._wanted) if key else None
        if known is None:
            known = replace(_measure(member.chunks, member.packing, compressors), key=key)
            if key:
                _remember(known)
        return known
