"""Confine an image's process and see what it can still do; and follow its health.

Each image runs without any capability, in three settings: unchanged, with a read-only root file system,
and with a ``/tmp`` in memory in addition. Node inside reports its user and what it may write. The engine
reports the health after each run of the image's own HEALTHCHECK. Only the time between two runs is
shortened, so that nobody waits. This module judges nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers import image
from helpers.engine import ContainerError, Running
from helpers.engine import container as containers
from helpers.host import processes
from helpers.image.filesystem import Files

if TYPE_CHECKING:
    from helpers.engine import Engine

FREE, LOCKED, LOCKED_WITH_TMPFS = "as it is", "read-only root", "read-only root, tmpfs"
YES = "yes"
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    FREE: {},
    LOCKED: {"read_only": True},
    LOCKED_WITH_TMPFS: {"read_only": True, "tmpfs": {"/tmp": "size=16m,mode=1777"}},  # noqa: S108
}

NO_CHECK = "no check"
HEALTHY, UNHEALTHY = "healthy", "unhealthy"
STEPS = ("the app answers", "it hangs", "it goes on")
_SECOND = 1_000_000_000  # the engine counts nanoseconds
# The image's health command and its timeout stay unchanged. Docker's default is 3 failures.
IMPATIENT: Mapping[str, int] = {
    "interval": _SECOND,
    "retries": 2,
    "start_period": _SECOND // 1000,
}
_POLL_SECONDS = 0.1

_NODE = ("/nodejs/bin/node", "/usr/local/bin/node", "/usr/bin/node")
# The script only asks whether the kernel allows writing. Opening a file to append changes nothing, and a
# new file is removed at once. The working folder is the one that the container starts in.
_ASK = """
const fs = require('fs');
const may = (path, how) => {
  const there = fs.existsSync(path);
  try { fs.closeSync(fs.openSync(path, how)); } catch (error) { return error.code; }
  if (!there) fs.unlinkSync(path);
  return 'yes';
};
console.log(JSON.stringify({
  uid: process.getuid(),
  gid: process.getgid(),
  node: process.versions.node,
  writes: {
    code: may(process.argv[1], 'a'),
    folder: may(`${process.cwd()}/asked`, 'wx'),
    tmp: may('/tmp/asked', 'wx'),
  },
}));
"""


@dataclass(frozen=True)
class Writes:
    """Whether a process may write its own program, add files to its folder, and write into ``/tmp``.

    Each answer is "yes" or the kernel's reason (EACCES, EROFS), in one setting. ``error`` says why the
    app did not start in that setting; it is empty when the app answered.
    """

    code: str = ""
    folder: str = ""
    tmp: str = ""
    error: str = ""


@dataclass(frozen=True)
class Confined:
    """The user of an image's process, its version of Node, and what it may write in each setting."""

    uid: int
    gid: int
    node: str
    writes: Mapping[str, Writes]


def observe(reference: str, engine: Engine, code: str = "/app/dist/index.js") -> Confined:
    """Run an image in each setting and return what its process may; ``code`` is its program.

    Raises `ContainerError` when the unchanged image does not start, or has no Node in the usual places.
    """
    node = _node(image.find(reference, engine).files, reference)
    facts = _ask(reference, engine, node, code, FREE)
    writes = {FREE: Writes(**facts["writes"])}
    for setting in (LOCKED, LOCKED_WITH_TMPFS):
        try:
            answer = _ask(reference, engine, node, code, setting)
            writes[setting] = Writes(**answer["writes"])
        except ContainerError as failure:
            writes[setting] = Writes(error=str(failure))
    return Confined(facts["uid"], facts["gid"], facts["node"], writes)


def _node(files: Files, reference: str) -> str:
    for path in _NODE:
        if files.get(path):
            return path
    raise ContainerError(f"There is no Node at any of {', '.join(_NODE)} in the image {reference}.")


def _ask(reference: str, engine: Engine, node: str, code: str, setting: str) -> Mapping[str, Any]:
    with containers.running(reference, engine=engine, options=_SETTINGS[setting]) as api:
        return _answer(api, node, code)


def _answer(api: Running, node: str, code: str) -> Mapping[str, Any]:
    exit_code, text = api.execute(node, "-e", _ASK, code)
    if exit_code:
        raise ContainerError(f"Node did not answer inside the container: {text.strip()[-200:]}.")
    found: Mapping[str, Any] = json.loads(text)
    return found


# Health


def health_story(reference: str, engine: Engine, patience: float = 60.0) -> tuple[str, ...]:
    """Run an image and return its health after each of `STEPS`.

    The process is paused, as if it hung, and then goes on. An image without HEALTHCHECK has "no check"
    throughout. ``patience`` is the time in seconds for each change. Raises `ContainerError` when the
    health does not change in that time.
    """
    options = {"healthcheck": dict(IMPATIENT)}
    with containers.running(reference, engine=engine, options=options) as api:
        if health(api) == NO_CHECK:
            with hanging(api):
                hangs = health(api)
            return NO_CHECK, hangs, health(api)
        starts = await_health(api, HEALTHY, patience)
        with hanging(api):
            hangs = await_health(api, UNHEALTHY, patience)
        return starts, hangs, await_health(api, HEALTHY, patience)


@contextlib.contextmanager
def hanging(api: Running) -> Iterator[None]:
    """Pause the app's process, and let it go on when the block ends.

    The process still exists and keeps its port, so a restart policy sees a running container.
    """
    api.container.kill("SIGSTOP")
    try:
        yield
    finally:
        api.container.kill("SIGCONT")


def health(api: Running) -> str:
    """Return the container's health now: "starting", "healthy", "unhealthy" or "no check"."""
    api.container.reload()
    found: dict[str, Any] = api.container.attrs["State"].get("Health") or {}
    said = str(found.get("Status", "none"))
    return NO_CHECK if said == "none" else said


def await_health(api: Running, wanted: str, patience: float) -> str:
    """Wait until the container's health is ``wanted``, and return it.

    Raises `ContainerError` when that takes more than ``patience`` seconds.
    """
    found = ""

    def reached() -> bool:
        nonlocal found
        found = health(api)
        return found == wanted

    if not processes.wait_for(reached, patience, every=_POLL_SECONDS):
        raise ContainerError(f"The container is {found} and not {wanted} after {patience:.0f} s.")
    return found
