"""One pass over the layers of a stored image: the files of each, its bytes, and its bytes as a gzip.

What the pass finds is kept under the layer's digest, since a layer never changes: a second look at it
costs nothing. Layers are read where the engine keeps them when that is a folder of this machine, and
from the stream of ``docker save`` otherwise. It does not merge layers, and knows no instructions.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import hashlib
import http
import importlib
import itertools
import json
import os
import posixpath
import tarfile
import tempfile
import zlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from helpers.engine.engine import LOST, EngineLostError
from helpers.host import disk_full, paths
from helpers.host.errors import WorkbookError, stoppable

if TYPE_CHECKING:
    from helpers.engine.engine import Engine

GZIP_LEVEL = 5  # of zlib-ng; its bytes are within 0.5 % of what Go's gzip makes in a push
FORMAT = 2
_BLOBS = "blobs/sha256/"
_BLOCK = 1 << 20
_SAVED_AT_ONCE = 2 << 20
_STOPPED = "Reading the image was stopped at your request; what was read of whole layers is remembered."
_WINDOW = 1 << 15
_NOUGHT = memoryview(bytes(_BLOCK))
_GZIP_FRAME = 20
_LARGEST_DOCUMENT = 16 << 20
READ_FAILURES = (  # what a broken archive, or a document of another shape, may raise
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    *(zlib.error, tarfile.TarError),
)


class ImageError(WorkbookError):
    """An image that the engine does not have, or whose layers cannot be read."""


class Entry(NamedTuple):
    """One entry of a layer's tar; whiteouts are entries too.

    ``kind`` is ``file``, ``directory``, ``symlink``, ``hardlink`` or ``device``; only a file has bytes.
    """

    path: str
    kind: str
    bytes: int
    mode: int
    uid: int
    gid: int
    target: str


@dataclass(frozen=True)
class Listing:
    """What the pass found in one layer.

    ``content_bytes`` is the sum of its files' contents, ``tar_bytes`` the length of its tar.
    ``compressed_bytes`` is ``exact`` where the store holds the layer compressed, and otherwise what
    zlib-ng makes of it, within 3 % of what a push would make; None until somebody asked for it.
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
    """An image as the engine keeps it: its own configuration, and its layers from the base upwards."""

    config: Mapping[str, Any]
    layers: tuple[Listing, ...]


class Wanted(NamedTuple):
    """What to find out about layers: their ``entries``, and what they take ``compressed``.

    To compress takes most of the time of a first look; to list entries most of that of a later one.
    """

    entries: bool = False
    compressed: bool = False


@stoppable(_STOPPED)
def scan(engine: Engine, image_id: str, wanted: Wanted) -> Stored:
    """Return the layers of an image with what is wanted of them, read once and then remembered.

    Raises `ImageError` when the engine has no such image or its layers cannot be read,
    `EngineLostError` when it goes away.
    """
    if engine.store == "overlay2":
        # The folder may be another machine's, another user's, or of another make.
        with contextlib.suppress(*READ_FAILURES):
            return _scan_folder(Path(engine.root), image_id, wanted)
    return _scan_stream(engine, image_id, wanted)


class Member(NamedTuple):
    """One file of an image's save stream, unpacked.

    ``kind`` is ``layer`` (a tar), ``document`` (JSON or a line of text) or ``link``, which has no
    ``chunks`` and stands for its ``target``.
    """

    name: str
    kind: str
    target: str
    chunks: Iterator[bytes]


def members(engine: Engine, image_id: str) -> Generator[Member, None, None]:
    """Give all that the engine stores of an image, in the order of ``docker save``, to the last byte.

    Each member's chunks are to be read before the next is asked for; who stops half-way closes the
    generator, or the engine goes on waiting for its reader. Raises as `scan`.
    """
    try:
        with (
            contextlib.closing(saved(engine, image_id)) as stream,
            tarfile.open(fileobj=cast(Any, tape := Tape(stream)), mode="r:") as outer,
        ):
            while (member := outer.next()) is not None:
                if member.issym() or member.islnk():
                    yield Member(member.name, "link", _linked(member), iter(()))
                elif member.isreg():
                    chunks = _exactly(tape, member.size)
                    head = _head(chunks)
                    packing, whole = _packing(head), itertools.chain([head], chunks)
                    packed = packing in ("gzip", "zstd")
                    kind = "document" if packing == "document" else "layer"
                    content = _unpacked(whole, packing) if packed else whole
                    yield Member(member.name, kind, "", _told(content, image_id))
            tape.finish()
    except READ_FAILURES as error:
        raise _unreadable(image_id, error) from error


