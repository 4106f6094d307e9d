"""Publish images under tags, resolve a tag to the digest that it names now, and ask an image its Node.

The registry is the workbook's own on loopback (`local_registry`), because only there may a lesson move a
tag. An image goes there through a build of one line, so that it is one manifest of this engine's
platform and may carry any tag. An image is asked in a container that ends at once.
Nothing is judged here.
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

# On musl the report has no version of glibc: Node's documentation, "Diagnostic report".
_QUESTION = (
    "JSON.stringify([process.versions.node, process.versions.modules, "
    "process.report.getReport().header.glibcVersionRuntime ?? ''])"
)


@dataclass(frozen=True)
class Pin:
    """What a tag of a registry named at one moment: ``node:20`` and the digest of the manifest."""

    address: str
    tag: str
    digest: str

    @property
    def image(self) -> str:
        """The image without its registry: tag and digest."""
        return f"{self.tag}@{self.digest}"

    def __str__(self) -> str:
        return f"{self.address}/{self.image}"

    __repr__ = __str__

    def altered(self) -> Pin:
        """Return the pin with the last digit of its digest changed, as a slip of the hand would."""
        other = "0" if self.digest[-1] != "0" else "1"
        return replace(self, digest=self.digest[:-1] + other)


class Registry:
    """A registry on loopback with what was published in it; empty at first, gone when closed.

    Use it as a context manager, or close it; it goes with the process in any case.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        """Start it. Raises the errors of `local_registry.serving`."""
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
        """Stop the registry; what it held is gone."""
        self._finalizer()

    def publish(self, image: str, tag: str) -> Pin:
        """Publish a base image as ``tag`` (such as ``node:20``), moving the tag if it is there.

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
        """Ask the registry which digest a tag names now. Raises `WorkbookError` when it has no such."""
        return Pin(self.address, tag, resolve(f"{self.address}/{tag}", self.engine))

    def base(self, name: str) -> Base | None:
        """Return what stands behind a full name, by tag or by digest; None when it is not from here."""
        if not name.startswith(f"{self.address}/"):
            return None
        _, _, digest = name.partition("@")
        known = self._published.get(digest or resolve(name, self.engine))
        return replace(known, name=name, reference=name) if known else Base(name, Source.PULLED, name)


def resolve(name: str, engine: Engine) -> str:
    """Return the digest that a tag names in its registry now, ``sha256:…``; nothing is pulled.

    Of an image for several platforms it is the digest of the index, the one to pin. Raises
    `WorkbookError` when the registry gives none.
    """
    from docker.errors import DockerException

    try:
        found = engine.client.api.inspect_distribution(name)
    except DockerException as error:
        raise WorkbookError(str(pull.refusal(name, str(error)))) from error
    return str(found["Descriptor"]["digest"])


def repin(text: str, argument: str, reference: str) -> str:
    """Return a Dockerfile whose ``ARG argument`` has another default.

    Raises `WorkbookError` unless just one line declares that argument with a default.
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
    """A Node: its version, its ``NODE_MODULE_VERSION``, and the C library that it runs on."""

    node: str
    abi: int
    libc: str


def runtime(image: str, engine: Engine) -> Runtime:
    """Return what the Node of an image is. Raises `WorkbookError` or `ContainerError`."""
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
