"""Which BuildKit does the builds: the engine's own, or the one that the reader chose for buildx.

``BUILDX_BUILDER`` and ``docker buildx use`` choose, as they do for ``docker buildx build``. This module
asks buildx and says what is wrong in one sentence; it makes no builder and starts none.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from helpers.host.errors import WorkbookError

SETTING = "BUILDX_BUILDER"
_ENGINES_OWN = "docker"  # the driver of a builder that is a Docker engine


@dataclass(frozen=True)
class Builder:
    """A builder of buildx: its ``name`` and ``driver`` (such as ``docker-container`` or ``remote``)."""

    name: str
    driver: str

    @property
    def apart(self) -> bool:
        """Whether it cannot see the engine's images: bases are handed to it, results loaded back."""
        return self.driver != _ENGINES_OWN

    def __str__(self) -> str:
        return f"builder {self.name} ({self.driver})"


ENGINE = Builder("default", _ENGINES_OWN)


def find(docker: str, environment: Mapping[str, str], engine_id: str) -> Builder:
    """Return the builder that ``docker buildx build`` uses under these variables.

    ``engine_id`` is the id of the engine that is to run the images. Raises `WorkbookError` for a builder
    that does not exist, or that is another engine, because its images would stay there.
    """
    shown = _run([docker, "buildx", "inspect"], environment)
    chosen = environment.get(SETTING, "")
    if shown.returncode:
        if not chosen:
            return ENGINE  # the build itself says what is wrong
        raise WorkbookError(
            f"There is no builder called {chosen!r} (BUILDX_BUILDER); choose one of `docker buildx ls`, "
            "or unset the variable to let the engine build."
        )
    rows = re.findall(r"^(Name|Driver|Endpoint): +(\S+)$", shown.stdout, re.MULTILINE)
    facts = dict(reversed(rows))  # the first of each name: the builder's own, before its nodes'
    found = Builder(facts.get("Name", "default"), facts.get("Driver", _ENGINES_OWN))
    endpoint = facts.get("Endpoint", "default")
    if not found.apart and (chosen or endpoint != "default"):
        _require_same_engine(docker, environment, engine_id, found.name, endpoint)
    return found


def _require_same_engine(
    docker: str, environment: Mapping[str, str], engine_id: str, name: str, endpoint: str
) -> None:
    there = ["--context", endpoint] if "://" not in endpoint else ["--host", endpoint]
    asked = _run([docker, *there, "info", "--format", "{{.ID}}"], environment)
    if asked.stdout.strip() != engine_id:
        raise WorkbookError(
            f"The builder {name!r} is another Docker engine than the one that runs the images, and what "
            "it builds would stay there; unset BUILDX_BUILDER, or use that engine for both "
            f"(DOCKER_CONTEXT={endpoint}, without DOCKER_HOST)."
        )


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise WorkbookError(f"`{command[0]}` does not run ({error.strerror}).") from None
