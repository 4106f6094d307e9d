"""Find the files of an image that a final stage would not need, in bytes by kind.

Each file counts once. A file counts only if its package, place or name shows that it is not needed; so a
sum is a lower bound. It is not a promise either, because some programs use at run time what others need
only to build.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.engine import ImageError
from helpers.host.stanzas import stanzas
from helpers.image import composition, npm_packages, os_packages
from helpers.image.filesystem import File
from helpers.image.npm_packages import Role

if TYPE_CHECKING:
    from helpers.image import Image

_BUILD_SECTIONS = {"debug", "devel", "libdevel", "vcs"}
_BUILD_APK = re.compile(
    r"(.*-dev|build-base|g\+\+|gcc|make|musl-dev|binutils|git|cmake|ninja.*|autoconf|automake|patch)$"
)
_CACHES = re.compile(
    r"/var/(lib/apt/lists|cache/(apt|apk|dnf|yum))/"
    r"|/(root|home/[^/]+)/\.(npm|m2|gradle|nuget|composer|yarn|pnpm-store|cargo/registry)/"
    r"|/(root|home/[^/]+)/\.cache/(pip|uv|pypoetry|pipenv|yarn|node-gyp|composer|go-build|pnpm|bazel|ccache)/"
    r"|/(root|home/[^/]+)/\.bundle/cache/|/usr/local/bundle/cache/"
    r"|/(go/pkg/mod|usr/local/cargo/registry|usr/local/share/\.cache)/"
)
_TESTS = re.compile(
    r".*?/(tests?|__tests__|e2e|cypress|testdata|__mocks__|__snapshots__|coverage)/"
    r"|.*?/(docs?|documentation)/(?=.*\.(md|rst|adoc|png|svg|gif|jpe?g|pdf)$)"
)
_TOOLCHAINS = re.compile(r"/usr/local/(go|cargo|rustup)/|/usr/(local/)?include/|/opt/(gradle|maven)/")
_HISTORY = re.compile(r"/\.(git|hg|svn)/")
_SOURCES = re.compile(r"\.(c|cc|cpp|cxx|h|hh|hpp|go|rs|java|kt|scala|cs|fs|swift|zig|ml|hs|o|obj)$")
_TYPESCRIPT = re.compile(r"(?<!\.d)\.(ts|tsx|mts|cts)$")
_OUTPUT = re.compile(r"/(dist|build|out|lib)/.*\.[cm]?js$")
_PACKAGES = re.compile(r"/(node_modules|site-packages|dist-packages|vendor)/")
_SYSTEM = ("/usr/", "/etc/", "/lib/", "/var/lib/", "/root/.", "/go/pkg/")
_NPM_RECORD = "/node_modules/.package-lock.json"

CACHES, TOOLS, TESTS = "package caches", "compilers and headers", "tests and documentation"
_PLACES = 3  # folders that a share names

_Rule = tuple[str, str, Callable[[File], bool]]


@dataclass(frozen=True)
class Share:
    """Files of one kind: how many, their bytes on disk, and how they were recognised.

    ``own_bytes`` are the bytes above the base. ``places`` are the folders that hold most of those, each
    with its bytes; only kinds that are told by their place have them.
    """

    what: str
    files: int
    bytes: int
    method: str
    own_bytes: int = 0
    places: tuple[tuple[str, int], ...] = ()


def find(image: Image, base_layers: int) -> tuple[Share, ...]:
    """Return the files that a final stage would not need, the largest kind first.

    ``base_layers`` is the number of layers that come from the base; source files count only above them.
    Raises `ImageError` when the engine does not have the image.
    """
    files = [file for file in image.files if file.kind == "file" and file.bytes]
    rules = _rules(image, files, base_layers)
    kinds: dict[str, list[File]] = {name: [] for name, _, _ in rules}
    for file in files:
        name = next((name for name, _, fits in rules if fits(file)), None)
        if name:
            kinds[name].append(file)
    shares = [_share(name, method, kinds[name], base_layers) for name, method, _ in rules if kinds[name]]
    return tuple(sorted(shares, key=lambda share: -share.bytes))


def _share(name: str, method: str, files: Sequence[File], base_layers: int) -> Share:
    own = [file for file in files if file.layer >= base_layers]
    pattern = {CACHES: _CACHES, TESTS: _TESTS}.get(name)
    places: Counter[str] = Counter()
    for file in own:
        found = pattern.match(file.path) if pattern else None
        if found:
            places[found[0].rstrip("/")] += file.bytes
    return Share(
        name,
        len(files),
        sum(file.bytes for file in files),
        method,
        sum(file.bytes for file in own),
        tuple(places.most_common(_PLACES)),
    )


def _rules(image: Image, files: list[File], base_layers: int) -> list[_Rule]:
    building = _building_packages(image)
    development = _development_folders(image, files)
    own = [file for file in files if file.layer >= base_layers and not _PACKAGES.search(file.path)]
    project = {file.path for file in own if not file.path.startswith(_SYSTEM)}
    compiled = any(_OUTPUT.search(file.path) for file in own)
    sources = {
        file.path
        for file in own
        if _SOURCES.search(file.path) or (compiled and _TYPESCRIPT.search(file.path))
    }
    return [
        (CACHES, "by their place", lambda file: bool(_CACHES.match(file.path))),
        ("version control", "folders .git, .hg, .svn", lambda file: bool(_HISTORY.search(file.path))),
        (
            "development dependencies",
            "npm's own record of what it installed",
            lambda file: any(folder in development for folder in _folders(file.path)),
        ),
        (
            TOOLS,
            "by package section or name, or by place",
            lambda file: (
                composition.merged_usr(file.path) in building or bool(_TOOLCHAINS.match(file.path))
            ),
        ),
        (
            "sources of compiled code",
            "by the ending, in the Dockerfile's own layers",
            lambda file: file.path in sources,
        ),
        (
            TESTS,
            "by folder, in the Dockerfile's own layers",
            lambda file: file.path in project and bool(_TESTS.match(file.path)),
        ),
    ]


def _folders(path: str) -> Iterable[str]:
    while path != "/":
        path = posixpath.dirname(path)
        yield path


def _building_packages(image: Image) -> set[str]:
    """Return the paths of packages that are only for building, from the records of dpkg and apk."""
    return _debian(image) | _alpine(image)


def _debian(image: Image) -> set[str]:
    try:
        status = image.read(os_packages.DPKG).decode(errors="replace")
    except ImageError:
        return set()
    names = {s["Package"] for s in stanzas(status) if _section(s) in _BUILD_SECTIONS}
    lists = image.read_folder(composition.DPKG_INFO)
    return {
        composition.merged_usr(line)
        for path, listed in lists.items()
        if path.endswith(".list") and _package(path) in names
        for line in listed.decode(errors="replace").splitlines()
    }


def _section(stanza: Mapping[str, str]) -> str:
    return stanza.get("Section", "").rpartition("/")[2]


def _package(path: str) -> str:
    return posixpath.basename(path).removesuffix(".list").partition(":")[0]


def _alpine(image: Image) -> set[str]:
    for path in os_packages.APK:
        with contextlib.suppress(ImageError):
            return alpine_paths(image.read(path).decode(errors="replace"))
    return set()


def alpine_paths(record: str) -> set[str]:
    """Return the paths of packages for building, from apk's record (P: package, F: folder, R: file)."""
    found, package, folder = set(), "", ""
    for line in record.splitlines():
        key, _, value = line.partition(":")
        if key == "P":
            package = value
        elif key == "F":
            folder = value
        elif key == "R" and _BUILD_APK.match(package):
            found.add(composition.merged_usr(f"/{folder}/{value}" if folder else f"/{value}"))
    return found


def _development_folders(image: Image, files: list[File]) -> set[str]:
    """Return the folders of npm packages that only development needs, of all apps in the image."""
    apps = [file.path.removesuffix(_NPM_RECORD) for file in files if file.path.endswith(_NPM_RECORD)]
    packages = [p for app in apps for p in npm_packages.recorded(image, app)]
    return {package.path for package in packages if package.role is Role.DEVELOPMENT}
