"""Read the entries of a layer's tar: paths, kinds, sizes and owners.

An image can have a hundred thousand files, and `tarfile` takes most of the time of listing them. So this
module reads plain headers itself, and those that a pax header gives a longer name or number. Every other
header is left to `tarfile`: GNU's long names, sparse files, global pax headers, the oldest format. The
fields are those of POSIX.1-2017, utility "pax", section "ustar Interchange Format".
"""

from __future__ import annotations

import functools
import posixpath
import re
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from tarfile import BLOCKSIZE
from typing import Any, NamedTuple, Self, cast

from helpers.engine.saved import ForwardStream

# name, mode, uid, gid, size, (mtime,) checksum, kind, target of a link, (…,) the folders before the name
_FIELDS = struct.Struct("100s8s8s8s12s12x8sc100s88x155s12x")
_SIZE, _CHECKSUM, _KIND = slice(124, 136), slice(148, 156), slice(156, 157)
_PLAIN = {b"0": "file", b"1": "hardlink", b"2": "symlink", b"5": "directory"}
_PAX = b"x"
_LARGEST_PAX = 1 << 16  # bytes; a longer description is left to `tarfile`
_RECORD = re.compile(rb"(\d+) ([^=]+)=")
_OTHER_RECORDS = ("GNU.sparse.", "hdrcharset")
_END = bytes(BLOCKSIZE)
_REMEMBERED = 1 << 12  # fields of numbers, most of which come again


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


def entries(chunks: Iterable[bytes]) -> tuple[int, list[Entry]]:
    """Return the bytes of a tar, and its entries in their order.

    Raises `tarfile.ReadError` for a tar that is damaged or ends early.
    """
    forward = ForwardStream(chunks)
    others = _Others(forward)
    found: list[Entry] = []
    while (block := forward.peek(BLOCKSIZE)) and block != _END:
        entry = None if others.have_global else _plain(forward, block)
        if entry is None and (entry := others.next()) is None:
            break
        found.append(entry)
    forward.finish()
    return forward.tell(), found


def _plain(forward: ForwardStream, block: bytes) -> Entry | None:
    """Read an entry and pass its content; None, with nothing passed, when `tarfile` must read it."""
    try:
        if block[_KIND] == _PAX:
            length = 2 * BLOCKSIZE + _padded(_described(block))
            headers = forward.peek(length)
            entry = _replaced(_read(headers[-BLOCKSIZE:]), _records(headers[BLOCKSIZE:-BLOCKSIZE]))
        else:
            length, entry = BLOCKSIZE, _read(block)
    except (ValueError, struct.error):
        return None
    if entry.bytes < 0:
        return None
    forward.skip(length + _padded(entry.bytes))
    return entry


def _read(block: bytes) -> Entry:
    """Return the entry of a plain header. Raises `ValueError` or `struct.error` for any other."""
    name, mode, uid, gid, size, checksum, flag, target, folders = _FIELDS.unpack(block)
    kind = _PLAIN.get(flag)
    if kind is None or not _is_sound(block, checksum):
        raise ValueError(flag)
    path = _text(name)
    if folders[0]:
        path = f"{_text(folders)}/{path}"
    return Entry(
        _absolute(path),
        kind,
        _octal(size) if kind == "file" else 0,
        _octal(mode) & 0o7777,
        _octal(uid),
        _octal(gid),
        "" if kind == "file" else _target(kind, _text(target)),
    )


def _is_sound(block: bytes, checksum: bytes) -> bool:
    """Whether a header has its checksum: the sum of its bytes, with spaces in the checksum's own place.

    The lower half of Adler-32 is one more than the sum of the bytes, modulo 65521 (RFC 1950).
    """
    return _half_adler(checksum) == zlib.adler32(block) & 0xFFFF


@functools.lru_cache(maxsize=_REMEMBERED)
def _half_adler(checksum: bytes) -> int:
    """Return the lower half of the Adler-32 that a header with this checksum has."""
    return (1 + _octal(checksum) - sum(b" " * 8) + sum(checksum)) % 65_521


def _described(block: bytes) -> int:
    """Return the length of a pax header's records. Raises `ValueError` when `tarfile` must read them."""
    size = _octal(block[_SIZE])
    if not 0 < size <= _LARGEST_PAX or not _is_sound(block, block[_CHECKSUM]):
        raise ValueError(size)
    return size


