"""Facts about a finished image: its layers with their instructions, its bytes, its files, its waste.

This module never runs, builds or changes an image. `helpers.image.layers` reads the layers;
`helpers.image.composition` says what the files are for.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import posixpath
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from helpers import engine as engines
from helpers.engine import ImageError, in_touch, saved
from helpers.engine import container as containers
from helpers.host.tables import MB
from helpers.image import filesystem, layers, os_packages
from helpers.image.filesystem import Files, Waste
from helpers.image.layer_tar import Entry
from helpers.image.layers import Stored, Wanted
from helpers.image.os_packages import Inventory

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from helpers.engine import Engine

UNKNOWN = "(the image does not say)"
_LINKS = 8  # symbolic links followed to reach a file


@dataclass(frozen=True)
class Layer:
    """One layer: ``digest`` is the digest of its uncompressed tar; ``files`` does not count folders."""

    digest: str
    instruction: str
    uncompressed_bytes: int
    compressed_bytes: int
    files: int
    from_base: bool


@dataclass(frozen=True)
class ImageFacts:
    """A finished image: the settings that it starts with, and its layers.

    ``compressed_exact`` is True when the engine's store holds every layer compressed. Otherwise the
    compressed bytes are computed; their sum is within 2 % of the bytes of a push.
    """

    reference: str
    id: str
    digest: str | None
    created: datetime.datetime | None
    architecture: str
    os: str
    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    layers: tuple[Layer, ...]
    compressed_exact: bool

    @property
    def uncompressed_bytes(self) -> int:
        """The sum of the layers' bytes, uncompressed."""
        return sum(layer.uncompressed_bytes for layer in self.layers)

    @property
    def compressed_bytes(self) -> int:
        """The sum of the layers' bytes, compressed, as a registry holds them."""
        return sum(layer.compressed_bytes for layer in self.layers)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each layer, in the order of the instructions."""
        import pandas as pd

        return pd.DataFrame(
            {
                "layer": range(1, len(self.layers) + 1),
                "instruction": [layer.instruction for layer in self.layers],
                "from base": [layer.from_base for layer in self.layers],
                "files": [layer.files for layer in self.layers],
                "uncompressed MB": [layer.uncompressed_bytes / MB for layer in self.layers],
                "compressed MB": [layer.compressed_bytes / MB for layer in self.layers],
                "digest": [layer.digest for layer in self.layers],
            }
        )

    def _repr_html_(self) -> str:
        table = self.to_frame().drop(columns="digest").round(1).to_html(index=False, border=0)
        return (
            f"<p><b>{escape(self.reference)}</b>: {self.uncompressed_bytes / MB:,.1f} MB "
            f"uncompressed, {self.compressed_bytes / MB:,.1f} MB compressed, "
            f"{len(self.layers)} layers, {escape(self.os)}/{escape(self.architecture)}, "
            f"user {escape(self.user or 'root')}</p>{table}"
        )


class Image:
    """A finished image in an engine. Each fact is read when it is first asked for, and then kept.

    ``id`` is the engine's digest of the image; messages call the image ``name``. Every property and
    method raises `ImageError` when the engine has no such image or its layers cannot be read, and
    `EngineError` when the engine goes away.
    """

    def __init__(self, engine: Engine, image_id: str, name: str = "") -> None:
        self.engine = engine
        self.id = image_id
        self.name = name or image_id

    def __repr__(self) -> str:
        return f"Image({self.name!r})"

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The settings that a container starts with, by Docker's names (``User``, ``Cmd`` …)."""
        return dict(self._shown["Config"] or {})

    @cached_property
    def uncompressed_bytes(self) -> int:
        """The bytes of its layers, uncompressed.

        With an engine that keeps layers unpacked, this is exactly the engine's own ``Size``. With the
        containerd store, ``Size`` counts the compressed blobs (Engine 26), and the sizes in its history
        count disk blocks. There this is the sum of the contents of the layers' files, as the other
        engines count them.
        """
        if self.engine.store != "containerd":
            return int(self._shown["Size"])
        return sum(listing.content_bytes for listing in self._scan(Wanted()).layers)

    @cached_property
    def compressed_bytes(self) -> int:
        """The bytes of its layers as a registry holds them: one gzip for each layer.

        They are exact when the engine's store holds the layers compressed; otherwise they are computed.
        A layer that was read before is not read again.
        """
        stored = self._scan(Wanted(compressed=True))
        return sum(listing.compressed_bytes or 0 for listing in stored.layers)

    @cached_property
    def disk_usage_bytes(self) -> int:
        """The bytes that `docker images` shows for it: its SIZE, or its DISK USAGE from Docker 29 on.

        An engine that keeps only unpacked layers shows `uncompressed_bytes`. The containerd store keeps
        each layer compressed too; it counts both, and the attestations that a build attached.
        """
        return _listed_bytes(self.engine, self._shown)

    @property
    def files(self) -> Files:
        """The files that a container sees, all layers merged."""
        return self._merged[0]

    @property
    def waste(self) -> Waste:
        """The files that its layers store and later layers hide."""
        return self._merged[1]

    def entries(self, layer: int) -> tuple[Entry, ...]:
        """Return all entries of one layer, whiteouts included; layer 0 is the lowest of the base."""
        return self._scan(Wanted(entries=True)).layers[layer].entries

    @cached_property
    def packages(self) -> Inventory:
        """The packages of its operating system, according to its package manager's database."""
        return os_packages.read(self)

    def facts(self, bases: Sequence[str] = ()) -> ImageFacts:
        """Return the settings that it starts with, and its layers with their instructions and sizes.

        ``bases`` holds the names of the images that it was built on, or the digests of their layers.
        The layers that come from these images are marked.
        """
        stored = self._scan(Wanted(compressed=True))
        settings = stored.config.get("config") or {}
        return ImageFacts(
            reference=self.name,
            id=self.id,
            digest=_digest(self._shown),
            created=_moment(stored.config.get("created")),
            architecture=str(stored.config.get("architecture", "")),
            os=str(stored.config.get("os", "")),
            user=settings.get("User") or "",
            entrypoint=tuple(settings.get("Entrypoint") or ()),
            command=tuple(settings.get("Cmd") or ()),
            environment=dict(pair.split("=", 1) for pair in settings.get("Env") or () if "=" in pair),
            labels=dict(settings.get("Labels") or {}),
            layers=self._layers(stored, bases),
            compressed_exact=all(listing.exact for listing in stored.layers),
        )

    def read(self, path: str) -> bytes:
        """Return the content of one file, following links, without running the image.

        Raises `ImageError` when there is no file at the path.
        """
        found = list(_contents(self, path))
        if len(found) != 1 or found[0][1] is None:
            raise ImageError(f"{path} is a folder in the image {self.name!r}; name a file in it.")
        return found[0][1]

    def read_folder(self, path: str) -> dict[str, bytes]:
        """Return the files under a folder, by absolute path; empty when there is no such folder."""
        path = path.rstrip("/")
        try:
            found = list(_contents(self, path))
        except _NoFileError:
            return {}
        inside = ((name.partition("/")[2], content) for name, content in found)
        return {f"{path}/{name}": content for name, content in inside if content is not None}

    def extract(self, path: str, into: Path) -> None:
        """Unpack a file or folder into a folder of this machine, with its links and modes.

        Nothing is ever written outside ``into``. Raises `ImageError` when there is nothing at the path.
        """
        with _archive(self, path) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(into, filter="data")
            else:  # Python before 3.11.4
                for member in filter(_stays_inside, archive):
                    archive.extract(member, into)

    @cached_property
    def _shown(self) -> dict[str, Any]:
        return _inspected(self.engine, self.id)

    @cached_property
    def _merged(self) -> tuple[Files, Waste]:
        stored = self._scan(Wanted(entries=True))
        files, wasted = filesystem.merge([listing.entries for listing in stored.layers])
        return files, Waste(tuple(_instructions(stored)), wasted)

    def _scan(self, wanted: Wanted) -> Stored:
        return layers.scan(self.engine, self.id, wanted)

    def _layers(self, stored: Stored, bases: Sequence[str]) -> tuple[Layer, ...]:
        digests = layers.diff_ids(stored.config)
        of_bases = _digests_of_bases(self.engine, bases, digests)
        return tuple(
            Layer(
                digest=digest,
                instruction=f"base image: {words}" if digest in of_bases else words,
                uncompressed_bytes=size,
                compressed_bytes=listing.compressed_bytes or 0,
                files=listing.files,
                from_base=digest in of_bases,
            )
            for digest, words, size, listing in zip(
                digests, _instructions(stored), self._sizes(stored), stored.layers, strict=True
            )
        )

    def _sizes(self, stored: Stored) -> list[int]:
        """Return the bytes of each layer, as the engine counts them if its figures can be used.

        Otherwise these are the bytes of each layer's files. The engine counts the symbolic links of a
        pulled layer by the length of their targets, and those of a built layer as 0 bytes. So only the
        engine's own figures add up to its own sum.
        """
        counted = [listing.content_bytes for listing in stored.layers]
        if self.engine.store == "containerd":
            return counted
        rows = list(reversed(self.engine.client.api.history(self.id)))
        flags = [bool(row.get("empty_layer")) for row in stored.config.get("history") or ()]
        if len(rows) != len(flags):
            return counted
        sizes = [int(row["Size"]) for row, empty in zip(rows, flags, strict=True) if not empty]
        return sizes if len(sizes) == len(counted) else counted


