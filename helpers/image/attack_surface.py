"""The attack surface of an image, read off its files: what can be started, and what can be changed.

It looks at names, modes and owners and starts nothing; which packages the files are of is
`helpers.image.os_packages` and `helpers.image.npm_packages`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from helpers.image.filesystem import File, Files

SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "toybox"}
PACKAGE_MANAGERS = {"apk", "apt", "apt-get", "dpkg", "rpm", "dnf", "yum", "npm", "npx", "yarn", "pnpm"}
_EXECUTABLE = 0o111
_SETUID, _SETGID = 0o4000, 0o2000
_WORLD_WRITABLE, _GROUP_WRITABLE, _OWNER_WRITABLE = 0o002, 0o020, 0o200
_FOLDERS = ("/bin/", "/sbin/", "/usr/", "/opt/", "/busybox/", "/nodejs/")
_COMMAND = re.compile(r"/(.*/)?s?bin/[^/]+|/busybox/[^/]+")
_LINKS = 40  # links followed on the way to one file, as Linux does


def is_root(user: str) -> bool:
    """Whether a container of an image with this ``USER`` runs as root; the group does not matter."""
    return re.fullmatch("|root|0+", user.partition(":")[0]) is not None


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
        and _is_command_path(file.path)
        and (file.kind in ("symlink", "hardlink") or _is_executable(file))
    ]


def commands(files: Files) -> list[str]:
    """Return the paths under which a program can be started by name.

    These are the entries of ``bin`` and ``sbin`` folders that lead to an executable file, links
    included: BusyBox is one file and some 300 commands. Those that npm packages bring
    (``node_modules/.bin``) are left out, since they are scripts of the packages, counted elsewhere.
    """
    found = (file for file in files if _is_command_path(file.path))
    return [file.path for file in found if _leads_to_program(files, file)]


def _is_command_path(path: str) -> bool:
    return bool(_COMMAND.fullmatch(path)) and "/node_modules/" not in path


def _is_executable(file: File) -> bool:
    return file.kind == "file" and bool(file.mode & _EXECUTABLE)


def _leads_to_program(files: Files, file: File) -> bool:
    end = resolve(files, file.path)
    if end is not None and end.kind == "hardlink":
        end = files.get(end.target)
    return end is not None and _is_executable(end)


def resolve(files: Files, path: str) -> File | None:
    """Return the file that a path leads to, links in every part of it followed; None if nowhere."""
    todo, at, links = [part for part in path.split("/") if part], "/", 0
    while todo:
        part = todo.pop(0)
        at = posixpath.normpath(posixpath.join(at, part))
        file = files.get(at)
        if file is not None and file.kind == "symlink":
            links += 1
            if links > _LINKS:
                return None
            todo = [step for step in file.target.split("/") if step] + todo
            at = "/" if file.target.startswith("/") else posixpath.dirname(at)
    return files.get(at)


def setuid(files: Iterable[File]) -> list[str]:
    """Return the programs that run as their owner or group, whoever starts them."""
    return [f.path for f in files if _is_executable(f) and f.mode & (_SETUID | _SETGID)]


def world_writable(files: Iterable[File]) -> list[str]:
    """Return the files and folders that every user may write, ``/tmp`` included."""
    return [f.path for f in files if f.kind in ("file", "directory") and f.mode & _WORLD_WRITABLE]


def changeable(files: Iterable[File], uid: int, gid: int) -> list[str]:
    """Return the files and folders that a process of this user may write, by owner and mode.

    Root may write all of them, whatever the mode. A read-only root file system takes all of it away;
    nothing here knows of that.
    """
    return [f.path for f in files if f.kind in ("file", "directory") and _may_write(f, uid, gid)]


def _may_write(file: File, uid: int, gid: int) -> bool:
    """Decide as the kernel does: the first class that fits counts, not the most generous."""
    if uid == 0:
        return True
    if file.uid == uid:
        return bool(file.mode & _OWNER_WRITABLE)
    if file.gid == gid:
        return bool(file.mode & _GROUP_WRITABLE)
    return bool(file.mode & _WORLD_WRITABLE)
