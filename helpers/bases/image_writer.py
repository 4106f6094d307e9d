"""Turn folders into image layers that come out the same each time, and keep them for the next use.

A layer is a tar of part of a folder: entries sorted, owners numeric, no date later than `EPOCH`.
It is kept gzipped, because that is smaller on disk and what a containerd image store wants. This
module neither decides what is in a layer nor puts layers together into an image.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Protocol, cast

from zlib_ng import gzip_ng

from helpers.host.workshop import Workshop

EPOCH = 1767225600  # 2026-01-01, the date of everything that has no older one of its own
_COMPRESSION = 6
_EMPTIED = ("dev", "proc", "sys", "run")


@dataclass(frozen=True)
class Layer:
    """A finished layer: its file, the digest of the tar (``diff_id``) and of the gzipped file."""

    title: str
    file: Path
    diff_id: str
    digest: str
    size: int
    uncompressed: int


@dataclass(frozen=True)
class Draft:
    """What is to become a layer: ``paths`` of ``tree`` (all when None), relative, in any order.

    Everything belongs to root but what ``owners`` gives to another user, together with what is
    below it. Everything can be read by all, and run by all if its owner can, but for ``modes``. With
    ``as_on_disk`` owners and modes are those on disk.
    """

    title: str
    tree: Path
    paths: Iterable[str] | None = None
    owners: Mapping[str, int] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    as_on_disk: bool = False


@dataclass(frozen=True)
class Part:
    """Layers that are made together. ``facts`` is all that they depend on."""

    facts: tuple[str, ...]
    make: Callable[[Workshop, Path], list[Draft]] = field(compare=False)

    @property
    def key(self) -> str:
        """The part's name in the cache."""
        return hashlib.sha256("\0".join(self.facts).encode()).hexdigest()[:16]


def layers_of(part: Part, workshop: Workshop) -> list[Layer]:
    """Return the layers of a part, made when they are not there or no longer whole."""
    home = workshop.folder / "layers" / part.key
    with workshop.lock(f"layers-{part.key}"):
        found = _kept(home)
        if found is None:
            found = _make(part, workshop, home)
        return found


def _kept(home: Path) -> list[Layer] | None:
    try:
        rows = json.loads((home / "layers.json").read_text())
        layers = [Layer(**{**row, "file": home / row["file"]}) for row in rows]
        return layers if all(_whole(layer) for layer in layers) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _whole(layer: Layer) -> bool:
    with layer.file.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" == layer.digest


def _make(part: Part, workshop: Workshop, home: Path) -> list[Layer]:
    with workshop.scratch() as scratch:
        done = scratch / "done"
        done.mkdir()
        drafts = part.make(workshop, scratch)
        files = [done / f"{n}.tar.gz" for n in range(1, len(drafts) + 1)]
        with ThreadPoolExecutor(max_workers=2) as pool:
            layers = list(pool.map(write, drafts, files))
        rows = [{**asdict(layer), "file": layer.file.name} for layer in layers]
        (done / "layers.json").write_text(json.dumps(rows, indent=1))
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        done.rename(home)
    return [Layer(**{**asdict(layer), "file": home / layer.file.name}) for layer in layers]


def write(draft: Draft, file: Path) -> Layer:
    """Write one layer to ``file``."""
    with file.open("wb") as target:
        packed = _Counted(target)
        with _gzip(packed) as zipped:
            plain = _Counted(zipped)
            _write_tar(draft, plain)
    return Layer(draft.title, file, plain.digest, packed.digest, packed.count, plain.count)


def _gzip(target: _Counted) -> gzip_ng.GzipNGFile:
    return gzip_ng.GzipNGFile(  # type: ignore[no-untyped-call]
        filename="", fileobj=target, mode="wb", compresslevel=_COMPRESSION, mtime=0
    )


class _Writer(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class _Counted:
    """A writable file that counts and digests what goes through it."""

    def __init__(self, target: _Writer) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.count = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.count += len(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _write_tar(draft: Draft, target: _Counted) -> None:
    first_names: dict[tuple[int, int], str] = {}
    with tarfile.open(
        fileobj=cast("IO[bytes]", target),
        mode="w|",
        format=tarfile.GNU_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
        bufsize=1 << 20,
    ) as tar:
        for name in _with_parents(draft):
            info = _entry(draft, name, first_names)
            if info.isreg():
                with (draft.tree / name).open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)


def _with_parents(draft: Draft) -> list[str]:
    names = everything(draft.tree) if draft.paths is None else draft.paths
    wanted: set[str] = set()
    for name in names:
        wanted.add(name)
        wanted.update(str(parent) for parent in Path(name).parents)
    wanted.discard(".")
    return sorted(wanted)


def everything(tree: Path) -> list[str]:
    """Return all paths of a tree but what is below ``/dev``, ``/proc``, ``/sys`` and ``/run``."""
    found = []
    for folder, folders, files in os.walk(tree):
        inside = Path(folder).relative_to(tree)
        if str(inside) in _EMPTIED:
            folders.clear()
            continue
        found += [str(inside / name) for name in (*folders, *files)]
    return found


def _entry(draft: Draft, name: str, first_names: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    path = draft.tree / name
    status = path.lstat()
    info = tarfile.TarInfo(name)
    info.mtime = min(int(status.st_mtime), EPOCH)
    if draft.as_on_disk:
        info.mode, info.uid, info.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    else:
        info.mode = draft.modes.get(name, 0o755 if status.st_mode & stat.S_IXUSR else 0o644)
        info.uid = info.gid = _owner(draft, name)
    if stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif (inode := (status.st_dev, status.st_ino)) in first_names:
        info.type, info.linkname = tarfile.LNKTYPE, first_names[inode]
    else:
        first_names[inode] = name
        info.size = status.st_size
    return info


def _owner(draft: Draft, name: str) -> int:
    for path in (Path(name), *Path(name).parents):
        if str(path) in draft.owners:
            return draft.owners[str(path)]
    return 0