def find(reference: str, engine: Engine | None = None) -> Image:
    """Return the image of a name or id. Raises `ImageError` when the engine has none."""
    engine = engine or engines.find()
    return Image(engine, _inspected(engine, reference)["Id"], reference)


def _stays_inside(member: tarfile.TarInfo) -> bool:
    """Whether a member is a file, folder or link that stays, with its target, inside the folder."""
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return False
    start = posixpath.dirname(member.name) if member.issym() else ""
    reached = [member.name, posixpath.join(start, member.linkname)]
    return not any(posixpath.normpath(path).startswith(("/", "..")) for path in reached)


class _NoFileError(ImageError):
    """The image does not have the file that was asked for."""


@in_touch()
def _inspected(engine: Engine, reference: str) -> dict[str, Any]:
    from docker.errors import APIError, ImageNotFound, NullResource

    try:
        return dict(engine.client.api.inspect_image(reference))
    except (ImageNotFound, NullResource) as error:
        raise ImageError(saved.unknown_image(reference)) from error
    except APIError as error:
        raise ImageError(
            f"{reference!r} is no image that the engine can show ({error.explanation}); "
            "use a name as `docker images` lists it."
        ) from error


@in_touch()
def _listed_bytes(engine: Engine, shown: Mapping[str, Any]) -> int:
    tags = shown.get("RepoTags") or ()
    for row in engine.client.api.images(filters={"reference": tags[0]} if tags else None):
        if row["Id"] == shown["Id"]:
            return int(row["Size"])
    raise ImageError(f"`docker images` does not list {shown['Id']}; give the image a tag.")


