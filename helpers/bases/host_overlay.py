"""Lay this host's settings (`host_settings`) over an image in which npm runs.

A stand-in carries them as its last layer; for a real base an image of our own is made from it with
that one layer more. The real one stays as it is, and the new one never bears its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.bases import image_writer
from helpers.bases.host_settings import HostSettings
from helpers.bases.image_writer import Draft, Part
from helpers.engine import container as containers
from helpers.host import disk_full
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

if TYPE_CHECKING:
    from helpers.engine.engine import Engine

LABEL = "workbook"
LABEL_VALUE = "host-overlay"
KEY_LABEL = "workbook.recipe"
_REVISION = "1"
_OURS = "localhost/workbook-"


class OverlayError(WorkbookError):
    """The host's settings could not be laid over an image."""


def parts(host: HostSettings) -> tuple[Part, ...]:
    """Return the one layer with the host's settings, or none when it has none."""

    def make(_workshop: Workshop, scratch: Path) -> list[Draft]:
        host.write(scratch / "tree")
        return [Draft(f"workbook: {host.phrase}", scratch / "tree")]

    return (Part(("host", host.key, _REVISION), make),) if host else ()


def serves(name: str) -> bool:
    """Whether npm runs in the image of that name."""
    return re.fullmatch(r"(.*/)?node([:@].*)?", name) is not None


def local_name(kind: str, name: str) -> str:
    """Return our name for the image of a ``kind`` (``standin``, ``ca``) that serves for ``name``.

    It begins with ``localhost/``, which leads to no registry: an image that is missing is never fetched
    from somebody who happened to register the name.
    """
    plain, _, digest = name.partition("@sha256:")
    path, _, last = plain.rpartition("/")
    tagged = f"{path.replace(':', '/')}/{last}".lstrip("/")
    if ":" not in last:
        tagged += ":latest"
    return f"{_OURS}{kind}/{tagged}" + (f"-{digest[:12]}" if digest else "")


def tag(name: str) -> str:
    """Return the name of the image that overlays ``name``."""
    return local_name("ca", name)


def key(image_id: str, host: HostSettings) -> str:
    """Return the label of an overlay of exactly that image with exactly those settings."""
    return hashlib.sha256(f"{image_id} {host.key} {_REVISION}".encode()).hexdigest()[:16]


def make(name: str, image_id: str, host: HostSettings, engine: Engine, workshop: Workshop) -> None:
    """Make the image `tag` from the one with ``image_id``, without starting it."""
    from docker.errors import DockerException

    (part,) = parts(host)
    (layer,) = image_writer.layers_of(part, workshop)
    repository, _, version = tag(name).rpartition(":")
    try:
        # It never runs, and is committed: an owner's label would go on to the image, and from there to
        # every image and container made of it.
        settings = {**containers.settings(LABEL_VALUE), "labels": {LABEL: LABEL_VALUE}}
        container = engine.client.containers.create(image_id, **settings)
        try:
            container.put_archive("/", layer.file.read_bytes())
            container.commit(repository, version, changes=_changes(image_id, host))
        finally:
            container.remove(force=True)
    except DockerException as error:
        said = f"Docker did not add {host.phrase} to {name}: {error}."
        raise OverlayError(disk_full.explained(str(error), said)) from error


def _changes(image_id: str, host: HostSettings) -> Sequence[str]:
    lines = [f"ENV {name}={value}" for name, value in host.environment.items()]
    return [*lines, f"LABEL {KEY_LABEL}={key(image_id, host)}"]
