"""Read the stream of ``docker save``: the members of an image, one after another, to the last byte.

It reads forward and keeps nothing. Other modules look into the layers.
"""

from __future__ import annotations

import contextlib
import http
import itertools
import posixpath
import tarfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from helpers.engine.engine import LOST, EngineError
from helpers.host import disk_full
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from helpers.engine.engine import Engine

BLOCK = 1 << 20  # bytes that are unpacked at once
_SAVED_AT_ONCE = 2 << 20
_ZSTD_PIECE = 1 << 11  # packed bytes, of which a hostile layer makes up to 90 MB
READ_FAILURES = (  # what a broken archive, or a document of another shape, may raise
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    *(zlib.error, tarfile.TarError),
)


class ImageError(WorkbookError):
    """An image that the engine does not have, or whose layers cannot be read."""


@dataclass(frozen=True)
class Member:
    """One file of an image's save stream.

    ``kind`` is ``layer`` (a tar), ``document`` (JSON or a line of text) or ``link``, which has no
    ``chunks`` and stands for its ``target``. Its ``size`` is in bytes, as they are stored; ``packing``
    says how: ``gzip``, ``zstd`` or ``plain``.
    """

    name: str
    kind: str
    target: str
    packing: str
    size: int
    chunks: Iterator[bytes]

    def content(self) -> Iterator[bytes]:
        """Give its bytes unpacked. Raises `ImageError` when they are damaged."""
        return self.chunks if self.packing == "plain" else unpacked(self.chunks, self.packing)


def members(engine: Engine, image_id: str) -> Generator[Member, None, None]:
    """Give all that the engine stores of an image, in the order of ``docker save``, to the last byte.

    Asking for the next member skips the unread chunks of this one. A caller that stops half-way must
    close the generator, or the engine keeps waiting for its reader. Raises `ImageError` when
    the engine has no such image or its stream cannot be read, `EngineError` when it goes away.
    """
    try:
        with (
            contextlib.closing(_stream(engine, image_id)) as stream,
            tarfile.open(fileobj=cast(Any, forward := ForwardStream(stream)), mode="r:") as outer,
        ):
            while (member := outer.next()) is not None:
                if member.issym() or member.islnk():
                    yield Member(member.name, "link", _linked(member), "plain", 0, iter(()))
                elif member.isreg():
                    chunks = _exactly(forward, member.size)
                    head = _head(chunks)
                    kind, packing = _kind(head)
                    whole = _explained(itertools.chain([head], chunks), image_id)
                    yield Member(member.name, kind, "", packing, member.size, whole)
            forward.finish()
    except READ_FAILURES as error:
        raise unreadable(image_id, error) from error


def _explained(chunks: Iterator[bytes], image_id: str) -> Iterator[bytes]:
    """Give chunks; a failure while they are read becomes an `ImageError`."""
    try:
        yield from chunks
    except READ_FAILURES as error:
        raise unreadable(image_id, error) from error


def unreadable(image_id: str, error: BaseException) -> ImageError:
    """Turn Python's error about layers that are cut off or damaged into one sentence."""
    if disk_full.is_full(str(error)):
        return ImageError(disk_full.ENGINE_FULL)
    return ImageError(
        f"The layers of {image_id[:19]} could not be read from the engine ({error}); "
        "look whether the engine is well (`docker info`) and try again."
    )


def unknown_image(reference: str) -> str:
    """Return the sentence for an image that the engine does not have."""
    return f"The engine has no image {reference!r}; build or pull it first (`docker images` lists)."


def _stream(engine: Engine, image_id: str) -> Generator[bytes, None, None]:
    """Give the bytes of ``docker save``. Closing it tells the engine; the SDK's stream does not."""
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
        raise EngineError(LOST) from None


