"""Find every npm package in an image, wherever it lies, and say why it is there.

A package is a folder inside a ``node_modules`` that has a ``package.json``; scanners look for the same.
This module reads the image and starts nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from helpers.engine import ImageError

if TYPE_CHECKING:
    from helpers.image.image import Image

_PACKAGE = re.compile(r"(/.*?node_modules)(/.*node_modules)?/(@[^/]+/)?[^/@][^/]*/package\.json")


class Role(StrEnum):
    """Why a package is in the image."""

    PRODUCTION = "the app needs it"
    DEVELOPMENT = "only development needs it"
    TOOL = "npm's own"


@dataclass(frozen=True)
class NpmPackage:
    """One package at one place; the same package may lie in an image several times."""

    name: str
    version: str
    path: str
    role: Role


def read(image: Image, app: str = "/app") -> list[NpmPackage]:
    """Return the npm packages of an image, sorted by path.

    The packages in ``app`` come from npm's own record there, which says which of them only development
    needs. All others (npm, corepack and their packages) come from their ``package.json``.
    """
    found = recorded(image, app)
    paths = [file.path for file in image.files if file.kind == "file"]
    known = {package.path for package in found}
    others = [path for path in package_files(paths) if _folder(path) not in known]
    for root in sorted({_root(path) for path in others}):
        texts = image.read_folder(root)
        inside = [path for path in others if path in texts]
        found += [_described(path, texts, app) for path in inside]
    return sorted(found, key=lambda package: package.path)


def recorded(image: Image, app: str = "/app") -> list[NpmPackage]:
    """Return what npm installed in ``app``, from npm's own record; empty when there is no record."""
    try:
        text = image.read(f"{app}/node_modules/.package-lock.json")
    except ImageError:
        return []
    return [
        NpmPackage(
            name=path.rpartition("node_modules/")[2],
            version=str(facts.get("version", "")),
            path=f"{app}/{path}",
            role=(Role.DEVELOPMENT if facts.get("dev") or facts.get("devOptional") else Role.PRODUCTION),
        )
        for path, facts in listed(text).items()
    ]


def listed(lock: bytes) -> dict[str, dict[str, Any]]:
    """Return the packages in npm's lock file, by path; empty when ``lock`` is not a lock file."""
    try:
        record = json.loads(lock)
        return {path: facts for path, facts in record["packages"].items() if isinstance(facts, dict)}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def package_files(paths: Iterable[str]) -> list[str]:
    """Return the paths that are the ``package.json`` of an installed package."""
    return [path for path in paths if _PACKAGE.fullmatch(path)]


def _described(path: str, texts: Mapping[str, bytes], app: str) -> NpmPackage:
    try:
        facts = json.loads(texts[path])
    except (ValueError, RecursionError):
        facts = {}
    if not isinstance(facts, dict):
        facts = {}
    folder = _folder(path)
    role = Role.PRODUCTION if folder.startswith(f"{app}/") else Role.TOOL
    name = str(facts.get("name") or folder.rpartition("node_modules/")[2])
    return NpmPackage(name, str(facts.get("version", "")), folder, role)


def _folder(path: str) -> str:
    return path.removesuffix("/package.json")


def _root(path: str) -> str:
    """Return the outermost ``node_modules`` of a path."""
    return path.partition("/node_modules/")[0] + "/node_modules"
