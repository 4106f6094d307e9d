"""Measure what a deploy moves: first pulls, pulls onto a base, redeploys after each kind of change.

The engine pushes to a registry, a `DeployHost` pulls from it, and every byte is counted. The tags of a
release belong to this process and are removed when it ends. So two lessons on one engine never remove
each other's images. This module draws nothing; `helpers.measure.cost` computes the prices.
"""

from __future__ import annotations

import atexit
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import buildx, engine
from helpers.buildx import BuildResult, Request, Watcher
from helpers.engine import container, deploy_host, leftovers, registry_api
from helpers.engine.container import OWNER_LABEL
from helpers.engine.deploy_host import DeployHost, Pull
from helpers.engine.registry_api import Push
from helpers.host import workspace
from helpers.host.errors import WorkbookError
from helpers.measure import sample

if TYPE_CHECKING:
    from helpers.bases import Base

FIRST_VERSION = "1"
RELEASE = f"{os.getpid()}-{secrets.token_hex(3)}"
_PREFIX = "workbook/"


class Change(StrEnum):
    """The part of the app that a new version changes."""

    SOURCE = "source edit"
    DEPENDENCY = "dependency edit"


_EDITS = {Change.SOURCE: sample.source_edit, Change.DEPENDENCY: sample.dependency_edit}


@dataclass(frozen=True)
class TransferBytes:
    """The bytes of one image: on disk, and those transferred in each situation.

    ``first`` is a pull by an empty host, ``with_base`` a pull by a host that has the base image.
    ``source`` and ``dependency`` are redeploys to a host that has the previous version. ``stored`` is
    what a registry keeps for the three versions.
    """

    uncompressed: int
    first: int
    with_base: int
    source: int
    dependency: int
    stored: int


def build_release(
    name: str, dockerfile: Path, context: Path, watch: Watcher | None = None
) -> BuildResult:
    """Build ``workbook/NAME`` for this process's release. Raises the errors of `buildx.build`."""
    here = engine.find()
    leftovers.sweep(here)
    owner = ("--label", f"{OWNER_LABEL}={container.this_process()}")
    request = Request(dockerfile, context, f"{_PREFIX}{name}:{RELEASE}", extra=owner)
    result = buildx.build(request, watch, here)
    atexit.register(leftovers.remove, result.tag, result.engine)
    return result


def label(result: BuildResult) -> str:
    """Return an image's short name for tables and charts: the part of its tag that is its own."""
    return result.tag.partition(":")[0].removeprefix(_PREFIX)


def repository(result: BuildResult, address: str) -> str:
    """Return the image's repository in a registry, such as ``ADDRESS/workbook/naive``."""
    return f"{address}/{result.tag.partition(':')[0]}"


def push(result: BuildResult, address: str, version: str = FIRST_VERSION) -> Push:
    """Push a built image to a registry."""
    reference = f"{repository(result, address)}:{version}"
    return registry_api.push(result.image_id, reference, result.engine)


@contextmanager
def rebuilt(result: BuildResult, change: Change, *, cold: bool = False) -> Iterator[BuildResult]:
    """Build an image's next version from a changed copy; its tag is removed when the block ends.

    ``cold`` ignores the cache, like a runner without a cache. Raises the errors of `buildx.build`.
    """
    with workspace.copy(result.request.context, with_secret=True) as copy, _EDITS[change](copy):
        tag = f"{result.tag}-{change.name.lower()}"
        request = replace(result.request, context=copy.path, tag=tag, cold=cold)
        built = buildx.build(request, engine=result.engine)
        try:
            yield built
        finally:
            leftovers.remove(built.tag, built.engine)


def redeploy(
    host: DeployHost, result: BuildResult, change: Change, address: str, *, cold: bool = False
) -> Pull:
    """Rebuild an image after a change, push it, and pull it onto a host; return that pull.

    ``cold`` rebuilds without a cache. Raises the errors of `buildx.build`, `push` and
    `DeployHost.pull`.
    """
    with rebuilt(result, change, cold=cold) as built:
        version = change.name.lower()
        reference = f"{repository(result, address)}:{version}"
        registry_api.push(built.image_id, reference, built.engine)
    return host.pull(reference)


def measure(result: BuildResult, address: str) -> TransferBytes:
    """Push an image and its next two versions, pull each in its situation, and return the bytes."""
    push(result, address)
    first_version = f"{repository(result, address)}:{FIRST_VERSION}"
    base = push_base(result, address)
    with (
        deploy_host.fresh(result.engine.architecture) as empty,
        deploy_host.fresh(result.engine.architecture) as warm,
    ):
        first = empty.pull(first_version)
        warm.pull(base)
        onto_base = warm.pull(first_version)
        source = redeploy(empty, result, Change.SOURCE, address)
        dependency = redeploy(warm, result, Change.DEPENDENCY, address)
    name = repository(result, address).partition("/")[2]
    return TransferBytes(
        uncompressed=result.uncompressed_bytes,
        first=first.moved_bytes,
        with_base=onto_base.moved_bytes,
        source=source.moved_bytes,
        dependency=dependency.moved_bytes,
        stored=sum(registry_api.stored(address, result.engine, name).values()),
    )


def in_sequence(result: BuildResult, address: str) -> dict[str, int]:
    """Pull the three versions that `measure` pushed onto one empty host; return the bytes of each."""
    versions = (FIRST_VERSION, *(change.name.lower() for change in Change))
    with deploy_host.fresh(result.engine.architecture) as host:
        return {
            version: host.pull(f"{repository(result, address)}:{version}").moved_bytes
            for version in versions
        }


def push_base(result: BuildResult, address: str) -> str:
    """Push an image's base image as if it were another service's image; return its reference."""
    base = final_base(result)
    name = "".join(letter if letter.isalnum() else "-" for letter in base.name.lower())
    reference = f"{address}/bases/{name}:{FIRST_VERSION}"
    registry_api.push(base.reference, reference, result.engine)
    return reference


def final_base(result: BuildResult) -> Base:
    """Return the base whose layers an image begins with; of several bases, the one with most layers."""
    own = layers(result, result.image_id)
    known = {base: layers(result, base.reference) for base in result.bases}
    fitting = [base for base, below in known.items() if below and own[: len(below)] == below]
    if not fitting:
        raise WorkbookError(f"{result.tag} is built on none of its base images; build it again.")
    return max(fitting, key=lambda base: len(known[base]))


def layers(result: BuildResult, reference: str) -> list[str]:
    """Return the digests of an image's unpacked layers, from the base up."""
    return list(result.engine.client.images.get(reference).attrs["RootFS"]["Layers"])


def seconds_to_pull(reference: str, architecture: str) -> float:
    """Return the seconds that an empty host needs to pull, check and unpack an image."""
    with deploy_host.fresh(architecture) as empty:
        return empty.pull(reference).seconds


def seconds_to_first_response(result: BuildResult) -> float:
    """Return the seconds from creating a container to its first response, without a pull.

    Raises the errors of `helpers.engine.container`.
    """
    begun = time.monotonic()
    with container.running(result.image_id, engine=result.engine):
        return time.monotonic() - begun
