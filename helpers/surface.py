"""The attack surface of an image: the shells and package managers among its files.

It looks at names and modes and starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from helpers.image import File

SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "toybox"}
PACKAGE_MANAGERS = {"apk", "apt", "apt-get", "dpkg", "rpm", "dnf", "yum", "npm", "npx", "yarn", "pnpm"}
_EXECUTABLE = 0o111
_FOLDERS = ("/bin/", "/sbin/", "/usr/", "/opt/", "/busybox/", "/nodejs/")


def shells(files: Iterable[File]) -> list[str]:
    """Return the paths of shells, links to them included."""
    return _programs(files, SHELLS)


def package_managers(files: Iterable[File]) -> list[str]:
    """Return the paths of package managers, of the system's packages and of npm's."""
    return _programs(files, PACKAGE_MANAGERS)


def _programs(files: Iterable[File], names: set[str]) -> list[str]:
    return [
        file.path
        for file in files
        if file.path.rpartition("/")[2] in names
        and file.path.startswith(_FOLDERS)
        and "/bin/" in file.path
        and "/node_modules/" not in file.path
        and (file.kind in ("symlink", "hardlink") or (file.kind == "file" and file.mode & _EXECUTABLE))
    ]