def _digest(shown: Mapping[str, Any]) -> str | None:
    descriptor = (shown.get("Descriptor") or {}).get("digest")
    names = shown.get("RepoDigests") or ()
    return descriptor or (str(names[0]).partition("@")[2] if names else None)


def _moment(text: str | None) -> datetime.datetime | None:
    if not text or text.startswith("0001-"):
        return None
    with contextlib.suppress(ValueError):
        return datetime.datetime.fromisoformat(text)
    return None


def _digests_of_bases(engine: Engine, bases: Sequence[str], digests: Sequence[str]) -> set[str]:
    found = {base for base in bases if base in digests}
    for base in bases:
        if base not in found:
            found.update(_inspected(engine, base)["RootFS"].get("Layers") or ())
    return found


# The instruction that made a layer


def _instructions(stored: Stored) -> list[str]:
    history = stored.config.get("history") or ()
    made = [instruction(row.get("created_by") or "") for row in history if not row.get("empty_layer")]
    if len(made) != len(stored.layers):
        return [UNKNOWN] * len(stored.layers)
    return made


def instruction(created_by: str) -> str:
    """Return an instruction as it was written in the Dockerfile, from a builder's record of it."""
    text = re.sub(r"\s+", " ", created_by).strip().removesuffix("# buildkit").strip()
    text = re.sub(r"(ADD|COPY) (file|dir|multi):[0-9a-f]{64} in ", r"\1 \2 ", text)
    text = _without_arguments(text)
    classic = re.match(r"^/bin/\w*sh -c #\(nop\) +(.*)$", text)
    if classic:
        return classic[1]
    shell = re.match(r"^(?:RUN )?/bin/\w*sh(?: -o pipefail| -\w*?)*? -\w*c (.*)$", text)
    return f"RUN {shell[1]}" if shell else text or UNKNOWN


def _without_arguments(text: str) -> str:
    """Remove the build arguments from a record such as ``RUN |2 A=1 B=two words /bin/sh -c make``.

    Nothing marks the end of the last value. It ends before a shell such as ``/bin/sh``; where no shell
    follows, the value is one word.
    """
    begin = re.match(r"(RUN )?\|(\d+) ", text)
    if not begin:
        return text
    rest, count = text[begin.end() :], int(begin[2])
    names = list(re.finditer(r"(?:^|(?<= ))[A-Za-z_]\w*=", rest))
    if len(names) < count:
        return text
    last = rest[names[count - 1].end() :] if count else f" {rest}"
    shell = re.search(r" (?=/bin/\w*sh -)", last)
    return (begin[1] or "") + (last[shell.end() :] if shell else last.partition(" ")[2])


# Single files, read through a container that never starts


def _contents(image: Image, path: str) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name and content of each entry under a path of an image; None for all but files."""
    with _archive(image, path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            yield member.name, content.read() if content else None


@contextlib.contextmanager
def _archive(image: Image, path: str) -> Iterator[tarfile.TarFile]:
    """Open the file or folder at a path of an image as a tar, following links."""
    from docker.errors import APIError, NotFound

    options = {"command": ["never-run"], "network_disabled": True}
    with containers.created(image.id, engine=image.engine, options=options) as container:
        made: Any = container
        try:
            for _ in range(_LINKS):
                chunks, stat = made.get_archive(path)
                target = str(stat.get("linkTarget") or "")
                if not target or target == path:
                    break
                chunks.close()
                path = target
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                yield archive
        except NotFound:
            raise _NoFileError(
                f"There is no {path} in the image {image.name!r}; check the path."
            ) from None
        except APIError as error:
            raise ImageError(f"{path} of {image.name!r} cannot be read: {error.explanation}.") from None
