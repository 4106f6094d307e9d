"""Turn folders into image layers, put layers together into an image, and load it into an engine.

A layer is a tar of part of a folder: entries are sorted, owners are numbers, no date is later than
`EPOCH`. Layers are kept gzipped for the next use, which is smaller on disk and suits a containerd image
store. An image's archive is streamed to ``docker load``; it is never on disk as a whole. The same layers
and settings give the same image id. The callers choose the contents of a layer and the image's name.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from zlib_ng import gzip_ng

from helpers.host import disk_full
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

if TYPE_CHECKING:
    from helpers.engine import Engine

EPOCH = 1767225600  # 2026-01-01, the date of every file that is not older
_COMPRESSION = 6
_EMPTIED = ("dev", "proc", "sys", "run")
_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Layer:
    """A finished layer: its file, and the digests of the tar (``diff_id``) and of the gzipped file."""

    title: str
    file: Path
    diff_id: str
    digest: str
    size: int
    uncompressed: int


@dataclass(frozen=True)
class LayerSource:
    """The files that become a layer: the relative ``paths`` of ``tree`` in any order; None means all.

    Everything belongs to root, except the paths that ``owners`` gives to another user with all that is
    below them. Everyone can read each file, and run it if its owner can, except as ``modes`` says. With
    ``as_on_disk`` the owners and modes are those on disk.
    """

    title: str
    tree: Path
    paths: Iterable[str] | None = None
    owners: Mapping[str, int] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    as_on_disk: bool = False


@dataclass(frozen=True)
class LayerRecipe:
    """Layers that are made together. ``facts`` names everything that they depend on."""

    facts: tuple[str, ...]
    make: Callable[[Workshop, Path], list[LayerSource]] = field(compare=False)

    @property
    def key(self) -> str:
        """The name of these layers in the cache."""
        return key_of(self.facts)


def key_of(facts: Iterable[str]) -> str:
    """Return a short name that stands for exactly these facts."""
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]


def layers_of(recipe: LayerRecipe, workshop: Workshop) -> list[Layer]:
    """Return the layers of a recipe; they are made if they are missing or damaged."""
    home = workshop.folder / "layers" / recipe.key
    with workshop.lock(f"layers-{recipe.key}"):
        found = _kept(home)
        if found is None:
            found = _make(recipe, workshop, home)
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


def _make(recipe: LayerRecipe, workshop: Workshop, home: Path) -> list[Layer]:
    with workshop.scratch() as scratch:
        done = scratch / "done"
        done.mkdir()
        sources = recipe.make(workshop, scratch)
        files = [done / f"{n}.tar.gz" for n in range(1, len(sources) + 1)]
        with ThreadPoolExecutor(max_workers=2) as pool:
            layers = list(pool.map(write, sources, files))
        rows = [{**asdict(layer), "file": layer.file.name} for layer in layers]
        (done / "layers.json").write_text(json.dumps(rows, indent=1))
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        done.rename(home)
    return [Layer(**{**asdict(layer), "file": home / layer.file.name}) for layer in layers]


def write(source: LayerSource, file: Path) -> Layer:
    """Write one layer to ``file``."""
    with file.open("wb") as target:
        packed = _Counted(target)
        with _gzip(packed) as zipped:
            plain = _Counted(zipped)
            _write_tar(source, plain)
    return Layer(source.title, file, plain.digest, packed.digest, packed.count, plain.count)


def _gzip(target: _Counted) -> gzip_ng.GzipNGFile:
    return gzip_ng.GzipNGFile(  # type: ignore[no-untyped-call]
        filename="", fileobj=target, mode="wb", compresslevel=_COMPRESSION, mtime=0
    )


class _Writer(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class _Counted:
    """A writable file that counts and hashes the bytes written to it."""

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


def _write_tar(source: LayerSource, target: _Counted) -> None:
    first_names: dict[tuple[int, int], str] = {}
    with tarfile.open(
        fileobj=cast("IO[bytes]", target),
        mode="w|",
        format=tarfile.GNU_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
        bufsize=1 << 20,
    ) as tar:
        for name in _with_parents(source):
            info = _entry(source, name, first_names)
            if info.isreg():
                with (source.tree / name).open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)


def _with_parents(source: LayerSource) -> list[str]:
    names = everything(source.tree) if source.paths is None else source.paths
    wanted: set[str] = set()
    for name in names:
        wanted.add(name)
        wanted.update(str(parent) for parent in Path(name).parents)
    wanted.discard(".")
    return sorted(wanted)


def everything(tree: Path) -> list[str]:
    """Return all paths of a tree, except those below ``/dev``, ``/proc``, ``/sys`` and ``/run``."""
    found = []
    for folder, folders, files in os.walk(tree):
        inside = Path(folder).relative_to(tree)
        if str(inside) in _EMPTIED:
            folders.clear()
            continue
        found += [str(inside / name) for name in (*folders, *files)]
    return found


def _entry(source: LayerSource, name: str, first_names: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    path = source.tree / name
    status = path.lstat()
    info = tarfile.TarInfo(name)
    info.mtime = min(int(status.st_mtime), EPOCH)
    if source.as_on_disk:
        info.mode, info.uid, info.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    else:
        info.mode = source.modes.get(name, 0o755 if status.st_mode & stat.S_IXUSR else 0o644)
        info.uid = info.gid = _owner(source, name)
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


def _owner(source: LayerSource, name: str) -> int:
    for path in (Path(name), *Path(name).parents):
        if str(path) in source.owners:
            return source.owners[str(path)]
    return 0


@dataclass(frozen=True)
class ImageSettings:
    """The settings in an image's configuration, which say how to run it."""

    architecture: str
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    folder: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def load(
    engine: Engine,
    tag: str,
    layers: Sequence[Layer],
    settings: ImageSettings,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Load an image made of ``layers`` under ``tag``. Raises `WorkbookError` with the engine's reason.

    ``check`` is called repeatedly; an error that it raises stops the loading.
    """
    feed(engine, archive(tag, layers, settings), tag, check)


def feed(
    engine: Engine,
    stream: Iterator[bytes],
    what: str,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Let the engine load an archive that comes piece by piece; ``what`` names it in an error.

    ``check`` and the errors are those of `load`.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            engine.command("load", "--quiet"),
            env=engine.process_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            _feed(process, stream, check)
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code:
            said.seek(0)
            reason = (said.read().strip().splitlines() or ["no reason given"])[-1]
            raise WorkbookError(disk_full.explained(reason, f"Docker did not load {what}: {reason}"))


def _feed(process: subprocess.Popen[bytes], stream: Iterator[bytes], check: Callable[[], None]) -> None:
    assert process.stdin is not None  # noqa: S101  # Popen was given a pipe
    try:
        for chunk in stream:
            check()
            process.stdin.write(chunk)
        process.stdin.close()
    except BrokenPipeError:
        return


def archive(tag: str, layers: Sequence[Layer], settings: ImageSettings) -> Iterator[bytes]:
    """Yield the bytes of the image's archive, piece by piece."""
    return archive_of([(tag, layers, settings)])


def archive_of(images: Iterable[tuple[str, Sequence[Layer], ImageSettings]]) -> Iterator[bytes]:
    """Yield the bytes of one archive with several images; a shared layer is in it once."""
    manifest, kept = [], set()
    for tag, layers, settings in images:
        config = json.dumps(_config(layers, settings), sort_keys=True).encode()
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        files = [f"{layer.diff_id.removeprefix('sha256:')}.tar.gz" for layer in layers]
        manifest.append({"Config": name, "RepoTags": [tag], "Layers": files})
        if name not in kept:
            yield from _member(name, len(config), io.BytesIO(config))
        for file, layer in zip(files, layers, strict=True):
            if file not in kept:
                with layer.file.open("rb") as opened:
                    yield from _member(file, layer.size, opened)
        kept |= {name, *files}
    described = json.dumps(manifest).encode()
    yield from _member("manifest.json", len(described), io.BytesIO(described))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, size: int, content: io.BufferedIOBase) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, EPOCH
    yield info.tobuf(tarfile.GNU_FORMAT)
    while chunk := content.read(_CHUNK):
        yield chunk
    yield bytes(-size % tarfile.BLOCKSIZE)


def _config(layers: Sequence[Layer], settings: ImageSettings) -> dict[str, Any]:
    created = datetime.datetime.fromtimestamp(EPOCH, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    history = [{"created": created, "created_by": layer.title} for layer in layers]
    run = {
        "Env": [f"{name}={value}" for name, value in settings.environment.items()],
        "Entrypoint": list(settings.entrypoint) or None,
        "Cmd": list(settings.command) or None,
        "User": settings.user,
        "WorkingDir": settings.folder,
        "Labels": dict(settings.labels),
    }
    return {
        "architecture": settings.architecture,
        "os": "linux",
        "created": created,
        "config": {key: value for key, value in run.items() if value},
        "history": history,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
