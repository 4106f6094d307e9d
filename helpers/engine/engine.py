"""Find the Docker engine that the reader means, and say in one sentence what is missing.

The reader's own settings come first: ``DOCKER_HOST``, the current Docker context, ``BUILDX_BUILDER``.
When they lead to no engine, the workbook's private engine is used, provided that it runs already. This
module starts nothing and builds nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from helpers.engine import builder
from helpers.engine.builder import Builder
from helpers.engine.private import PrivateEngine
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "workbook"
OLDEST_ENGINE = (23, 0)
OLDEST_BUILDX = (0, 13)
_SETTINGS = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    builder.SETTING,
    "PATH",
)
LOST = (
    "The Docker engine went away; start it again (`make engine` for the private one) and run the "
    "cell again."
)
_PATIENCE = 10  # seconds in which an engine must answer that it is there
_LONGEST = 600  # seconds that it may take for a piece of work


class EngineError(WorkbookError):
    """The workbook cannot use the engine, or has lost it."""


class NoEngineError(EngineError):
    """No Docker engine answers."""


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers, with the client and the buildx that drive it.

    ``environment`` is what a ``docker`` command needs to reach it, added to the process's own.
    ``store`` is the image store: ``overlay2`` (layers kept unpacked) or ``containerd`` (layers kept
    compressed as well). ``root`` is the engine's data folder, as the engine names it. ``builder`` does
    the builds: the engine itself, or another BuildKit that the reader chose. A ``rootless`` engine has a
    network of its own, so its loopback is not this machine's. ``accounts`` says whether it measures CPU
    and memory per container; an engine without cgroups reports the figures of the whole machine.
    """

    docker: str
    environment: Mapping[str, str]
    version: str
    buildx: str
    architecture: str
    store: str
    root: str
    private: bool
    client: DockerClient = field(repr=False, compare=False)
    builder: Builder = builder.ENGINE
    rootless: bool = False
    accounts: bool = True

    def command(self, *arguments: str) -> list[str]:
        """Return a ``docker`` command line, ready for `subprocess`."""
        return [self.docker, *arguments]

    def process_environment(self) -> dict[str, str]:
        """Return the whole environment for a ``docker`` command."""
        return {**os.environ, **self.environment}

    @property
    def answers(self) -> bool:
        """Whether the engine is still there (it has 10 seconds to say so)."""
        return _answers(self.client)

    @property
    def description(self) -> str:
        """One phrase for captions, such as ``Docker Engine 28.5.2, buildx 0.29.1, linux/amd64``."""
        here = f"Docker Engine {self.version}, buildx {self.buildx}, linux/{self.architecture}"
        return f"{here}, {self.builder}" if self.builder.apart else here

    @property
    def free_bytes(self) -> int | None:
        """Bytes free where the engine keeps its data; None when that disk is not this machine's."""
        folder = Path(self.root)
        try:
            return shutil.disk_usage(folder).free if folder.is_dir() else None
        except OSError:
            return None


class OwnEngine(Protocol):
    """An engine that was started here: where it lies, and how a ``docker`` command reaches it."""

    folder: Path

    @property
    def socket(self) -> Path:
        """The engine's socket."""

    @property
    def docker(self) -> Path:
        """The ``docker`` program that came with it."""

    def environment(self) -> dict[str, str]:
        """Return what a ``docker`` command needs to reach it."""


@contextlib.contextmanager
def in_touch() -> Iterator[None]:
    """Raise `EngineError`, with what to do, when the engine goes away inside the block."""
    import requests

    try:
        yield
    except requests.RequestException:
        raise EngineError(LOST) from None


_found: tuple[tuple[str | None, ...], Engine] | None = None


def find() -> Engine:
    """Return the engine to use; look it up again when it stops answering or the settings change.

    Raises `NoEngineError` when no engine answers, `EngineError` when buildx is missing or too old, and
    `WorkbookError` when the chosen builder does not fit; each says what to do.
    """
    global _found
    settings = tuple(map(os.environ.get, _SETTINGS))
    if _found is None or _found[0] != settings or not _answers(_found[1].client):
        _found = None
        _found = (settings, _find())
    return _found[1]


def of(private: OwnEngine) -> Engine:
    """Return a private engine that runs, whatever the reader's settings say. Raises as `find` does."""
    own_builder = {builder.SETTING: ""} if os.environ.get(builder.SETTING) else {}
    return _of(private, own_builder)


