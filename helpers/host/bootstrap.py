"""Make the workbook's Python environment from the lock file: ``python3 -m helpers.host.bootstrap``.

This module uses only the standard library, because it runs before anything is installed. Debian's Python
comes without ``pip``; then pip is fetched from the host's own Debian mirror into the workbook's folder.
``python3 -m helpers.host.bootstrap KIT`` takes everything from a workbook kit and needs no network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.host import debian, paths
from helpers.host.errors import WorkbookError

ENVIRONMENT = paths.ROOT / ".venv"
LOCK = paths.ROOT / "requirements.lock"
OLDEST_PYTHON = (3, 11)


def main() -> None:
    """Make the environment, from the kit if one is named; do nothing when it is up to date."""
    try:
        ensure(ENVIRONMENT, Path(sys.argv[1]) if sys.argv[1:] else None)
    except WorkbookError as error:
        sys.exit(str(error))


def ensure(folder: Path, kit: Path | None = None) -> None:
    """Make the environment in ``folder``, unless it was already made from the present lock file.

    With ``kit``, all packages come from the wheels in that archive. Raises `WorkbookError` when it
    cannot be made, for example because the wheels are for another Python.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise WorkbookError("The workbook needs Python 3.11 or later; run make with PYTHON=python3.12.")
    stamp, wanted = folder / "made-from", _fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Making the Python environment in {folder} (once, a minute or two) …", flush=True)
    with _wheels(kit) as wheels:
        _install(folder, wheels)
    _quiet_lab(folder)
    stamp.write_text(wanted)


def python() -> str:
    """Return the facts that wheels depend on: the release of Python, the system and the CPU."""
    major, minor, *_ = sys.version_info
    return f"{major}.{minor} {platform.system()} {platform.machine()}"


def _install(folder: Path, wheels: Path | None) -> None:
    pip_of_kit = _wheel_of_pip(wheels) if wheels else None
    venv.create(folder, clear=True, symlinks=True)
    python, environment = folder / "bin" / "python", {**os.environ}
    source: list[str | Path] = ["--no-index", "--find-links", wheels] if wheels else []
    if pip_of_kit:
        _run([python, pip_of_kit / "pip", "install", "--quiet", *source, "pip"], environment)
    elif importlib.util.find_spec("ensurepip"):
        _run([python, "-m", "ensurepip", "--default-pip"], environment)
    else:
        _run([python, _debian_pip() / "pip", "install", "--quiet", "pip"], environment)
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-input", *source]
    _run([*install, "--require-hashes", "--requirement", LOCK], environment)
    _run([*install, "--no-deps", "--no-build-isolation", "--editable", paths.ROOT], environment)


@contextmanager
def _wheels(kit: Path | None) -> Iterator[Path | None]:
    """Unpack the wheels of a kit into a folder that is removed when the block ends."""
    if kit is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="workbook-") as folder:
        try:
            with tarfile.open(kit, "r:") as archive:
                _unpack_wheels(archive, Path(folder))
        except FileNotFoundError:
            raise WorkbookError(f"There is no kit at {kit}; name it with FILE=….") from None
        except (OSError, KeyError, ValueError, tarfile.TarError) as error:
            raise WorkbookError(f"{kit} is no kit, or only part of one ({error}).") from None
        yield Path(folder)


def _unpack_wheels(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack the wheels into ``folder``. Raises `WorkbookError` when they are for another Python."""
    for entry in archive:
        content = archive.extractfile(entry)
        if entry.name == "manifest.json" and content:
            made_with = json.load(content)["python"]
            if made_with != python():
                raise WorkbookError(
                    f"The kit's wheels are for Python {made_with}, this is {python()}; run make with "
                    "PYTHON=… of that release, or write a kit with this one."
                )
        elif entry.name.startswith("wheels/") and content:
            (folder / Path(entry.name).name).write_bytes(content.read())


def _wheel_of_pip(wheels: Path) -> Path:
    """Return the wheel of pip in a kit, which Python can run without installing it."""
    found = sorted(wheels.glob("pip-*.whl"))
    if not found:
        raise WorkbookError("This kit has no Python wheels; run `make environment` with a network.")
    return found[-1]


def _quiet_lab(folder: Path) -> None:
    """Keep JupyterLab from the network: no news, and a theme of live slides with its own letters."""
    settings = folder / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},
        "jupyterlab-rise:plugin": {"theme": "white", "scroll": True},
    }
    (settings / "overrides.json").write_text(json.dumps(quiet))


def _fingerprint() -> str:
    made_of = [LOCK.read_bytes(), (paths.ROOT / "pyproject.toml").read_bytes(), sys.version.encode()]
    return hashlib.sha256(b"\0".join([*made_of, str(paths.ROOT).encode()])).hexdigest()


def _debian_pip() -> Path:
    """Return Debian's wheel of pip, which Python can run without installing it."""
    suite = debian.Suite(paths.state("apt"), debian.host_suite())
    root = debian.unpack(suite.fetch(["python3-pip-whl"]), paths.state("pip"))
    wheels = sorted((root / "usr/share/python-wheels").glob("pip-*.whl"))
    if not wheels:
        raise WorkbookError("This Python has no pip; install Debian's python3-venv and run make again.")
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
            raise WorkbookError(
                f"The Python environment could not be made: {reason} "
                "Check that the package index can be reached and run make again."
            )


if __name__ == "__main__":
    main()
