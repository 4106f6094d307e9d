"""Read a Dockerfile and its context, run one ``docker buildx build``, follow its steps."""

from helpers.buildx.failure import BuildError
from helpers.buildx.run import (
    BuildResult,
    PrintedError,
    Request,
    Watcher,
    build,
    check_command,
    follow,
    id_of,
    plan,
)

__all__ = [
    "BuildError",
    "BuildResult",
    "PrintedError",
    "Request",
    "Watcher",
    "build",
    "check_command",
    "follow",
    "id_of",
    "plan",
]