def _of(private: OwnEngine, settings: Mapping[str, str]) -> Engine:
    client = _client(base_url=f"unix://{private.socket}")
    if client is None:
        raise NoEngineError(f"The private engine in {private.folder} does not answer; start it.")
    return _inspect(str(private.docker), {**private.environment(), **settings}, client, private=True)


def _find() -> Engine:
    docker, client = shutil.which("docker"), _reader_client()
    if client is not None:
        return _inspect(docker, {}, client, private=False)
    private = PrivateEngine()
    if not _chosen_by_reader() and private.running:
        with contextlib.suppress(NoEngineError):
            return _of(private, {})
    raise NoEngineError(_no_engine_sentence())


def _chosen_by_reader() -> str | None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        if os.environ.get(name):
            return f"{name}={os.environ[name]}"
    return None


def _no_engine_sentence() -> str:
    chosen = _chosen_by_reader()
    if chosen:
        return f"No Docker engine answers at {chosen}; start that engine, or unset the variable."
    if os.uname().sysname != "Linux":
        return "No Docker engine answers; start Docker Desktop (docker.com/desktop) and try again."
    return (
        "No Docker engine answers; start yours (`systemctl start docker`), or as root on Debian run "
        "`make engine` for a private one."
    )


def _reader_client() -> DockerClient | None:
    import docker
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    if os.environ.get("DOCKER_HOST"):
        try:
            return _client(**kwargs_from_env())
        except DockerException:
            return None
    try:
        context = docker.ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    except Exception:  # docker raises a bare Exception for a context file that is damaged
        return None
    if context is None:
        return None
    return _client(base_url=context.Host, tls=context.TLSConfig or False)


def _client(**settings: Any) -> DockerClient | None:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.DockerClient(**settings, use_ssh_client=True, timeout=_PATIENCE)
    except (DockerException, ValueError, OSError):
        return None
    client.api.timeout = _LONGEST
    return client if _answers(client) else None


def _answers(client: DockerClient) -> bool:
    import requests
    from docker.errors import DockerException

    try:
        return bool(client.api.get(f"{client.api.base_url}/_ping", timeout=_PATIENCE).ok)
    except (DockerException, requests.RequestException, OSError):
        return False


def _inspect(
    docker: str | None, environment: Mapping[str, str], client: DockerClient, *, private: bool
) -> Engine:
    info = client.info()
    version = str(info["ServerVersion"])
    if _numbers(version) < OLDEST_ENGINE:
        raise EngineError(
            f"Docker Engine {version} is too old for the workbook; install version 23 or later."
        )
    containerd = "containerd" in str(info.get("DriverStatus", ""))
    buildx = _buildx_version(docker, environment)
    return Engine(
        docker=docker or "",
        environment=environment,
        version=version.split("+")[0],
        buildx=buildx,
        architecture={"x86_64": "amd64", "aarch64": "arm64"}.get(
            info["Architecture"], info["Architecture"]
        ),
        store="containerd" if containerd else str(info["Driver"]),
        root=str(info.get("DockerRootDir", "")),
        private=private,
        client=client,
        rootless="name=rootless" in (info.get("SecurityOptions") or ()),
        accounts=info.get("CgroupDriver") != "none",
        builder=builder.find(docker or "", {**os.environ, **environment}, str(info.get("ID", ""))),
    )


def _buildx_version(docker: str | None, environment: Mapping[str, str]) -> str:
    if not docker:
        raise EngineError("The `docker` command is not on the PATH; install Docker's client.")
    try:
        shown = subprocess.run(
            [docker, "buildx", "version"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise EngineError(
            f"The `docker` command at {docker} does not run ({error.strerror}); install Docker's client."
        ) from None
    if shown.returncode:
        raise EngineError(
            "The Docker client has no buildx, which does the builds; install the package "
            "`docker-buildx-plugin` (Docker's) or `docker-buildx` (Debian's)."
        )
    words = shown.stdout.split()
    version = words[1].lstrip("v") if len(words) > 1 else "0"
    if _numbers(version) < OLDEST_BUILDX:
        raise EngineError(
            f"buildx {version} is too old (its builds cannot be followed); install 0.13 or later."
        )
    return version.split("+")[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