def _records(text: bytes) -> dict[str, str]:
    """Return the records of a pax header, "length keyword=value" each, with zeros behind them.

    Raises `ValueError` for records that are malformed, or change more than names and numbers.
    """
    found: dict[str, str] = {}
    at = 0
    while match := _RECORD.match(text, at):
        end = at + int(match[1])
        if text[end - 1 : end] != b"\n" or end <= match.end():
            raise ValueError(match[0])
        found[match[2].decode()] = _decoded(text[match.end() : end - 1])
        at = end
    if text[at:].strip(b"\0") or any(key.startswith(_OTHER_RECORDS) for key in found):
        raise ValueError(text)
    return found


def _replaced(entry: Entry, records: Mapping[str, str]) -> Entry:
    """Return an entry with what a pax header says in place of its own names and numbers."""
    changed: dict[str, Any] = {key: int(records[key]) for key in ("uid", "gid") if key in records}
    if "path" in records:
        changed["path"] = _absolute(records["path"])
    if "linkpath" in records:
        changed["target"] = _target(entry.kind, records["linkpath"])
    if "size" in records and entry.kind == "file":
        changed["bytes"] = int(records["size"])
    return entry._replace(**changed)


@functools.lru_cache(maxsize=_REMEMBERED)
def _octal(field: bytes) -> int:
    return int(field.partition(b"\0")[0].strip() or b"0", 8)


def _text(field: bytes) -> str:
    return _decoded(field.partition(b"\0")[0])


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def _padded(size: int) -> int:
    return -(-size // BLOCKSIZE) * BLOCKSIZE


def _absolute(name: str) -> str:
    return posixpath.normpath("/" + name.lstrip("/"))


def _target(kind: str, name: str) -> str:
    if kind == "symlink":
        return name
    return _absolute(name) if kind == "hardlink" else ""


class _Others:
    """Reads with `tarfile` the entries whose headers are not plain, each where the stream stands."""

    def __init__(self, forward: ForwardStream) -> None:
        self._forward = forward
        self._tar: tarfile.TarFile | None = None

    @property
    def have_global(self) -> bool:
        """Whether a global pax header was read, which holds for all entries that follow."""
        return bool(self._tar and self._tar.pax_headers)

    def next(self) -> Entry | None:
        """Read an entry and pass its content; None at the end of the tar."""
        if self._tar:
            self._tar.offset = self._forward.tell()
        else:
            self._tar = self._opened()
        if (member := self._tar.next()) is None:
            return None
        self._tar.members.clear()  # type: ignore[attr-defined]
        end: int = self._tar.offset
        if member.issparse() and "size" in member.pax_headers:
            end = _end_of_sparse(member)
        self._forward.skip(end - self._forward.tell())
        return _entry(member)

    def _opened(self) -> tarfile.TarFile:
        return tarfile.open(
            fileobj=cast(Any, self._forward),
            mode="r:",
            tarinfo=_Header,
            encoding="utf-8",
            errors="backslashreplace",
        )


class _Header(tarfile.TarInfo):
    """A tar header that raises an error when it is damaged; `tarfile` takes it for the tar's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"a damaged header in a layer: {error}") from error


def _end_of_sparse(member: tarfile.TarInfo) -> int:
    """Return the offset where the stored pieces of a sparse file end; `tarfile` counts its holes too."""
    stored: int = sum(size for _, size in cast(Any, member).sparse)
    return member.offset_data + _padded(stored)


def _entry(member: tarfile.TarInfo) -> Entry:
    kind, size = "device", 0
    if member.isdir():
        kind = "directory"
    elif member.issym():
        kind = "symlink"
    elif member.islnk():
        kind = "hardlink"
    elif member.isreg():
        kind, size = "file", member.size
    if size < 0:
        raise tarfile.ReadError(f"{member.name!r} has a size below zero")
    mode, target = member.mode & 0o7777, _target(kind, member.linkname)
    return Entry(_absolute(member.name), kind, size, mode, member.uid, member.gid, target)


def is_whiteout(entry: Entry) -> bool:
    """Whether an entry only marks that a path of the layers below is deleted."""
    return ".wh." in entry.path and posixpath.basename(entry.path).startswith(".wh.")