def _told(chunks: Iterator[bytes], image_id: str) -> Iterator[bytes]:
    """Give chunks; what goes wrong while they are read is an `ImageError`."""
    try:
        yield from chunks
    except READ_FAILURES as error:
        raise _unreadable(image_id, error) from error


def _unreadable(image_id: str, error: BaseException) -> ImageError:
    if disk_full.is_full(str(error)):
        return ImageError(disk_full.ENGINE_FULL)
    return ImageError(
        f"The layers of {image_id[:19]} could not be read from the engine ({error}); "
        "look whether the engine is well (`docker info`) and try again."
    )


# What is remembered


def _kept(name: str) -> Path:
    return paths.state("layers") / f"{name.removeprefix('sha256:')}.json.gz"


def _keep(name: str, *documents: object) -> None:
    """Write documents, one a line, whole or not at all; what cannot be written is not remembered."""
    path = _kept(name)
    lines = [json.dumps(document, separators=(",", ":")).encode() for document in documents]
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder) / path.name
        part.write_bytes(gzip.compress(b"\n".join(lines), compresslevel=1, mtime=0))
        part.replace(path)


def _lines(name: str) -> list[bytes]:
    """Return the lines kept under a name; none when it is missing or damaged."""
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


_Presses = ThreadPoolExecutor | None  # who compresses, when that is wanted


@contextlib.contextmanager
def _presses(wanted: Wanted) -> Iterator[_Presses]:
    if not wanted.compressed:
        yield None
        return
    with ThreadPoolExecutor(_cores()) as pool:
        yield pool


def _measure(chunks: Iterable[bytes], packing: str, presses: _Presses) -> Listing:
    """Read a layer to its end: its entries, and the bytes that it takes plain and compressed."""
    compressed: int | None = None
    if packing != "tar":
        counter = _Counter()
        tar_bytes, entries = _walk(_unpacked(counter.passing(chunks), packing))
        compressed = counter.bytes
    elif presses:
        gauge = _Gzip(presses)
        tar_bytes, entries = _walk(gauge.passing(chunks))
        compressed = gauge.total()
    else:
        tar_bytes, entries = _walk(chunks)
    return Listing(
        key="",
        tar_bytes=tar_bytes,
        content_bytes=sum(entry.bytes for entry in entries),
        compressed_bytes=compressed,
        exact=packing != "tar",
        files=sum(_is_file(entry) for entry in entries),
        entries=tuple(entries),
    )


def _is_file(entry: Entry) -> bool:
    return entry.kind != "directory" and not is_whiteout(entry)


def is_whiteout(entry: Entry) -> bool:
    """Say whether an entry only marks that something of the layers below is gone."""
    return posixpath.basename(entry.path).startswith(".wh.")


def _walk(chunks: Iterable[bytes]) -> tuple[int, list[Entry]]:
    tape = Tape(chunks)
    entries = []
    with tarfile.open(
        fileobj=cast(Any, tape), mode="r:", encoding="utf-8", errors="backslashreplace"
    ) as tar:
        while (member := tar.next()) is not None:
            entries.append(_entry(member))
            tar.members.clear()  # type: ignore[attr-defined]
    tape.finish()
    return tape.tell(), entries


def _entry(member: tarfile.TarInfo) -> Entry:
    kind, size, target = "device", 0, ""
    if member.isdir():
        kind = "directory"
    elif member.issym():
        kind, target = "symlink", member.linkname
    elif member.islnk():
        kind, target = "hardlink", _absolute(member.linkname)
    elif member.isreg():
        kind, size = "file", member.size
    if size < 0:
        raise tarfile.ReadError(f"{member.name!r} has a size below zero")
    mode, uid, gid = member.mode & 0o7777, member.uid, member.gid
    return Entry(_absolute(member.name), kind, size, mode, uid, gid, target)


def _absolute(name: str) -> str:
    return posixpath.normpath("/" + name.lstrip("/"))


class Tape:
    """A stream of bytes as the file that `tarfile` wants: it is read and wound forward, never back."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = memoryview(b"")
        self._passed = 0

    def tell(self) -> int:
        """Return the bytes that have passed."""
        return self._passed

    def pieces(self, size: int) -> Iterator[bytes]:
        """Give the next ``size`` bytes as they come, fewer at the end of the stream."""
        while size > 0:
            if not self._chunk:
                self._chunk = memoryview(next(self._chunks, b""))
                if not self._chunk:
                    return
            piece, self._chunk = self._chunk[:size], self._chunk[size:]
            size -= len(piece)
            self._passed += len(piece)
            yield cast(bytes, piece)

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end of the stream."""
        if size <= len(self._chunk):
            piece, self._chunk = self._chunk[:size], self._chunk[size:]
            self._passed += size
            return bytes(piece)
        return b"".join(self.pieces(size))

    def seek(self, position: int) -> int:
        """Wind forward. Raises `tarfile.ReadError` for a place that has passed."""
        if position < self._passed:
            raise tarfile.ReadError("a stream cannot be wound back")
        for _ in self.pieces(position - self._passed):
            pass
        return self._passed

    def finish(self) -> None:
        """Read what is left, so that every byte has passed."""
        self._passed += len(self._chunk) + sum(len(chunk) for chunk in self._chunks)
        self._chunk = memoryview(b"")


