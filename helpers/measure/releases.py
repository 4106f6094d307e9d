"""Images of a release: built under tags of this process's own, and gone with it.

Two lessons that run at once on one engine so never take each other's images away. What a killed process
left is removed by the next build. It deploys nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
from pathlib import Path

from helpers.buildx import run as builds
from helpers.buildx.run import BuildResult, Request, Watcher
from helpers.engine import engine, limits
from helpers.engine.engine import Engine
from helpers.engine.limits import OWNER_LABEL

NAME = f"{os.getpid()}-{secrets.token_hex(3)}"
_PREFIX = "workbook/"


def build(name: str, dockerfile: Path, context: Path, watch: Watcher | None = None) -> BuildResult:
    """Build ``workbook/NAME`` of this process's release. Raises the errors of `helpers.buildx.run`."""
    where = engine.find()
    sweep(where)
    owner = ("--label", f"{OWNER_LABEL}={limits.owner()}")
    request = Request(dockerfile, context, f"{_PREFIX}{name}:{NAME}", extra=owner)
    result = builds.build(request, watch, where)
    atexit.register(remove, result)
    return result


def label(result: BuildResult) -> str:
    """Return an image's name in tables and charts: its tag without what is the same for all."""
    return result.tag.partition(":")[0].removeprefix(_PREFIX)


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