class ForwardStream:
    """A stream of bytes as a file for `tarfile`, which can be read and skipped forward, never back."""

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

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end of the stream; they stay to be read."""
        while len(self._chunk) < size and (chunk := next(self._chunks, b"")):
            self._chunk = memoryview(b"".join((self._chunk, chunk)) if self._chunk else chunk)
        return bytes(self._chunk[:size])

    def skip(self, size: int) -> None:
        """Pass ``size`` bytes. Raises `tarfile.ReadError` when the stream ends before."""
        self._passed += size
        while size > len(self._chunk):
            size -= len(self._chunk)
            self._chunk = memoryview(next(self._chunks, b""))
            if not self._chunk:
                raise tarfile.ReadError("unexpected end of data")
        self._chunk = self._chunk[size:]

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end of the stream."""
        if size <= len(self._chunk):
            piece, self._chunk = self._chunk[:size], self._chunk[size:]
            self._passed += size
            return bytes(piece)
        return b"".join(self.pieces(size))

    def seek(self, position: int) -> int:
        """Skip forward. Raises `tarfile.ReadError` for a place that has passed."""
        if position < self._passed:
            raise tarfile.ReadError("a stream cannot be wound back")
        for _ in self.pieces(position - self._passed):
            pass
        return self._passed

    def rest(self) -> Iterator[bytes]:
        """Give all that is left, as it comes."""
        while piece := next(self.pieces(BLOCK), b""):
            yield piece

    def finish(self) -> None:
        """Read what is left, so that every byte has passed."""
        self._passed += len(self._chunk) + sum(len(chunk) for chunk in self._chunks)
        self._chunk = memoryview(b"")


def unpacked(chunks: Iterable[bytes], packing: str) -> Iterator[bytes]:
    """Give the bytes of a ``gzip`` or ``zstd``. Raises `tarfile.ReadError` when it is damaged."""
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
            block = unpacker.decompress(packed, BLOCK)
        except failure as error:
            raise tarfile.ReadError(f"a compressed layer is damaged: {error}") from error
        if block:
            yield block
        packed = unpacker.unconsumed_tail


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    import zstandard

    unpacker = zstandard.ZstdDecompressor().decompressobj()
    try:
        for chunk in chunks:
            for begun in range(0, len(chunk), _ZSTD_PIECE):
                rest = bytes(chunk[begun : begun + _ZSTD_PIECE])
                while rest:
                    if unpacker.eof:
                        unpacker = zstandard.ZstdDecompressor().decompressobj()
                    if block := unpacker.decompress(rest):
                        yield block
                    rest = unpacker.unused_data
    except zstandard.ZstdError as error:
        raise tarfile.ReadError(f"a compressed layer is damaged: {error}") from error
    if not unpacker.eof:
        raise EOFError("a compressed layer ends early")


def _linked(member: tarfile.TarInfo) -> str:
    folder = posixpath.dirname(member.name) if member.issym() else ""
    return posixpath.normpath(posixpath.join(folder, member.linkname))


def _exactly(forward: ForwardStream, size: int) -> Iterator[bytes]:
    end = forward.tell() + size
    yield from forward.pieces(size)
    if forward.tell() != end:
        raise EOFError("the save stream ends early")


def _head(chunks: Iterator[bytes]) -> bytes:
    head = b""
    while len(head) < tarfile.BLOCKSIZE and (chunk := next(chunks, None)) is not None:
        head += chunk
    return head


def _kind(head: bytes) -> tuple[str, str]:
    """Tell from the first block of a member what it is, and how it is packed."""
    if head[:2] == b"\x1f\x8b":
        return "layer", "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return "layer", "zstd"
    if not head or head[:512] == bytes(tarfile.BLOCKSIZE) or _is_tar_header(head):
        return "layer", "plain"
    return "document", "plain"


def _is_tar_header(head: bytes) -> bool:
    """Whether a block's checksum is that of a tar's header, the oldest kind (v7) included."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "backslashreplace")
    except tarfile.HeaderError:
        return False
    return True
