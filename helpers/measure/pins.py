"""Publish images under tags, resolve a tag to the digest that it names now, and find an image's Node.

The registry is the workbook's own on loopback (`local_registry`), because only there may a lesson move a
tag. An image is published by a one-line build, so that it is a single manifest for this engine's
platform and may have any tag. A short-lived container tells which Node an image has. This module judges
nothing.
"""

from __future__ import annotations

import json
import re
import tempfile
import weakref
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from helpers import buildx
from helpers import engine as engines
from helpers.bases import Base, Source, local_registry
from helpers.buildx import Request
from helpers.engine import Engine, container, pull
from helpers.host.errors import WorkbookError

# On musl, Node's diagnostic report has no glibc version (Node's documentation, "Diagnostic report").
_QUESTION = (
    "JSON.stringify([process.versions.node, process.versions.modules, "
    "process.report.getReport().header.glibcVersionRuntime ?? ''])"
)


@dataclass(frozen=True)
class Pin:
    """The digest that a tag such as ``node:20`` named in a registry at one moment."""

    address: str
    tag: str
    digest: str

    @property
    def image(self) -> str:
        """The image's name without its registry: tag and digest."""
        return f"{self.tag}@{self.digest}"

    def __str__(self) -> str:
        return f"{self.address}/{self.image}"

    __repr__ = __str__

    def altered(self) -> Pin:
        """Return the pin with a wrong last digit in its digest, like a typing mistake."""
        other = "0" if self.digest[-1] != "0" else "1"
        return replace(self, digest=self.digest[:-1] + other)


class Registry:
    """A registry on loopback with the images published to it; empty at first, removed when closed.

    Use it as a context manager, or close it; it ends with the process in any case.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        """Start the registry. Raises the errors of `local_registry.serving`."""
        self.engine = engine or engines.find()
        closing = ExitStack()
        self.address = closing.enter_context(local_registry.serving(self.engine))
        self._finalizer = weakref.finalize(self, closing.close)
        self._published: dict[str, Base] = {}

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"a registry at {self.address}"

    def close(self) -> None:
        """Stop the registry and remove its images."""
        self._finalizer()

    def publish(self, image: str, tag: str) -> Pin:
        """Publish a base image as ``tag`` (such as ``node:20``); a tag that exists is moved.

        Raises `WorkbookError` when the push fails, and the errors of `helpers.buildx.build`.
        """
        name = f"{self.address}/{tag}"
        with tempfile.TemporaryDirectory(prefix="workbook-") as folder:
            file = Path(folder) / "Dockerfile"
            file.write_text(f"FROM {image}\n")
            built = buildx.build(Request(file, Path(folder), name), engine=self.engine)
        try:
            self._push(name)
        finally:
            self.engine.client.images.remove(name)
        pin = self.resolve(tag)
        (self._published[pin.digest],) = built.bases
        return pin

    def _push(self, name: str) -> None:
        repository, _, tag = name.rpartition(":")
        for said in self.engine.client.api.push(repository, tag=tag, stream=True, decode=True):
            if "error" in said:
                raise WorkbookError(f"{name} could not be pushed: {said['error']}.")

    def resolve(self, tag: str) -> Pin:
        """Ask the registry which digest a tag names now. Raises `WorkbookError` for an unknown tag."""
        return Pin(self.address, tag, resolve(f"{self.address}/{tag}", self.engine))

    def base(self, name: str) -> Base | None:
        """Return the base behind a full name, by tag or digest; None for another registry's name."""
        if not name.startswith(f"{self.address}/"):
            return None
        _, _, digest = name.partition("@")
        known = self._published.get(digest or resolve(name, self.engine))
        return replace(known, name=name, reference=name) if known else Base(name, Source.PULLED, name)


def resolve(name: str, engine: Engine) -> str:
    """Return the digest (``sha256:…``) that a tag names in its registry now, without pulling.

    For an image with several platforms this is the digest of the index, which is the one to pin. Raises
    `WorkbookError` when the registry gives no digest.
    """
    from docker.errors import DockerException

    try:
        found = engine.client.api.inspect_distribution(name)
    except DockerException as error:
        raise WorkbookError(str(pull.refusal(name, str(error)))) from error
    return str(found["Descriptor"]["digest"])


def repin(text: str, argument: str, reference: str) -> str:
    """Return the Dockerfile ``text`` with ``reference`` as the default of ``ARG argument``.

    Raises `WorkbookError` unless exactly one line declares that argument with a default.
    """
    line = re.compile(rf"^ARG[ \t]+{re.escape(argument)}=.*$", re.MULTILINE | re.IGNORECASE)
    if (times := len(line.findall(text))) != 1:
        raise WorkbookError(
            f"ARG {argument}= stands in the Dockerfile {times} times; name the base in one line."
        )
    return line.sub(lambda _: f"ARG {argument}={reference}", text)


# The Node inside an image


@dataclass(frozen=True)
class Runtime:
    """A Node runtime: its version, its ``NODE_MODULE_VERSION``, and the C library that it uses."""

    node: str
    abi: int
    libc: str


def runtime(image: str, engine: Engine) -> Runtime:
    """Return the Node runtime of an image. Raises `WorkbookError` or `ContainerError`."""
    entry = engine.client.images.get(image).attrs["Config"].get("Entrypoint") or []
    is_node = bool(entry) and PurePosixPath(entry[-1]).name == "node"
    command = [*([] if is_node else ["node"]), "--print", _QUESTION]
    said = container.finished(image, *command, engine=engine)
    try:
        node, abi, glibc = json.loads(said.output)
    except ValueError:
        lines = said.output.strip().splitlines() or ["nothing"]
        raise WorkbookError(
            f"{image} holds no Node that runs; it said: {lines[-1]}. Name an image of Node."
        ) from None
    return Runtime(node, int(abi), f"glibc {glibc}" if glibc else "musl")
