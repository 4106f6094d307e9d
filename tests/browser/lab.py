"""Serve a folder in JupyterLab for tests and screenshots, and open and run notebooks there.

The workbook's own command starts it. It runs as a reader's does but for two settings: all cells stay in
the page (else JupyterLab takes those out of view away, and a test cannot look at them), and a theme gets
half a minute to load (else a busy machine meets a dialog after 1.5 s).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.host import loopback, paths
from helpers.host.errors import WorkbookError
from helpers.lesson import lab as lab_command

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PATIENCE = 90.0  # seconds until the server answers
_SECONDS = 1000.0  # in Playwright's milliseconds
_NOTEBOOK_SETTINGS = "@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
# JupyterLab asks 20 times, once in 75 ms, whether the theme is there, and then shows a dialog. Whatever
# dialog comes is accepted by the page itself: some go away before a test could click.
_PATIENT = """{
  const ask = window.setTimeout;
  window.setTimeout = (what, after, ...given) => ask(what, after === 75 ? 1500 : after, ...given);
  window.setInterval(
    () => document.querySelectorAll('.jp-Dialog .jp-mod-accept').forEach(button => button.click()), 500);
}"""


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs: its ``address`` and the token that lets one in."""

    address: str
    token: str

    def page(self, path: str) -> str:
        """Return the address at which a notebook opens; ``path`` starts at the lab's folder."""
        return f"{self.address}/lab/tree/{path}?token={self.token}"

    def show(self, page: Page, path: str) -> None:
        """Open a notebook in a workspace of its own; each dialog that comes is accepted."""
        page.add_init_script(_PATIENT)
        page.goto(f"{self.page(path)}&reset")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120 * _SECONDS)

    def present(self, page: Page, path: str) -> None:
        """Open a notebook as live slides; each dialog that comes is accepted."""
        page.add_init_script(_PATIENT)
        page.goto(f"{self.address}/rise/{path}?token={self.token}")


def run_all(page: Page) -> None:
    """Run the open notebook from the menu, once its kernel listens."""
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(timeout=180 * _SECONDS)
    started = page.locator(".jp-InputPrompt", has_text=re.compile(r"\[(\*|1)\]"))
    while not started.count():  # JupyterLab drops what is asked of a kernel that it has not reached yet
        page.get_by_role("menuitem", name="Run", exact=True).first.click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_timeout(2 * _SECONDS)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Lab]:
    """Serve ``folder`` as `make lab` does, on a free port of loopback, until the block ends. Raises `WorkbookError`."""
    port = loopback.free_port()
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    given = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    given += [f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={lab.token}"]
    settings = tempfile.mkdtemp(prefix="workbook-lab-")  # a reader's own settings stay out of it
    cells = Path(settings) / _NOTEBOOK_SETTINGS
    cells.parent.mkdir(parents=True)
    cells.write_text(json.dumps({"windowingMode": "none"}))
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
