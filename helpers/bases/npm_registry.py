"""A container that serves the kit's npm packages to builds on machines without a network.

Build containers reach it by name. No port is published; each build that needs it gets its address with
``--add-host``. `npm_mirror` collects the packages; this module starts, finds and stops the container.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from helpers.bases.host_settings import HostSettings
from helpers.engine import container as containers
from helpers.host import processes
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from docker.models.containers import Container

    from helpers.engine import Engine

NAME = "workbook-npm-registry"
PORT = 4873
FOLDER = "srv/npm-registry"
SERVER = "server.cjs"
REGISTRY = f"http://{NAME}:{PORT}/"
SETTINGS = HostSettings(None, (f"registry={REGISTRY}",), whose="the kit's")
_LABELS = {"workbook": "npm-registry"}  # no process owns it: it runs until somebody stops it
_RESTART: Any = {"Name": "unless-stopped"}  # the type stub demands a count, which only on-failure has
_USER = "1000:1000"
_PATIENCE = 20.0  # seconds
_ALIVE = f"fetch('http://127.0.0.1:{PORT}/-/ping').then(a => process.exit(a.ok ? 0 : 1))"


def start(engine: Engine, image: str, content: IO[bytes]) -> None:
    """Serve ``content``, a tar that contains `FOLDER`, from a container of ``image``, which has Node.

    It replaces a container that is already running, and starts again with the engine. Raises
    `WorkbookError` when the container does not start or does not answer.
    """
    from docker.errors import DockerException

    stop(engine)
    try:
        container = engine.client.containers.create(
            image,
            [f"/{FOLDER}/{SERVER}", str(PORT)],
            entrypoint=["node"],
            name=NAME,
            user=_USER,
            restart_policy=_RESTART,
            **{**containers.settings("npm-registry"), "labels": _LABELS},
        )
        container.put_archive("/", content)
        container.start()
        _wait(container)
    except DockerException as error:
        stop(engine)
        raise WorkbookError(f"Docker did not start the kit's npm registry: {error}.") from error
    except WorkbookError:
        stop(engine)
        raise


def stop(engine: Engine) -> None:
    """Remove the container, if there is one. Builds then use the same registry as this host."""
    container = _container(engine)
    if container is not None:
        container.remove(force=True, v=True)


def address(engine: Engine) -> str | None:
    """Return the container's address in the engine's network; None when there is no container.

    A stopped container is started. Raises `WorkbookError` when it then has no address.
    """
    from docker.errors import DockerException

    container = _container(engine)
    if container is None:
        return None
    if container.status != "running":
        try:
            container.start()
            _wait(container)
        except DockerException as error:
            raise WorkbookError(
                f"The kit's npm registry does not start ({error}); run `make kit-load` again."
            ) from error
        container.reload()
    for network in container.attrs["NetworkSettings"]["Networks"].values():
        if network.get("IPAddress"):
            return str(network["IPAddress"])
    raise WorkbookError(
        "The kit's npm registry has no address in the network; run `make kit-load` again."
    )


def _container(engine: Engine) -> Container | None:
    from docker.errors import NotFound

    try:
        return engine.client.containers.get(NAME)
    except NotFound:
        return None


def _wait(container: Container) -> None:
    def answers() -> bool:
        return bool(container.exec_run(["node", "-e", _ALIVE]).exit_code == 0)

    if not processes.wait_for(answers, _PATIENCE):
        said = container.logs(tail=1).decode(errors="replace").strip()
        raise WorkbookError(f"The kit's npm registry did not answer: {said or 'it said nothing'}.")
