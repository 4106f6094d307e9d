"""Remove the images of a release: with the process that built them, or later when that was killed.

Two lessons that run at once on one engine so never take each other's images away.
"""

from __future__ import annotations

import contextlib

from helpers.buildx import BuildResult
from helpers.engine import limits
from helpers.engine.engine import Engine
from helpers.engine.limits import OWNER_LABEL


def remove(result: BuildResult) -> None:
    """Take an image's name away, and the image if it has no other; nothing happens without it."""
    _remove(result.tag, result.engine)


def sweep(where: Engine) -> None:
    """Remove images of releases whose owner, a process of this machine, is gone."""
    for image in where.client.images.list(filters={"label": OWNER_LABEL}):
        if limits.is_gone(image.labels[OWNER_LABEL]):
            _remove(str(image.id), where)


def _remove(image: str, where: Engine) -> None:
    import requests
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, requests.RequestException):
        where.client.images.remove(image, force=True)
