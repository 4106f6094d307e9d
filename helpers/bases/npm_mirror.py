"""Collect the npm packages that the workbook's builds install, laid out as `npm_registry` serves them.

npm fetches them with the reader's own settings (registry, proxy, sign-in) and checks each against the
lockfile. The data that a registry gives about a package is made from the package itself. Only packages
for Linux on one CPU are kept, for glibc and for musl. This module installs nothing and runs no script.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.bases import npm_registry
from helpers.host import downloads, paths
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop, WorkshopError

_LIBCS = ("glibc", "musl")
_CPU = {"amd64": "x64", "arm64": "arm64"}
_SECONDS = 600
_SERVER = Path(__file__).with_name("npm_registry.cjs")
_TOLD = (
    *("name", "version", "bin", "engines", "os", "cpu", "libc", "directories", "dependencies"),
    *("optionalDependencies", "peerDependencies", "peerDependenciesMeta", "bundleDependencies"),
    "bundledDependencies",
)
_INSTALL_SCRIPTS = ("preinstall", "install", "postinstall")
_NAMED = re.compile(r"\b(?:npm (?:install|i)|npx)\b[^\n&|;]*?((?:@[\w.-]+/)?[\w.-]+@\d[\w.-]*)")


@dataclass(frozen=True)
class Package:
    """One package: its name, its version, its integrity in npm's notation, its ``.tgz`` file."""

    name: str
    version: str
    integrity: str
    file: Path


def lockfiles() -> list[Path]:
    """Return the lockfiles of the projects that the lessons build."""
    own = sorted((paths.ROOT / "helpers").rglob("package-lock.json"))
    return [paths.SAMPLE_APP / "package-lock.json", *own]


def named() -> list[str]:
    """Return the packages that the Dockerfiles install by name and version: ``postject@1.0.0``."""
    texts = (file.read_text() for file in sorted(paths.DOCKERFILES.glob("*.Dockerfile")))
    return list(dict.fromkeys(spec for text in texts for spec in named_in(text)))


def named_in(text: str) -> list[str]:
    """Return the packages that the text of a Dockerfile installs by name and version."""
    return _NAMED.findall(text)


def collect(arch: str, into: Path, workshop: Workshop) -> int:
    """Lay out the packages of all `lockfiles` and all `named` in ``into``; return their number.

    ``arch`` is Docker's name of a CPU. Raises `WorkbookError` when a package cannot be fetched.
    """
    with workshop.scratch() as scratch:
        cache = scratch / "cache"
        locks = [_from_lockfile(file, scratch, cache, arch, workshop) for file in lockfiles()]
        locks += [_from_name(spec, scratch, cache, arch, workshop) for spec in named()]
        packages = {p.integrity: p for lock in locks for p in packages_of(lock, cache, arch)}
        lay_out(list(packages.values()), into)
    return len(packages)


def _from_lockfile(lock: Path, scratch: Path, cache: Path, arch: str, workshop: Workshop) -> Any:
    folder = scratch / lock.parent.name
    folder.mkdir()
    for file in ("package.json", "package-lock.json"):
        shutil.copy(lock.parent / file, folder)
    for libc in _LIBCS:
        _npm(["ci"], folder, cache, arch, libc, workshop)
    return json.loads(lock.read_text())


def _from_name(spec: str, scratch: Path, cache: Path, arch: str, workshop: Workshop) -> Any:
    folder = scratch / spec.replace("/", "+")
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    for libc in _LIBCS:
        _npm(["install", spec], folder, cache, arch, libc, workshop)
    return json.loads((folder / "package-lock.json").read_text())


def _npm(words: list[str], folder: Path, cache: Path, arch: str, libc: str, workshop: Workshop) -> None:
    platform = ["--os", "linux", "--cpu", _CPU[arch], "--libc", libc]
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    command = [*downloads.npm_command(), *words, *platform, *quiet, "--cache", str(cache)]
    try:
        workshop.run(command, cwd=folder, seconds=_SECONDS)
    except WorkshopError as error:
        raise WorkbookError(
            f"The npm packages could not be fetched ({error}); check the network and `npm config list`."
        ) from error


