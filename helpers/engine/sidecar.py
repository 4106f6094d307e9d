"""Look into a container that has no shell: from a sidecar beside it, or at its files from outside.

A sidecar is a second container, of an image that has tools, which shares the processes and the network
of the first. It has the limits, the labels and the cleanup of `engine.container`. The caller judges what
is seen; no image is built or changed.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.engine import container as containers
from helpers.engine.container import ContainerError
from helpers.engine.engine import Engine
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from docker.models.containers import Container

PTRACE = "SYS_PTRACE"
_ENDS_IN = 30  # seconds that a container gets to stop by itself


@dataclass(frozen=True)
class Said:
    """The result of a command in a container: its exit code, and all that it printed."""

    command: str
    code: int
    output: str


@dataclass(frozen=True)
class Sidecar:
    """A container with tools that runs beside another one, and the command that starts one by hand."""

    container: Container
    command: str

    def run(self, script: str) -> Said:
        """Run a line of shell in the sidecar."""
        return Said(script, *containers.execute(self.container, "sh", "-c", script))


@contextlib.contextmanager
def sidecar(
    beside: Container,
    image: str,
    *,
    user: str = "",
    capabilities: Sequence[str] = (PTRACE,),
    engine: Engine | None = None,
) -> Iterator[Sidecar]:
    """Run a sidecar of ``image``, which must have a shell, beside a running container.

    It has these ``capabilities`` only; ``user`` is ``uid:gid``, by default the image's own. A process
    needs ``SYS_PTRACE`` to look into one of another user or group (``/proc/PID/root``; ptrace(2),
    "Ptrace access mode checking"). Raises `ContainerError` when the sidecar does not start, for example
    because the container has stopped.
    """
    options = {
        "entrypoint": ["tail", "-f", "/dev/null"],
        "pid_mode": f"container:{beside.id}",
        "network_mode": f"container:{beside.id}",
        "cap_add": list(capabilities),
        "user": user,
    }
    with containers.created(image, engine=engine, options=options) as made:
        containers.start(made)
        yield Sidecar(made, by_hand("app", user=user, capabilities=capabilities))


def by_hand(
    name: str, image: str = "TOOLS", *, user: str = "", capabilities: Sequence[str] = (PTRACE,)
) -> str:
    """Return the command that starts a sidecar from a terminal beside the container ``name``."""
    words = ["docker", "run", "--rm", "-it", "--pid", f"container:{name}"]
    words += ["--network", f"container:{name}", "--cap-drop", "ALL"]
    words += [word for capability in capabilities for word in ("--cap-add", capability)]
    words += ["--user", user] if user else []
    return shlex.join([*words, image, "sh"])


@contextlib.contextmanager
def stopped(
    image: str, *, environment: Mapping[str, str] | None = None, engine: Engine | None = None
) -> Iterator[Container]:
    """Run ``image`` until it stops by itself; yield the container, which is still there.

    Raises `WorkbookError` when it is still running after 30 s.
    """
    options = {"environment": dict(environment or {})}
    with containers.created(image, engine=engine, options=options) as made:
        containers.start(made)
        if containers.exit_code(made, _ENDS_IN) is None:
            raise WorkbookError(
                f"The container still runs after {_ENDS_IN} s; look into it while it runs."
            )
        made.reload()
        yield made


def exit_code(container: Container) -> int:
    """Return the code with which a stopped container ended."""
    return int(container.attrs["State"]["ExitCode"])


def last_words(container: Container, lines: int = 20) -> list[str]:
    """Return the last lines of a container's log, whether or not the container still runs."""
    return container.logs(tail=lines).decode(errors="replace").splitlines()


def copy_out(container: Container, path: str) -> dict[str, bytes]:
    """Return a file, or the files under a folder, by absolute path, as ``docker cp`` fetches them.

    The container may run or have stopped. Raises `WorkbookError` when there is nothing at ``path``.
    """
    from docker.errors import APIError, NotFound

    try:
        chunks, _ = container.get_archive(path)
        archived = io.BytesIO(b"".join(chunks))
    except NotFound:
        raise WorkbookError(f"There is no {path} in the container; check the path.") from None
    except APIError as error:
        raise WorkbookError(f"{path} cannot be copied out: {error.explanation}.") from None
    parent = path.rstrip("/").rpartition("/")[0]
    with tarfile.open(fileobj=archived) as archive:
        found = {f"{parent}/{m.name}": archive.extractfile(m) for m in archive if m.isfile()}
        return {name: content.read() for name, content in sorted(found.items()) if content}


def starts_a_shell(container: Container, *shells: str) -> bool:
    """Whether one of ``shells`` starts in a container, as ``docker exec`` would start it."""
    return any(containers.execute(container, shell, "-c", "true")[0] == 0 for shell in shells)


def can_join(container: Container, image: str, engine: Engine | None = None) -> bool:
    """Whether a sidecar can be started beside a container."""
    try:
        with sidecar(container, image, engine=engine):
            return True
    except ContainerError:
        return False
