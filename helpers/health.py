"""Follow the health of a container, as the engine tells it after each run of the image's HEALTHCHECK.

The check is the image's own; only how often the engine asks can be changed, so that nobody waits.
It reports and judges nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from helpers import container as containers
from helpers.container import ContainerError, Running

if TYPE_CHECKING:
    from helpers.engine import Engine

NO_CHECK = "no check"
HEALTHY, UNHEALTHY, STARTING = "healthy", "unhealthy", "starting"
_SECOND = 1_000_000_000  # the engine counts nanoseconds
# Docker's own patience is 30 s between checks and 3 failures; the image's command stays as it is.
IMPATIENT: Mapping[str, int] = {
    "interval": _SECOND,
    "timeout": _SECOND,
    "retries": 2,
    "start_period": _SECOND // 1000,
}
_POLL_SECONDS = 0.1


def story(reference: str, engine: Engine, patience: float = 30.0) -> list[tuple[str, str]]:
    """Run an image and return what happened to it, each time with the health that followed.

    The app starts; its process is stopped as if it hung; it goes on. An image without HEALTHCHECK has
    "no check" throughout. ``patience`` is the time in seconds for each change; raises `ContainerError`
    when a change does not come.
    """
    told = []
    with containers.running(reference, where=engine, options={"healthcheck": dict(IMPATIENT)}) as api:
        if status(api) == NO_CHECK:
            return [("the app answers", NO_CHECK), ("it hangs", _of_a_hanging(api))]
        told.append(("the app answers", await_status(api, HEALTHY, patience)))
        with hanging(api):
            told.append(("it hangs", await_status(api, UNHEALTHY, patience)))
        told.append(("it goes on", await_status(api, HEALTHY, patience)))
    return told


def _of_a_hanging(api: Running) -> str:
    with hanging(api):
        return status(api)


@contextlib.contextmanager
def hanging(api: Running) -> Iterator[None]:
    """Stop the app's process in its tracks, and let it go on when the block ends.

    It still exists and holds its port: what a restart policy sees is a running container.
    """
    api.container.kill("SIGSTOP")
    try:
        yield
    finally:
        api.container.kill("SIGCONT")


def status(api: Running) -> str:
    """Return the container's health now: "starting", "healthy", "unhealthy" or "no check"."""
    api.container.reload()
    found: dict[str, Any] = api.container.attrs["State"].get("Health") or {}
    return str(found.get("Status") or NO_CHECK).replace("none", NO_CHECK)


def await_status(
    api: Running,
    wanted: str,
    patience: float,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Wait until the container's health is ``wanted`` and return it. Raises `ContainerError` if not."""
    deadline = clock() + patience
    while (found := status(api)) != wanted:
        if clock() > deadline:
            raise ContainerError(f"The container is {found} and not {wanted} after {patience:.0f} s.")
        time.sleep(_POLL_SECONDS)
    return found
