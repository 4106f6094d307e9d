"""Put finished layers together into an image and load it into an engine.

The archive is streamed to ``docker load``; it never lies on disk as a whole. The same layers and
the same settings give the same image id. It neither makes layers nor names images.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from helpers.bases.image_writer import EPOCH, Layer
from helpers.host import disk_full
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from helpers.engine.engine import Engine

_CHUNK = 1 << 20


class LoadError(WorkbookError):
    """The engine did not take an image."""


@dataclass(frozen=True)
class ImageSettings:
    """What an image says of how to run it."""

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
    """Load an image made of ``layers`` under ``tag``. Raises `LoadError` with the engine's reason.

    ``check`` is called again and again, and stops it by raising an error of its own.
    """
    feed(engine, archive(tag, layers, settings), tag, check)


def feed(
    engine: Engine,
    stream: Iterator[bytes],
    what: str,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Have the engine load an archive that comes piece by piece; ``what`` names it in an error.

    ``check`` and the error raised are those of `load`.
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
            raise LoadError(disk_full.explained(reason, f"Docker did not load {what}: {reason}"))


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
    """Give the bytes of the image's archive, piece by piece."""
    return archive_of([(tag, layers, settings)])


def archive_of(images: Iterable[tuple[str, Sequence[Layer], ImageSettings]]) -> Iterator[bytes]:
    """Give the bytes of one archive of several images; a layer that they share is in it once."""
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
