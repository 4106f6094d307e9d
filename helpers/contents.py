"""Say what the files of an image are for: operating system, toolchain, Node, packages, the app itself.

Every byte of the merged file system belongs to one category. It reads the image and never runs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers import image
from helpers.image import File
from helpers.layers import ImageError

if TYPE_CHECKING:
    import pandas as pd

    from helpers.engine import Engine

CATEGORIES = (
    "operating system",
    "toolchain",
    "Node runtime",
    "npm",
    "production dependencies",
    "devDependencies",
    "app build output",
    "app sources and tests",
    "secrets swept in (.env*)",
    "other",
)
_NODE = re.compile(r"/nodejs/|/usr/local/(bin/node$|include/node/|share/\w+/(man1|node))|/usr/bin/node$")
_NPM = re.compile(r"/usr/local/lib/node_modules/|/opt/yarn|/root/\.npm/|/home/node/\.npm/")
_BASE_PRIORITIES = {"required", "important", "standard"}
_BASE_PACKAGES = {"ca-certificates", "netbase", "tzdata", "libssl3", "openssl"}
_DPKG = "/var/lib/dpkg"


@dataclass(frozen=True)
class Package:
    """An npm package of an image: where it lies, and whether only development needs it."""

    name: str
    version: str
    path: str
    dev: bool


def composition(reference: str, engine: Engine, app: str = "/app") -> pd.DataFrame:
    """Return one row a category of `CATEGORIES`: what, files, bytes.

    ``app`` is the folder of the application in the image.
    """
    import pandas as pd

    rows = {name: [0, 0] for name in CATEGORIES}
    for file, category in classified(reference, engine, app):
        rows[category][0] += file.kind == "file"
        rows[category][1] += file.bytes
    return pd.DataFrame([(n, *counts) for n, counts in rows.items()], columns=["what", "files", "bytes"])


def classified(reference: str, engine: Engine, app: str = "/app") -> Iterator[tuple[File, str]]:
    """Yield each path of an image with its category."""
    packages = {package.path: package for package in npm_packages(reference, engine, app)}
    toolchain = _toolchain(reference, engine)
    for file in image.files(reference, engine):
        yield file, _category(file.path, app, packages, toolchain)


def packages(reference: str, engine: Engine, app: str = "/app") -> pd.DataFrame:
    """Return one row an npm package of the app, the heaviest first: name, version, dev, bytes."""
    import pandas as pd

    known = {package.path: package for package in npm_packages(reference, engine, app)}
    sizes = dict.fromkeys(known, 0)
    for file in image.files(reference, engine):
        owner = _owner(file.path, known)
        if owner:
            sizes[owner.path] += file.bytes
    rows = [(p.name, p.version, p.dev, sizes[p.path], p.path) for p in known.values()]
    frame = pd.DataFrame(rows, columns=["package", "version", "dev", "bytes", "path"])
    return frame.sort_values(["bytes", "path"], ascending=[False, True], ignore_index=True)


def npm_packages(reference: str, engine: Engine, app: str = "/app") -> list[Package]:
    """Read npm's own record of what it installed in ``app``; empty when the image has none."""
    try:
        record = json.loads(image.read(reference, f"{app}/node_modules/.package-lock.json", engine))
    except ImageError:
        return []
    return [
        Package(
            name=path.rpartition("node_modules/")[2],
            version=str(facts.get("version", "")),
            path=f"{app}/{path}",
            dev=bool(facts.get("dev") or facts.get("devOptional")),
        )
        for path, facts in record.get("packages", {}).items()
    ]


def _category(path: str, app: str, known: Mapping[str, Package], toolchain: set[str]) -> str:
    if path.startswith(f"{app}/"):
        return _app_category(path, path.removeprefix(f"{app}/"), known)
    if _NODE.match(path):
        return "Node runtime"
    if _NPM.match(path):
        return "npm"
    return "toolchain" if _merged_usr(path) in toolchain else "operating system"


def _app_category(path: str, inside: str, known: Mapping[str, Package]) -> str:
    if inside.startswith("node_modules/"):
        owner = _owner(path, known)
        if owner is None:
            return "other"
        return "devDependencies" if owner.dev else "production dependencies"
    if inside.startswith("dist/"):
        return "app build output"
    if inside.startswith(".env") and inside != ".env.example":
        return "secrets swept in (.env*)"
    return "app sources and tests"


def _owner(path: str, known: Mapping[str, Package]) -> Package | None:
    """Return the innermost package that a path lies in."""
    while "/node_modules/" in path:
        if path in known:
            return known[path]
        path = path.rpartition("/")[0]
    return None


def _toolchain(reference: str, engine: Engine) -> set[str]:
    """Return the paths of Debian packages that a bare system would not have; empty without dpkg."""
    try:
        status = image.read(reference, f"{_DPKG}/status", engine).decode(errors="replace")
    except ImageError:
        return set()
    added = {name for name, priority in _priorities(status) if priority not in _BASE_PRIORITIES}
    found: set[str] = set()
    base: set[str] = set()
    for file, listed in image.read_folder(reference, f"{_DPKG}/info", engine).items():
        package = file.rpartition("/")[2].removesuffix(".list").partition(":")[0]
        if file.endswith(".list"):
            paths = {_merged_usr(path) for path in listed.decode(errors="replace").splitlines()}
            (found if package in added - _BASE_PACKAGES else base).update(paths)
    return found - base


def _priorities(status: str) -> Iterable[tuple[str, str]]:
    for stanza in status.split("\n\n"):
        name = re.search(r"^Package: (\S+)", stanza, re.M)
        priority = re.search(r"^Priority: (\S+)", stanza, re.M)
        if name:
            yield name[1], priority[1] if priority else "optional"


def _merged_usr(path: str) -> str:
    """Name a path alike whether its package says /lib or /usr/lib."""
    return path.removeprefix("/usr") if path.startswith("/usr/") else path
