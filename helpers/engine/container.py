"""Run a container of an image, on this machine only, and take it away again.

The container has no capabilities, cannot gain privileges, and is limited in memory and processes; its
port is published on 127.0.0.1 at a number that the system chooses. It is removed when the block ends,
also after an exception or Ctrl-C. When the process was killed, or the engine was gone, the next run
removes it. The caller judges the answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.engine.engine import LABEL, LOST, Engine, EngineError, find, in_touch
from helpers.host import disk_full, loopback, paths, processes
from helpers.host.errors import WorkbookError, stoppable

if TYPE_CHECKING:
    from docker.errors import APIError
    from docker.models.containers import Container

# Every container is made with `settings`, whether or not it ever starts; what is different for one
# stands where it is made, and in SECURITY.md.
OWNER_LABEL = f"{LABEL}.owner"
CHECKOUT_LABEL = f"{LABEL}.checkout"
MEMORY = "512m"
PROCESSES = 256
SAYS = "Its log says: "
_POLL_SECONDS = 0.02
_STOPPED = "The run was stopped at your request, and its container is gone."
_held: set[str] = set()  # names of the containers that this process has not done with


class ContainerError(WorkbookError):
    """A container did not start, or did not answer."""


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP: the status, and the body, which is decoded when it is JSON."""

    status: int
    body: Any


@dataclass(frozen=True)
class Running:
    """A container that answers at ``url``; ``ready_seconds`` went from its start to the first answer."""

    url: str
    ready_seconds: float
    container: Container

    def request(self, method: str, path: str, body: object = None) -> Answer:
        """Send one request, with ``body`` as JSON. Raises `ContainerError` when nothing answers."""
        return _request(method, self.url + path, body)

    def execute(self, *command: str) -> tuple[int, str]:
        """Run a command inside, as ``docker exec`` does; return its exit code and what it printed."""
        return execute(self.container, *command)


@dataclass(frozen=True)
class Finished:
    """A container that ran to its end: its exit code, and all that it printed."""

    exit_code: int
    output: str


def settings(kind: str) -> dict[str, Any]:
    """Return what the SDK's ``containers.create`` is told of each container; ``kind`` is its label.

    The reader's proxies stay out of it: Docker's client would copy them, passwords and all, from its
    configuration into the container's environment, and a commit from there into an image.
    """
    return {
        "labels": {LABEL: kind, OWNER_LABEL: this_process(), CHECKOUT_LABEL: str(paths.ROOT)},
        "mem_limit": MEMORY,
        "pids_limit": PROCESSES,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "use_config_proxy": False,
    }


def this_process() -> str:
    """Return the name of this process as an owner: its machine and its process number."""
    return f"{socket.gethostname()}/{os.getpid()}"


def is_gone(owner: str) -> bool:
    """Whether an owner is known to have ended; nothing is known about processes of another machine."""
    host, _, process = owner.partition("/")
    return host == socket.gethostname() and not processes.alive(int(process))


@contextlib.contextmanager
def running(
    image: str,
    *,
    port: int = 3000,
    ready: str = "/healthz",
    patience: float = 30.0,
    environment: Mapping[str, str] | None = None,
    engine: Engine | None = None,
    options: Mapping[str, Any] | None = None,
) -> Iterator[Running]:
    """Run ``image`` until the block ends, once ``ready`` has answered 200 on its ``port``.

    It may take ``patience`` seconds for that; ``options`` go to the SDK's
    ``containers.create`` (such as ``read_only``). Raises `ContainerError` when it stops or stays silent.
    """
    published: dict[str, Any] = {"ports": {f"{port}/tcp": ("127.0.0.1", None)}}
    given = {"environment": dict(environment or {}), **(options or {})}
    with created(image, engine=engine, options={**published, **given}) as container:
        begun = time.monotonic()
        start(container)
        url = _address(container, port)
        _wait(container, url + ready, patience)
        yield Running(url, time.monotonic() - begun, container)


@contextlib.contextmanager
def created(
    image: str, *, engine: Engine | None = None, options: Mapping[str, Any] | None = None
) -> Iterator[Container]:
    """Make a container of ``image`` within our limits, not started, no port published; remove it after.

    ``options`` as for `running`. Raises `ContainerError` when there is no such image,
    `EngineError` when the engine goes away before the block ends.
    """
    engine = engine or find()
    name = f"{LABEL}-{os.getpid()}-{secrets.token_hex(4)}"
    with stoppable(_STOPPED), _in_touch(engine):
        sweep(engine)
        _held.add(name)
        try:
            yield _create(engine, image, {"name": name, **(options or {})})
        finally:
            with processes.undisturbed():
                _remove(name, engine)
                _held.discard(name)