def packages_of(lock: Mapping[str, Any], cache: Path, arch: str) -> Iterator[Package]:
    """Yield the packages of a lockfile that are in npm's ``cache``.

    Raises `WorkbookError` when a package that Linux on this CPU needs is missing.
    """
    for path, entry in lock["packages"].items():
        if not path or not entry.get("integrity"):
            continue
        name = str(entry.get("name") or path.rpartition("node_modules/")[2])
        file = _content(cache, entry["integrity"])
        if file.exists():
            yield Package(name, str(entry["version"]), str(entry["integrity"]), file)
        elif _needed(entry, _CPU[arch]):
            raise WorkbookError(
                f"npm did not fetch {name} {entry['version']}, which builds on Linux need; "
                "update npm to 10.8 or later and run `make kit` again."
            )


def _needed(entry: Mapping[str, Any], cpu: str) -> bool:
    """Whether Linux on that CPU needs a package; an optional one must name its system or CPU."""
    optional = entry.get("optional") or entry.get("devOptional") or entry.get("peer")
    made_for = _suits(entry.get("os"), "linux") and _suits(entry.get("cpu"), cpu)
    return made_for and (not optional or bool(entry.get("os") or entry.get("cpu")))


def _suits(wanted: Sequence[str] | None, ours: str) -> bool:
    """Whether a package's list of systems, or of CPUs, allows ours (``!name`` excludes one)."""
    listed = list(wanted or ())
    positive = [word for word in listed if not word.startswith("!")]
    return f"!{ours}" not in listed and (not positive or ours in positive)


def _content(cache: Path, integrity: str) -> Path:
    """Return the file in npm's cache that holds the content with that integrity."""
    algorithm, _, encoded = integrity.split()[0].partition("-")
    digest = base64.b64decode(encoded).hex()
    return cache / "_cacache/content-v2" / algorithm / digest[:2] / digest[2:4] / digest[4:]


def lay_out(packages: Sequence[Package], into: Path) -> None:
    """Write packages, a registry's data about them, the index and the server into ``into``."""
    index: dict[str, dict[str, str]] = {}
    by_name: dict[str, list[Package]] = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    (into / "packages").mkdir(parents=True)
    for number, (name, versions) in enumerate(sorted(by_name.items())):
        about = into / "packages" / f"{number}.json"
        about.write_text(json.dumps(_packument(name, versions, into, number, index)))
        index[f"/{name}"] = _entry(about, into, "application/json")
    (into / "ping.json").write_text("{}")
    index["/-/ping"] = _entry(into / "ping.json", into, "application/json")
    (into / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True))
    shutil.copy(_SERVER, into / npm_registry.SERVER)


def _packument(
    name: str, versions: list[Package], into: Path, number: int, index: dict[str, dict[str, str]]
) -> dict[str, Any]:
    told = {}
    versions = sorted(versions, key=lambda package: _order(package.version))
    for package in versions:
        file = into / "packages" / f"{number}-{package.version}.tgz"
        shutil.copy(package.file, file)
        path = f"/{name}/-/{name.rpartition('/')[2]}-{package.version}.tgz"
        index[path] = _entry(file, into, "application/octet-stream")
        told[package.version] = _version(package, npm_registry.REGISTRY.rstrip("/") + path)
    return {"name": name, "dist-tags": {"latest": versions[-1].version}, "versions": told}


def _version(package: Package, address: str) -> dict[str, Any]:
    """Return a registry's data about a version, made from the package's own ``package.json``."""
    content = package.file.read_bytes()
    own = _package_json(content)
    shasum = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    about: dict[str, Any] = {key: own[key] for key in _TOLD if key in own}
    about |= {"name": package.name, "version": package.version}
    about["dist"] = {"tarball": address, "integrity": package.integrity, "shasum": shasum}
    scripts = own.get("scripts") or {}
    if any(script in scripts for script in _INSTALL_SCRIPTS) or _has_gyp(content):
        about["hasInstallScript"] = True
    return about


def _package_json(content: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if re.fullmatch(r"(\./)?[^/]+/package\.json", member.name):
                found = archive.extractfile(member)
                assert found is not None  # noqa: S101 - a regular file
                return dict(json.loads(found.read()))
    raise WorkbookError("A package that npm fetched has no package.json; run `make kit` again.")


def _has_gyp(content: bytes) -> bool:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return any(re.fullmatch(r"[^/]+/binding\.gyp", name) for name in archive.getnames())


def _order(version: str) -> tuple[tuple[int, ...], bool]:
    """Return a sort key for versions; a pre-release comes before its release."""
    core, dash, _ = version.partition("-")
    return tuple(int(number) for number in core.split("+")[0].split(".")), not dash


def _entry(file: Path, into: Path, kind: str) -> dict[str, str]:
    return {"file": file.relative_to(into).as_posix(), "type": kind}