class _Counter:
    """Counts the bytes that pass."""

    def __init__(self) -> None:
        self.bytes = 0

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.bytes += len(chunk)
            yield chunk


class _Gzip:
    """Counts what a gzip of the passing bytes takes, its blocks compressed at once on all cores.

    Each block is given the end of the one before as its dictionary, so the sum is that of one stream
    but for some five bytes a block.
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


def _unpacked(chunks: Iterable[bytes], packing: str) -> Iterator[bytes]:
    return _gunzipped(chunks) if packing == "gzip" else _unzstd(chunks)


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    from zlib_ng import zlib_ng

    unpacker = zlib_ng.decompressobj(16 + zlib_ng.MAX_WBITS)
    for chunk in chunks:
        rest = bytes(chunk)
        while rest:
            if unpacker.eof:
                unpacker = zlib_ng.decompressobj(16 + zlib_ng.MAX_WBITS)
            yield from _bounded(unpacker, rest)
            rest = unpacker.unused_data
    if not unpacker.eof:
        raise EOFError("a compressed layer ends early")


def _bounded(unpacker: Any, packed: bytes) -> Iterator[bytes]:
    from zlib_ng import zlib_ng

    failure = cast(type[Exception], zlib_ng.error)  # none of zlib's
    while packed:
        try:
            block = unpacker.decompress(packed, _BLOCK)
        except failure as error:
            raise tarfile.ReadError(f"a compressed layer is damaged: {error}") from error
        yield block
        packed = unpacker.unconsumed_tail


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        zstandard = importlib.import_module("zstandard")
    except ImportError as error:
        raise ImageError(
            "A layer of this image is compressed with zstd; `pip install zstandard` to read it."
        ) from error
    try:
        yield from zstandard.ZstdDecompressor().read_to_iter(Tape(chunks), read_size=_BLOCK)
    except zstandard.ZstdError as error:
        raise tarfile.ReadError(f"a compressed layer is damaged: {error}") from error


# Layers in the folder of an engine on this machine


def _scan_folder(root: Path, image_id: str, wanted: Wanted) -> Stored:
    """Read an image from overlay2's folder.

    The engine keeps a layer's files unpacked, and beside them the tar's own headers ("tar-split"),
    from which the layer's tar comes back to the byte.
    """
    base = root / "image" / "overlay2"
    raw = (base / "imagedb" / "content" / image_id.replace(":", "/")).read_bytes()
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" != image_id:
        raise ValueError(image_id)
    config = json.loads(raw)
    keys = diff_ids(config)
    found = {key: _recall(key, wanted) for key in keys}
    if None in found.values():
        with _presses(wanted) as presses:
            for key, chain in zip(keys, _chain_ids(keys), strict=True):
                if found[key] is None:
                    record = base / "layerdb" / chain.replace(":", "/")
                    chunks = _reassembled(root, record, contents=wanted.compressed)
                    found[key] = _remember(replace(_measure(chunks, "tar", presses), key=key))
    return Stored(config, tuple(cast(Listing, found[key]) for key in keys))


def diff_ids(config: Mapping[str, Any]) -> list[str]:
    """Return the digests of an image's uncompressed layers, from its configuration."""
    return list(config.get("rootfs", {}).get("diff_ids") or ())


def _chain_ids(digests: Sequence[str]) -> list[str]:
    """Return the ids under which the engine files layers: each stands for all layers up to it."""
    return list(itertools.accumulate(digests, _chained))


def _chained(below: str, digest: str) -> str:
    return "sha256:" + hashlib.sha256(f"{below} {digest}".encode()).hexdigest()


def _reassembled(root: Path, record: Path, *, contents: bool = True) -> Iterator[bytes]:
    """Give the tar of a layer from its tar-split: pieces of tar, and names of files that follow.

    Without ``contents`` nought stands for each byte of a file, and no file is opened.
    """
    folder = root / "overlay2" / (record / "cache-id").read_text().strip() / "diff"
    open_beneath = _Opener(os.fsencode(folder))
    with gzip.open(record / "tar-split.json.gz") as lines:
        for line in lines:
            item = json.loads(line.decode())
            if item["type"] == 2:
                yield base64.b64decode(item["payload"] or "")
            elif item.get("size") and not contents:
                yield from _noughts(item["size"])
            elif item.get("size"):
                raw = item.get("name_raw")
                name = base64.b64decode(raw) if raw else item["name"].encode()
                yield from open_beneath.content(name, item["size"])


