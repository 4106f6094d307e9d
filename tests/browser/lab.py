"""Serve a folder in JupyterLab for tests and screenshots, started by the workbook's own command."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers.host import loopback, paths
from helpers.host.errors import WorkbookError
from helpers.lesson import lab as lab_command

_PATIENCE = 90.0  # seconds until the server answers


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs: its ``address`` and the token that lets one in."""

    address: str
    token: str

    def page(self, path: str) -> str:
        """Return the address at which a notebook opens; ``path`` starts at the lab's folder."""
        return f"{self.address}/lab/tree/{path}?token={self.token}"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Lab]:
    """Serve ``folder`` as `make lab` does, on a free port of loopback, until the block ends. Raises `WorkbookError`."""
    port = loopback.free_port()
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    given = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    given += [f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={lab.token}"]
    settings = tempfile.mkdtemp(prefix="workbook-lab-")  # a reader's own settings stay out of it
    environment = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": settings}
    environment["JUPYTERLAB_WORKSPACES_DIR"] = settings
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(paths.ROOT), os.environ.get("PYTHONPATH")))
    )
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            lab_command.command(given), cwd=paths.ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            if not _answers(f"{lab.address}/api", server):
                log.seek(0)
                said = log.read().decode(errors="replace").strip().splitlines()
                raise WorkbookError(f"JupyterLab did not start: {said[-1] if said else 'no word of it'}")
            yield lab
        finally:
            _end(server)
            shutil.rmtree(settings, ignore_errors=True)


def _answers(address: str, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with loopback.ask(address, 2) as answer:
                answer.raise_for_status()
                return True
        except OSError:
            time.sleep(0.2)
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server, which ends its kernels first."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
