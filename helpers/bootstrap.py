"""Make the workbook's Python environment from the lock file, with what a plain Python has.

Standard library only, since it runs before anything is installed: ``python3 -m helpers.bootstrap``.
Debian's Python comes without ``pip``; there pip is fetched from the host's own Debian mirror and used
from a folder of ours.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from helpers import debian, places
from helpers.errors import WorkbookError

ENVIRONMENT = places.ROOT / ".venv"
LOCK = places.ROOT / "requirements.lock"
OLDEST_PYTHON = (3, 11)


class BootstrapError(WorkbookError):
    """The Python environment could not be made."""


def main() -> None:
    """Make the environment, or do nothing when it is up to date."""
    try:
        ensure(ENVIRONMENT)
    except WorkbookError as error:
        sys.exit(str(error))


def ensure(folder: Path) -> None:
    """Make the environment in ``folder`` unless it was made from this very lock file."""
    if sys.version_info < OLDEST_PYTHON:
        raise BootstrapError("The workbook needs Python 3.11 or later; run make with PYTHON=python3.12.")
    stamp, wanted = folder / "made-from", _fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Making the Python environment in {folder} (once, a minute or two) …", flush=True)
    venv.create(folder, clear=True, symlinks=True)
    python, environment = folder / "bin" / "python", {**os.environ}
    if importlib.util.find_spec("ensurepip"):
        _run([python, "-m", "ensurepip", "--default-pip"], environment)
    else:
        _run([python, _debian_pip() / "pip", "install", "--quiet", "pip"], environment)
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-input"]
    _run([*install, "--require-hashes", "--requirement", LOCK], environment)
    _run([*install, "--no-deps", "--no-build-isolation", "--editable", places.ROOT], environment)
    _quiet_lab(folder)
    stamp.write_text(wanted)


def _quiet_lab(folder: Path) -> None:
    """Let JupyterLab ask nobody for news, and not ask the reader whether it may."""
    settings = folder / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
    (settings / "overrides.json").write_text(json.dumps(quiet))


def _fingerprint() -> str:
    made_of = [LOCK.read_bytes(), (places.ROOT / "pyproject.toml").read_bytes(), sys.version.encode()]
    return hashlib.sha256(b"\0".join([*made_of, str(places.ROOT).encode()])).hexdigest()


def _debian_pip() -> Path:
    """Return Debian's wheel of pip, which Python can run as it is."""
    suite = debian.Suite(places.state("apt"), debian.host_suite())
    root = debian.unpack(suite.fetch(["python3-pip-whl"]), places.state("pip"))
    wheels = sorted((root / "usr/share/python-wheels").glob("pip-*.whl"))
    if not wheels:
        raise BootstrapError("This Python has no pip; install Debian's python3-venv and run make again.")
    return wheels[-1]


def _run(command: list[str | Path], environment: dict[str, str]) -> None:
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            output.seek(0)
            lines = [line.strip() for line in output if line.strip()]
            reason = next(
                (line for line in lines if line.startswith("ERROR")), lines[-1] if lines else ""
            )
            raise BootstrapError(
                f"The Python environment could not be made: {reason} "
                "Check that the package index can be reached and run make again."
            )


if __name__ == "__main__":
    main()
