"""Ask the Node of an image what a native module has to fit: its version, its ABI, its C library.

The image is run for it, in a container that ends at once. It compares nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from helpers.engine import container
from helpers.engine.engine import Engine
from helpers.host.errors import WorkbookError

# On musl the report has no version of glibc: Node's documentation, "Diagnostic report".
_QUESTION = (
    "JSON.stringify([process.versions.node, process.versions.modules, "
    "process.report.getReport().header.glibcVersionRuntime ?? ''])"
)


class RuntimeIdentityError(WorkbookError):
    """An image could not be asked, for it holds no Node that runs."""


@dataclass(frozen=True)
class Runtime:
    """A Node: its version, its ``NODE_MODULE_VERSION``, and the C library that it runs on."""

    node: str
    abi: int
    libc: str


def ask(image: str, where: Engine) -> Runtime:
    """Return what the Node of an image is. Raises `RuntimeIdentityError` or `ContainerError`."""
    entry = where.client.images.get(image).attrs["Config"].get("Entrypoint") or []
    is_node = bool(entry) and PurePosixPath(entry[-1]).name == "node"
    command = [*([] if is_node else ["node"]), "--print", _QUESTION]
    said = container.finished(image, *command, where=where)
    try:
        node, abi, glibc = json.loads(said.output)
    except ValueError:
        lines = said.output.strip().splitlines() or ["nothing"]
        raise RuntimeIdentityError(
            f"{image} holds no Node that runs; it said: {lines[-1]}. Name an image of Node."
        ) from None
    return Runtime(node, int(abi), f"glibc {glibc}" if glibc else "musl")
