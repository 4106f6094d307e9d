"""Serve a registry on this machine's loopback, empty at first and removed when its block ends.

If the engine runs on this machine and Debian's ``docker-registry`` can be had, the registry is that
program. Otherwise it is a container of ``registry:2``, which `bases` pulls or makes. Docker trusts a
registry on loopback without a certificate. This module pushes and pulls nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from helpers import engine as engines
from helpers.bases import bases, standin_layers
from helpers.engine import Engine, container
from helpers.host import debian, loopback, paths, processes
from helpers.host.debian import DebianError
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

IMAGE = "registry:2"
_SUITE = "trixie"
_PATIENCE = 20.0  # seconds


@contextlib.contextmanager
def serving(engine: Engine | None = None, image: str | None = None) -> Iterator[str]:
    """Serve an empty registry until the block ends; yield its address, ``127.0.0.1:PORT``.

    With ``image``, a container of that image serves it. Raises `WorkbookError` when the registry does
    not start, and the errors of `bases.resolve` when ``registry:2`` is needed but not available.
    """
    engine = engine or engines.find()
    program = None if image else program_for(engine)
    if program:
        with _process(program) as address:
            yield address
        return
    with _container(image or bases.resolve([IMAGE], engine)[0].reference, engine) as address:
        yield address


def kept_program() -> Path:
    """Return the path where the registry's program is kept; the file may not exist yet."""
    return paths.state("registry") / "usr/bin/docker-registry"


def program_for(engine: Engine) -> Path | None:
    """Return the registry's program; None if the engine is not on this machine's loopback.

    It is None too when the program cannot be fetched.
    """
    if engine.free_bytes is None or engine.rootless:
        return None
    if found := shutil.which("docker-registry"):
        return Path(found)
    folder = paths.state("registry")
    program = kept_program()
    if not program.exists():
        try:
            _fetch(program, folder)
        except DebianError:
            return None
    return program


def _fetch(program: Path, folder: Path) -> None:
    """Unpack the registry into a folder, unless another process has just done so."""
    workshop = Workshop(paths.state())
    with workshop.lock("registry"), workshop.scratch() as scratch:
        if program.exists():
            return
        packages = debian.Suite(paths.state("apt"), _SUITE).fetch(["docker-registry"])
        unpacked = debian.unpack(packages, scratch / "registry")
        shutil.rmtree(folder.resolve())  # for a matrix engine, this is a link to the reader's folder
        unpacked.rename(folder.resolve())


@contextlib.contextmanager
def _process(program: Path) -> Iterator[str]:
    home = paths.state("registries")
    processes.sweep(home)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=home) as folder:
        address = f"127.0.0.1:{loopback.free_port()}"
        settings = standin_layers.registry_settings(f"{folder}/blobs", address)
        (Path(folder) / "registry.yml").write_text(settings)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(program), "serve", f"{folder}/registry.yml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # otherwise a kernel that shuts down would wait for it
                preexec_fn=processes.end_with_parent,
            )
        try:
            _wait(process, address, Path(folder) / "log")
            yield address
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, port = address.split(":")

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    processes.wait_for(lambda: process.poll() is not None or answers(), _PATIENCE)
    if process.poll() is None and answers():
        return
    said = log.read_text(errors="replace").strip().splitlines()
    raise WorkbookError(
        f"The registry at {address} did not start: {said[-1] if said else 'it said nothing'}."
    )


@contextlib.contextmanager
def _container(image: str, engine: Engine) -> Iterator[str]:
    with container.running(image, port=5000, ready="/v2/", engine=engine) as running:
        yield running.url.removeprefix("http://")
