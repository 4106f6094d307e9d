"""Follow the health of a container, as the engine tells it after each run of the image's HEALTHCHECK.

The check is the image's own; only how often the engine asks can be changed, so that nobody waits.
It reports and judges nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from helpers.engine import container as containers
from helpers.engine.container import ContainerError, Running

if TYPE_CHECKING:
    from helpers.engine.engine import Engine

NO_CHECK = "no check"
HEALTHY, UNHEALTHY = "healthy", "unhealthy"
STEPS = ("the app answers", "it hangs", "it goes on")
_SECOND = 1_000_000_000  # the engine counts nanoseconds
# The image's command and its timeout stay as they are; by itself Docker waits for 3 failures.
IMPATIENT: Mapping[str, int] = {
    "interval": _SECOND,
    "retries": 2,
    "start_period": _SECOND // 1000,
}
_POLL_SECONDS = 0.1


def story(reference: str, engine: Engine, patience: float = 60.0) -> tuple[str, ...]:
    """Run an image and return its health after each of `STEPS`.

    The process is stopped as if it hung, and goes on. An image without HEALTHCHECK has "no check"
    throughout. ``patience`` is the time in seconds for each change; raises `ContainerError` when a
    change does not come.
    """
    options = {"healthcheck": dict(IMPATIENT)}
    with containers.running(reference, where=engine, options=options) as api:
        if status(api) == NO_CHECK:
            with hanging(api):
                hangs = status(api)
            return NO_CHECK, hangs, status(api)
        starts = await_status(api, HEALTHY, patience)
        with hanging(api):
            hangs = await_status(api, UNHEALTHY, patience)
        return starts, hangs, await_status(api, HEALTHY, patience)


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
    said = str(found.get("Status", "none"))
    return NO_CHECK if said == "none" else said


def await_status(api: Running, wanted: str, patience: float) -> str:
    """Wait until the container's health is ``wanted`` and return it. Raises `ContainerError` if not."""
    deadline = time.monotonic() + patience
    while (found := status(api)) != wanted:
        if time.monotonic() > deadline:
            raise ContainerError(f"The container is {found} and not {wanted} after {patience:.0f} s.")
        time.sleep(_POLL_SECONDS)
    return found
