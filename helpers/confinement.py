"""Put an image's process under confinement, for real, and see what it can still do.

Each image runs twice without any capability: once as it is, once with a read-only root file system.
Inside, Node itself is asked who it is and what it may write. It judges nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers import container as containers
from helpers import image
from helpers.container import ContainerError, Running
from helpers.image import Files

if TYPE_CHECKING:
    from helpers.engine import Engine

WRITTEN = "yes"
_NODE = ("/nodejs/bin/node", "/usr/local/bin/node", "/usr/bin/node")
# Opening a file to append writes nothing; whether that is allowed is the question.
_ASK = """
const fs = require('fs');
const may = (path, how) => {
  try { fs.closeSync(fs.openSync(path, how)); return 'yes'; } catch (error) { return error.code; }
};
const facts = { uid: process.getuid(), gid: process.getgid(), node: process.versions.node };
console.log(JSON.stringify({ ...facts, code: may(process.argv[1], 'a'), tmp: may('/tmp/asked', 'w') }));
"""


@dataclass(frozen=True)
class Confined:
    """What a process was found to be, and to be allowed to.

    ``code`` and ``tmp`` say whether it may write its own program and into ``/tmp``: "yes", or the
    kernel's reason (EACCES, EROFS). The ``locked`` ones hold with a read-only root file system;
    ``locked_error`` is empty when the app started and answered there.
    """

    uid: int
    gid: int
    node: str
    code: str
    tmp: str
    locked_code: str
    locked_tmp: str
    locked_error: str

    @property
    def starts_locked(self) -> bool:
        """Whether the app ran on a read-only root file system."""
        return not self.locked_error


def observe(reference: str, engine: Engine, code: str = "/app/dist/index.js") -> Confined:
    """Run an image free and locked, and return what its process may; ``code`` is its program.

    Raises `ContainerError` when it does not even start free, or holds no Node where Node is looked for.
    """
    node = _node(image.files(reference, engine), reference)
    with containers.running(reference, where=engine) as api:
        free = _answer(api, node, code)
    locked: Mapping[str, Any] = {}
    error = ""
    try:
        with containers.running(reference, where=engine, options={"read_only": True}) as api:
            locked = _answer(api, node, code)
    except ContainerError as failure:
        error = str(failure)
    return Confined(
        uid=free["uid"],
        gid=free["gid"],
        node=free["node"],
        code=free["code"],
        tmp=free["tmp"],
        locked_code=locked.get("code", ""),
        locked_tmp=locked.get("tmp", ""),
        locked_error=error,
    )


def _node(files: Files, reference: str) -> str:
    for path in _NODE:
        if files.get(path):
            return path
    raise ContainerError(
        f"There is no Node at {', '.join(_NODE)} in {reference}; name an image with it."
    )


def _answer(api: Running, node: str, code: str) -> Mapping[str, Any]:
    exit_code, text = api.execute(node, "-e", _ASK, code)
    if exit_code:
        raise ContainerError(f"Node did not answer inside the container: {text.strip()[-200:]}.")
    found: Mapping[str, Any] = json.loads(text)
    return found
