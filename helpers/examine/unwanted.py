"""Recognise by name the files that seldom belong in a build context.

A name is evidence, not proof, so each result says what the file seems to be. What git tracks belongs to
the project and is left. This module reads no disk.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable
from dataclasses import dataclass

LARGE = 10_000_000  # bytes from which a single file is reported

_FOLDERS = {
    ".git": "the history of the sources",
    ".hg": "the history of the sources",
    ".svn": "the history of the sources",
    "node_modules": "packages that the build installs itself",
    ".venv": "a Python environment of the host",
    "venv": "a Python environment of the host",
    "__pycache__": "bytecode of the host's Python",
    ".pytest_cache": "a cache of the host's tools",
    ".mypy_cache": "a cache of the host's tools",
    ".ruff_cache": "a cache of the host's tools",
    ".tox": "a cache of the host's tools",
    ".gradle": "a cache of the host's tools",
    ".next": "build output of the host",
    ".nuxt": "build output of the host",
    ".terraform": "a cache of the host's tools",
    "coverage": "reports of the host's tests",
    ".idea": "settings of an editor",
    ".vscode": "settings of an editor",
}
_MADE_BY = {
    "dist": ("package.json", "pyproject.toml", "setup.py"),
    "build": ("package.json", "build.gradle", "build.gradle.kts", "CMakeLists.txt", "setup.py"),
    "out": ("package.json", "tsconfig.json"),
    "target": ("Cargo.toml", "pom.xml"),
    "bin": ("*.csproj",),
    "obj": ("*.csproj",),
}


@dataclass(frozen=True)
class Unwanted:
    """A file or folder that seldom belongs in a context: its path, its bytes, what it seems to be.

    ``pattern`` is the line for a ``.dockerignore``.
    """

    path: str
    bytes: int
    what: str
    pattern: str


def find(files: Iterable[tuple[str, int]], tracked: Collection[str] = ()) -> list[Unwanted]:
    """Return the unwanted ones among files given with their bytes, the largest first.

    ``tracked`` are the paths that git tracks: they are left.
    """
    listed = list(files)
    names: dict[str, set[str]] = {}
    for path, _ in listed:
        folder, _, name = path.rpartition("/")
        names.setdefault(folder, set()).add(name)
    found: dict[str, Unwanted] = {}
    for path, size in listed:
        one = None if path in tracked else _classify(path, size, names)
        if one and one.path in found:
            one = Unwanted(one.path, found[one.path].bytes + size, one.what, one.pattern)
        if one:
            found[one.path] = one
    return sorted(found.values(), key=lambda one: (-one.bytes, one.path))


def _classify(path: str, size: int, names: dict[str, set[str]]) -> Unwanted | None:
    parts = path.split("/")
    for depth, part in enumerate(parts[:-1]):
        folder, parent = "/".join(parts[: depth + 1]), "/".join(parts[:depth])
        pattern = folder if depth == 0 else f"**/{part}"
        if part in _FOLDERS:
            return Unwanted(folder, size, _FOLDERS[part], pattern)
        made_by = _MADE_BY.get(part, ())
        if any(fnmatch.filter(names.get(parent, ()), maker) for maker in made_by):
            return Unwanted(folder, size, "build output of the host", folder)
    if parts[-1].endswith(".log"):
        return Unwanted(path, size, "a log", "**/*.log")
    if size >= LARGE:
        return Unwanted(path, size, "a large file", path)
    return None
