"""Read the packages of an image's operating system from the databases of dpkg and apk.

This module reads three files and folders of an image and starts nothing. It does not see what no
database names: Node in the official images, or a binary that was copied in. Nor does a scanner that
relies on these databases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.engine import ImageError
from helpers.host import tables
from helpers.host.stanzas import stanzas

if TYPE_CHECKING:
    import pandas as pd

    from helpers.image.image import Image

DPKG = "/var/lib/dpkg/status"
DPKG_PARTS = "/var/lib/dpkg/status.d"  # distroless: one file for each package, and checksums
APK = ("/usr/lib/apk/db/installed", "/lib/apk/db/installed")  # Alpine 3.23 and later; before 3.23
STAND_IN = "workbook-standin"  # the ID of a stand-in for Alpine, as its os-release has it


@dataclass(frozen=True)
class OsPackage:
    """One installed package: ``source`` is the name of the source package that it was built from."""

    name: str
    version: str
    architecture: str
    source: str


@dataclass(frozen=True)
class Inventory:
    """The packages of an image, and the database and distribution that they come from.

    ``database`` is "dpkg", "dpkg status.d", "apk" or "none". ``distribution`` and ``release`` are ``ID``
    and ``VERSION_ID`` of the image's os-release; empty when it has no os-release.
    """

    database: str
    distribution: str
    release: str
    packages: tuple[OsPackage, ...]

    @property
    def comparable(self) -> bool:
        """Whether the number of packages can be compared with the official image's.

        A stand-in for Alpine is made of a few Debian packages, so its number says nothing about Alpine.
        """
        return self.distribution != STAND_IN

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each package."""
        rows = [(p.name, p.version, p.source) for p in self.packages]
        return tables.frame(rows, columns=["package", "version", "built from"])


def read(image: Image) -> Inventory:
    """Return the packages of an image. Raises `ImageError` when the engine does not have the image."""
    facts = os_release(_text(image, "/etc/os-release"))
    database, packages = _installed(image) or ("none", [])
    return Inventory(
        database=database,
        distribution=facts.get("ID", ""),
        release=facts.get("VERSION_ID", ""),
        packages=tuple(sorted(packages, key=lambda package: package.name)),
    )


def _installed(image: Image) -> tuple[str, list[OsPackage]] | None:
    for path in APK:
        if text := _text(image, path):
            return "apk", apk_packages(text)
    if text := _text(image, DPKG):
        return "dpkg", dpkg_packages(text)
    parts = image.read_folder(DPKG_PARTS)
    texts = [part.decode(errors="replace") for path, part in parts.items() if not _is_list(path)]
    return ("dpkg status.d", dpkg_packages("\n\n".join(texts))) if texts else None


def _is_list(path: str) -> bool:
    return path.endswith(".md5sums")


def _text(image: Image, path: str) -> str:
    if image.files.get(path) is None:
        return ""
    try:
        return image.read(path).decode(errors="replace")
    except ImageError:  # a link that leads nowhere
        return ""


def dpkg_packages(status: str) -> list[OsPackage]:
    """Return the installed packages of a dpkg status file; removed packages are left out.

    A stanza without ``Status`` counts as installed: distroless copies its stanzas from the packages,
    where they have no ``Status``. Debian Policy, chapter 5, describes the format.
    """
    return [
        OsPackage(
            name=stanza["Package"],
            version=stanza.get("Version", ""),
            architecture=stanza.get("Architecture", ""),
            source=stanza.get("Source", stanza["Package"]).partition(" ")[0],
        )
        for stanza in stanzas(status)
        if stanza.get("Status", "installed").split()[-1:] == ["installed"]
    ]


def apk_packages(installed: str) -> list[OsPackage]:
    """Return the packages in apk's database; each line is a letter, a colon and a value.

    P is the name, V the version, A the architecture, o the origin (Alpine wiki, "Apk spec").
    """
    return [
        OsPackage(s["P"], s.get("V", ""), s.get("A", ""), s.get("o", s["P"]))
        for s in stanzas(installed, key="P")
    ]


def os_release(text: str) -> Mapping[str, str]:
    """Return the settings of an os-release file, without quotes."""
    pairs = re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
    return {key: value.strip().strip("\"'") for key, value in pairs}
