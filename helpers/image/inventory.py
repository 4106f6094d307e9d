"""Find what a scanner can find in an image: system packages, npm packages, and the version of Node.

This module looks where scanners look: in the records of package managers, in ``package.json`` files, and
in a file called ``node`` for Node's version. It reads the image and never runs it.
"""

from __future__ import annotations

import posixpath
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.engine import ImageError
from helpers.image import npm_packages

if TYPE_CHECKING:
    from helpers.image.image import Image, ImageFacts, Layer

_SCRIPT = re.compile(r".*\.[cm]?js")
# The rule "nodejs-binary" of Syft (anchore/syft, its binary cataloger's default classifiers); Grype
# reads Syft's inventory.
_NODE = re.compile(rb"node\.js/v(\d+\.\d+\.\d+)")
_SYMTAB = 2  # sh_type of a symbol table (System V ABI, chapter 4)


@dataclass(frozen=True)
class Seen:
    """What can be read from an image without running it.

    ``node`` is the version of Node that a scanner finds; None when it finds no version. ``symbols`` is
    True when the program that runs still has the names of its functions, which gdb and perf need.
    ``scripts`` counts the app's JavaScript files, which stack traces name.
    """

    system_packages: int
    npm_packages: int
    node: str | None
    symbols: bool
    scripts: int


def look(image: Image, app: str) -> Seen:
    """Return what an inventory of an image finds; ``app`` is the folder of the application."""
    paths = [file.path for file in image.files if file.kind == "file"]
    started = str(image.config["Entrypoint"][0])
    program = image.read(started)
    return Seen(
        system_packages=len(image.packages.packages),
        npm_packages=len(npm_packages.package_files(paths)),
        node=node_version(program) if posixpath.basename(started) == "node" else None,
        symbols=has_symbols(program),
        scripts=sum(path.startswith(f"{app}/") and bool(_SCRIPT.fullmatch(path)) for path in paths),
    )


def node_version(program: bytes) -> str | None:
    """Return the version of Node that a scanner reads in a program; None when it finds no version."""
    found = _NODE.search(program)
    return found[1].decode() if found else None


def has_symbols(program: bytes) -> bool:
    """Whether a 64-bit little-endian ELF file has a symbol table (System V ABI, chapter 4)."""
    if program[:6] != b"\x7fELF\x02\x01":
        return False
    (offset,) = struct.unpack_from("<Q", program, 0x28)
    size, count = struct.unpack_from("<HH", program, 0x3A)
    starts = range(offset, offset + size * count, size) if size else range(0)
    return any(
        struct.unpack_from("<I", program, at + 4)[0] == _SYMTAB
        for at in starts
        if at + 8 <= len(program)
    )


def of_base(image: Image, facts: ImageFacts) -> bool:
    """Whether the program comes from the base image, so that a newer base image brings its patches."""
    return _layer(image, facts, facts.entrypoint[0]).from_base


def code_layer_bytes(image: Image, facts: ImageFacts, app: str) -> int:
    """Return the compressed bytes of the layer with the app's code, which each change of code transfers.

    ``app`` is the folder in which the container starts.
    """
    script = next((word for word in facts.command if _SCRIPT.fullmatch(word)), facts.entrypoint[0])
    return _layer(image, facts, posixpath.join(app, script)).compressed_bytes


def _layer(image: Image, facts: ImageFacts, path: str) -> Layer:
    file = image.files.get(path)
    if file is None:
        raise ImageError(f"{facts.reference} has no {path}, which it should run; rebuild the image.")
    return facts.layers[file.layer]
