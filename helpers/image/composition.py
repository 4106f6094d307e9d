"""Say what the files of an image are for: operating system, toolchain, Node, packages, the app itself.

Every byte of the merged file system belongs to one category. It reads the image and never runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from helpers.engine import ImageError
from helpers.host import tables
from helpers.host.stanzas import stanzas
from helpers.image import npm_packages, os_packages
from helpers.image.filesystem import File
from helpers.image.npm_packages import NpmPackage, Role

if TYPE_CHECKING:
    import pandas as pd

    from helpers.image.image import Image

CATEGORIES = (
    "operating system",
    "toolchain",
    "Node runtime",
    "npm",
    "npm download cache",
    "production dependencies",
    "devDependencies",
    "app build output",
    "app sources and tests",
    "secrets swept in (.env*)",
    "other",
)
_NODE = re.compile(
    r"/nodejs/|/usr/bin/node$|/usr/local/"
    r"(bin/node$|include/node/|share/\w+/(man1|node)|(CHANGELOG|README)\.md$|LICENSE$)"
)
_NPM = re.compile(r"/usr/local/lib/node_modules/|/opt/yarn")
_NPM_CACHE = re.compile(r"/(root|home/\w+)/\.npm/")
_HARMLESS = {".env.example", ".env.sample", ".env.template"}
_BASE_PRIORITIES = {"required", "important"}
_BASE_PACKAGES = {"ca-certificates", "netbase", "tzdata", "libssl3", "openssl"}
DPKG_INFO = "/var/lib/dpkg/info"


def composition(image: Image, app: str = "/app") -> pd.DataFrame:
    """Return one row for each of `CATEGORIES`: what, files, bytes.

    ``app`` is the folder of the application in the image.
    """
    rows = {name: [0, 0] for name in CATEGORIES}
    for file, category in classified(image, app):
        rows[category][0] += file.kind == "file"
        rows[category][1] += file.bytes
    return tables.frame([(n, *counts) for n, counts in rows.items()], columns=["what", "files", "bytes"])


def classified(image: Image, app: str = "/app") -> Iterator[tuple[File, str]]:
    """Yield each path of an image with its category."""
    known = {package.path: package for package in npm_packages.recorded(image, app)}
    debian = _debian(image)
    for file in image.files:
        yield file, _category(file.path, app, known, debian)


def packages(image: Image, app: str = "/app") -> pd.DataFrame:
    """Return one row for each npm package of the app, largest first: name, version, dev, bytes."""
    known = {package.path: package for package in npm_packages.recorded(image, app)}
    sizes = dict.fromkeys(known, 0)
    for file in image.files:
        owner = _owner(file.path, known)
        if owner:
            sizes[owner.path] += file.bytes
    rows = [
        (p.name, p.version, p.role is Role.DEVELOPMENT, sizes[p.path], p.path) for p in known.values()
    ]
    frame = tables.frame(rows, columns=["package", "version", "dev", "bytes", "path"])
    return frame.sort_values(["bytes", "path"], ascending=[False, True], ignore_index=True)


def _category(path: str, app: str, known: Mapping[str, NpmPackage], debian: Debian) -> str:
    if path.startswith(f"{app}/"):
        return _app_category(path, path.removeprefix(f"{app}/"), known)
    if _NODE.match(path):
        return "Node runtime"
    if _NPM.match(path):
        return "npm"
    if _NPM_CACHE.match(path):
        return "npm download cache"
    return "toolchain" if debian.added(path) else "operating system"


def _app_category(path: str, inside: str, known: Mapping[str, NpmPackage]) -> str:
    if inside.startswith("node_modules/"):
        owner = _owner(path, known)
        if owner is None:
            return "other"
        return "devDependencies" if owner.role is Role.DEVELOPMENT else "production dependencies"
    if inside.startswith("dist/"):
        return "app build output"
    name = inside.rpartition("/")[2]
    if name.startswith(".env") and name not in _HARMLESS:
        return "secrets swept in (.env*)"
    return "app sources and tests"


def _owner(path: str, known: Mapping[str, NpmPackage]) -> NpmPackage | None:
    """Return the package that a path lies in; of nested packages, the innermost."""
    while "/node_modules/" in path:
        if path in known:
            return known[path]
        path = path.rpartition("/")[0]
    return None


class Debian:
    """What dpkg knows about an image's files: which ones come from packages added to a bare system.

    A bare system has the packages that Debian calls essential, required or important, and all packages
    that these depend on.
    """

    def __init__(self, status: str, lists: Mapping[str, str]) -> None:
        bare = _bare(status)
        self._bare: set[str] = set()
        self._added: set[str] = set()
        for name, listed in lists.items():
            package = name.removesuffix(".list").partition(":")[0]
            paths = self._bare if package in bare else self._added
            paths.update(merged_usr(path) for path in listed.splitlines())

    def added(self, path: str) -> bool:
        """Whether a path belongs to an added package; a file of no package counts as its folder does."""
        path = merged_usr(path)
        while path and path not in self._bare:
            if path in self._added:
                return True
            path = path.rpartition("/")[0]
        return False


def _debian(image: Image) -> Debian:
    try:
        status = image.read(os_packages.DPKG).decode(errors="replace")
    except ImageError:
        return Debian("", {})
    found = image.read_folder(DPKG_INFO)
    lists = {
        path.rpartition("/")[2]: content.decode(errors="replace")
        for path, content in found.items()
        if path.endswith(".list")
    }
    return Debian(status, lists)


def _bare(status: str) -> set[str]:
    """Return the packages in dpkg's status file that belong to a bare system."""
    known = {stanza["Package"]: stanza for stanza in stanzas(status)}
    providers: dict[str, list[str]] = {}
    for name, stanza in known.items():
        for virtual in _names(stanza.get("Provides", "")):
            providers.setdefault(virtual, []).append(name)
    found: set[str] = set()
    todo = [name for name, stanza in known.items() if _is_basic(name, stanza)]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            needs = ",".join(known[name].get(key, "") for key in ("Depends", "Pre-Depends"))
            for need in _names(needs):
                todo += [need] if need in known else providers.get(need, [])
    return found


def _is_basic(name: str, stanza: Mapping[str, str]) -> bool:
    return (
        stanza.get("Essential") == "yes"
        or stanza.get("Priority") in _BASE_PRIORITIES
        or name in _BASE_PACKAGES
    )


def _names(relation: str) -> list[str]:
    """Return the package names in a relation such as ``libc6 (>= 2.36), debconf | cdebconf``."""
    return re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]*)", relation)


def merged_usr(path: str) -> str:
    """Return the path under ``/usr``, so that ``/lib/x`` and ``/usr/lib/x`` are the same path."""
    return path.removeprefix("/usr") if path.startswith("/usr/") else path
