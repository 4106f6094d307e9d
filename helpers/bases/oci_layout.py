"""Write an image of the engine into a folder as an OCI layout, for a builder that cannot see it.

The folder is named after the image's id, so each image is written once. The layers stay as the engine
saves them, compressed or not. buildx sends the layers that the builder lacks.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.engine import saved
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

if TYPE_CHECKING:
    from helpers.engine import Engine

_PARTS = re.compile(r"blobs/sha256/[0-9a-f]{64}|index\.json|oci-layout")


def write(reference: str, engine: Engine) -> str:
    """Write the image and return ``FOLDER@DIGEST``, which buildx takes after ``oci-layout://``.

    Raises `WorkbookError` when the engine has no such image, or is older than release 25, because older
    engines save images in another form. Raises the errors of `helpers.engine.saved` too.
    """
    from docker.errors import DockerException

    try:
        image_id = str(engine.client.images.get(reference).id)
    except DockerException as error:
        raise WorkbookError(f"The engine does not give the image {reference} ({error}).") from None
    workshop = Workshop(paths.state("layouts"))
    folder = workshop.folder / image_id.removeprefix("sha256:")
    with workshop.lock(folder.name):
        if not folder.exists():
            with workshop.scratch() as scratch:
                _unpack(image_id, reference, engine, scratch / "layout")
                (scratch / "layout").rename(folder)
    return f"{folder}@{_digest(folder)}"


def _unpack(image_id: str, reference: str, engine: Engine, folder: Path) -> None:
    (folder / "blobs" / "sha256").mkdir(parents=True)
    try:
        with contextlib.closing(saved.members(engine, image_id)) as members:
            for member in members:
                if member.kind != "link" and _PARTS.fullmatch(member.name):
                    with (folder / member.name).open("wb") as file:
                        file.writelines(member.chunks)
    except OSError as error:
        raise WorkbookError(
            f"The image {reference} could not be written for a builder elsewhere ({error})."
        ) from None
    if not (folder / "index.json").exists():
        raise WorkbookError(
            f"A builder elsewhere cannot be given {reference}: only Docker Engine 25 and later saves an "
            f"image in OCI layout, and this one is {engine.version}; unset BUILDX_BUILDER."
        )


def _digest(folder: Path) -> str:
    return str(json.loads((folder / "index.json").read_text())["manifests"][0]["digest"])