def _noughts(size: int) -> Iterator[bytes]:
    for begun in range(0, size, _BLOCK):
        yield cast(bytes, _NOUGHT[: size - begun])


class _Opener:
    """Reads files of one folder; a link in an image cannot lead it out of there."""

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
        with contextlib.closing(saved(engine, image_id)) as stream:
            return _read_stream(stream, image_id, wanted)
    except ImageError:
        raise
    except READ_FAILURES as error:
        raise _unreadable(image_id, error) from error


def saved(engine: Engine, image_id: str) -> Generator[bytes, None, None]:
    """Give what the engine saves; closed early it tells the engine, which the SDK's own does not.

    Raises `ImageError` when the engine has no such image, `EngineLostError` when it goes away.
    """
    from requests import RequestException

    api = engine.client.api
    address = f"{api.base_url}/v{api.api_version}/images/{image_id}/get"
    try:
        with api.get(address, stream=True, timeout=api.timeout) as response:
            if response.status_code == http.HTTPStatus.NOT_FOUND:
                raise ImageError(unknown_image(image_id))
            if not response.ok:
                raise OSError(response.text.strip())
            yield from response.iter_content(_SAVED_AT_ONCE)
    except RequestException:
        raise EngineLostError(LOST) from None


def unknown_image(reference: str) -> str:
    """Return the sentence for an image that the engine does not have."""
    return f"The engine has no image {reference!r}; build or pull it first (`docker images` lists)."


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


def _read_stream(chunks: Iterable[bytes], image_id: str, wanted: Wanted) -> Stored:
    members = _Members(wanted)
    members.read(chunks)
    manifest = members.document("manifest.json")[0]
    config = members.document(manifest["Config"])
    listings = []
    for name, digest in zip(manifest["Layers"] or (), diff_ids(config), strict=True):
        listing = members.listing(name)
        if not listing.key:
            listing = _remember(replace(listing, key=digest))
        listings.append(listing)
    keys = [listing.key for listing in listings]
    _keep(f"image-{image_id}", {"format": FORMAT, "config": config, "keys": keys})
    return Stored(config, tuple(listings))


def _key(name: str) -> str:
    """Return the digest that a blob's name holds; engines before 25 name layers otherwise."""
    return f"sha256:{name.removeprefix(_BLOBS)}" if name.startswith(_BLOBS) else ""


class _Members:
    """What a save stream holds: layers, documents, and names that stand for another name."""

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
        return self.listings[self._links.get(name, name)]

    def read(self, chunks: Iterable[bytes]) -> None:
        tape = Tape(chunks)
        with (
            _presses(self._wanted) as presses,
            tarfile.open(fileobj=cast(Any, tape), mode="r:") as outer,
        ):
            while (member := outer.next()) is not None:
                if member.issym() or member.islnk():
                    self._links[member.name] = _linked(member)
                elif member.isreg():
                    self._read_one(member, _exactly(tape, member.size), presses)
        tape.finish()

    def _read_one(self, member: tarfile.TarInfo, chunks: Iterator[bytes], presses: _Presses) -> None:
        head = _head(chunks)
        packing, whole = _packing(head), itertools.chain([head], chunks)
        if packing == "document":
            if member.size <= _LARGEST_DOCUMENT:
                self._documents[member.name] = b"".join(whole)
            return
        key = _key(member.name)
        known = _recall(key, self._wanted) if key else None
        if known is None:
            known = replace(_measure(whole, packing, presses), key=key)
            if key:
                _remember(known)
        self.listings[member.name] = known


def _linked(member: tarfile.TarInfo) -> str:
    folder = posixpath.dirname(member.name) if member.issym() else ""
    return posixpath.normpath(posixpath.join(folder, member.linkname))


def _exactly(tape: Tape, size: int) -> Iterator[bytes]:
    end = tape.tell() + size
    yield from tape.pieces(size)
    if tape.tell() != end:
        raise EOFError("the save stream ends early")


def _head(chunks: Iterator[bytes]) -> bytes:
    head = b""
    while len(head) < tarfile.BLOCKSIZE and (chunk := next(chunks, None)) is not None:
        head += chunk
    return head


def _packing(head: bytes) -> str:
    """Tell from the first block of a blob what it is."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return "zstd"
    if head[257:262] == b"ustar" or head[:512] == bytes(tarfile.BLOCKSIZE):
        return "tar"
    return "document"