def start(container: Container) -> None:
    """Start a container. Raises `ContainerError` when the engine refuses."""
    from docker.errors import APIError

    try:
        container.start()
    except APIError as error:
        name = str(container.attrs.get("Config", {}).get("Image") or container.short_id)
        raise ContainerError(_sentence(f"{name} did not start", error)) from None


def execute(container: Container, *command: str) -> tuple[int, str]:
    """Run a command inside, as ``docker exec`` does; return its exit code and what it printed.

    A command that cannot be run at all gives 127 and the engine's words.
    """
    from docker.errors import APIError

    try:
        code, output = container.exec_run(list(command))
    except APIError as error:
        return 127, str(error.explanation)
    text = output if isinstance(output, bytes) else b"".join(output)
    return int(code or 0), text.decode(errors="replace")


def finished(
    image: str,
    *command: str,
    patience: float = 30.0,
    engine: Engine | None = None,
    options: Mapping[str, Any] | None = None,
) -> Finished:
    """Run ``image`` to its end, with ``command`` in the place of its own; no port is published.

    It may run for ``patience`` seconds; ``options`` are those of `running`. Raises
    `ContainerError` when it does not start, or still runs when the time is over.
    """
    asked = {**(options or {}), "command": list(command)} if command else dict(options or {})
    with created(image, engine=engine, options=asked) as container:
        start(container)
        code = exit_code(container, patience)
        if code is None:
            raise ContainerError(f"The container of {image} had not ended after {patience:g} s.")
        return Finished(code, container.logs().decode(errors="replace"))


def exit_code(container: Container, patience: float) -> int | None:
    """Return the exit code of a container once it ends; None when it runs for ``patience`` s more."""
    import requests

    try:
        return int(container.wait(timeout=patience)["StatusCode"])
    except requests.RequestException:
        container.reload()  # an engine that went away fails here too
        return None


def sweep(engine: Engine) -> None:
    """Remove our containers whose owner, a process of this machine, has ended or released them."""
    mine = engine.client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True)
    for container in mine:
        if not _owned(container):
            _remove(str(container.name), engine)


def used_elsewhere(container: Container) -> str | None:
    """Return the checkout that uses a container now, when it is another one than this; else None."""
    checkout = container.labels.get(CHECKOUT_LABEL, str(paths.ROOT))
    return checkout if checkout != str(paths.ROOT) and _owned(container) else None


def _owned(container: Container) -> bool:
    """Whether a container's owner may still want it."""
    owner = container.labels.get(OWNER_LABEL, "")
    return container.name in _held if owner == this_process() else not is_gone(owner)


def _create(engine: Engine, image: str, options: dict[str, Any]) -> Container:
    from docker.errors import APIError, ImageNotFound

    try:
        return engine.client.containers.create(image, **{**settings("run"), **options})
    except ImageNotFound:
        raise ContainerError(f"There is no image {image}; build it first.") from None
    except APIError as error:
        raise ContainerError(_sentence(f"No container of {image} could be made", error)) from None


def _sentence(what: str, error: APIError) -> str:
    reason = str(error.explanation)
    return disk_full.explained(reason, f"{what}: {reason}.")


def _address(container: Container, port: int) -> str:
    container.reload()
    published = container.ports.get(f"{port}/tcp")
    if not published:
        raise ContainerError(f"The container stopped at once. {_last_words(container)}")
    return f"http://127.0.0.1:{published[0]['HostPort']}"


def _wait(container: Container, url: str, seconds: float) -> None:
    def answers() -> bool:
        with contextlib.suppress(ContainerError):
            if _request("GET", url).status == 200:
                return True
        container.reload()
        if container.status == "exited":
            raise ContainerError(f"The container stopped at once. {_last_words(container)}")
        return False

    if not processes.wait_for(answers, seconds, every=_POLL_SECONDS):
        raise ContainerError(f"The container gave no answer at {url} in time. {_last_words(container)}")


def _last_words(container: Container) -> str:
    lines = container.logs(tail=20).decode(errors="replace").strip().splitlines()
    errors = [line for line in lines if "Error" in line]
    return f"{SAYS}{(errors or lines)[-1].strip()}" if lines else "Its log is empty."


def _remove(name: str, engine: Engine) -> None:
    import requests
    from docker.errors import APIError

    with contextlib.suppress(APIError, requests.RequestException):
        engine.client.api.remove_container(name, force=True, v=True)


@contextlib.contextmanager
def _in_touch(engine: Engine) -> Iterator[None]:
    """When the engine has gone away, say so, and not that the container is silent."""
    with in_touch():
        try:
            yield
        except ContainerError:
            if engine.answers:
                raise
            raise EngineError(LOST) from None


def _request(method: str, url: str, body: object = None) -> Answer:
    try:
        with loopback.ask(url, 5, method=method, json=body) as response:
            return Answer(response.status_code, _decoded(response.content))
    except OSError as error:
        raise ContainerError(f"Nothing answered {method} {url}: {error}.") from None


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
