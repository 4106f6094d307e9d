"""The attack surface of an image: the programs that can be started, and the files that can be changed.

This module looks at the names, modes and owners of files; it starts nothing. `helpers.image.os_packages`
and `helpers.image.npm_packages` say which packages the files belong to.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from helpers.image.filesystem import File, Files

SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "toybox"}
PACKAGE_MANAGERS = {"apk", "apt", "apt-get", "dpkg", "rpm", "dnf", "yum", "npm", "npx", "yarn", "pnpm"}
PACKAGE_MANAGERS |= {"pip", "pip3"}
COMPILERS = {"as", "c++", "cc", "cpp", "g++", "gcc", "go", "javac", "ld", "rustc"}
_EXECUTABLE = 0o111
_SETUID, _SETGID = 0o4000, 0o2000
_WORLD_WRITABLE, _GROUP_WRITABLE, _OWNER_WRITABLE = 0o002, 0o020, 0o200
_FOLDERS = ("/bin/", "/sbin/", "/usr/", "/opt/", "/busybox/", "/nodejs/")
_COMMAND = re.compile(r"/(.*/)?s?bin/[^/]+|/busybox/[^/]+")
_LINKS = 40  # links followed on the way to one file, as Linux does


def is_root(user: str) -> bool:
    """Whether ``USER user`` makes a container run as root; the group does not matter."""
    return re.fullmatch("|root|0+", user.partition(":")[0]) is not None


def shells(files: Iterable[File]) -> list[str]:
    """Return the paths of shells, including links to shells."""
    return _programs(files, SHELLS)


def package_managers(files: Iterable[File]) -> list[str]:
    """Return the paths of package managers: the system's, pip, and npm with its relatives."""
    return _programs(files, PACKAGE_MANAGERS)


def compilers(files: Iterable[File]) -> list[str]:
    """Return the paths of compilers, assemblers and linkers, including links to them."""
    return _programs(files, COMPILERS)


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

    These are the entries of ``bin`` and ``sbin`` folders that lead to an executable file. Links count:
    BusyBox is one file with some 300 commands. The commands in ``node_modules/.bin`` do not count,
    because they are scripts of npm packages, which are counted elsewhere.
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
    """Return the file that a path leads to, following links in every part; None if there is no file."""
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
    """Return the setuid and setgid programs: they run as their owner or group, whoever starts them."""
    return [f.path for f in files if _is_executable(f) and f.mode & (_SETUID | _SETGID)]


def world_writable(files: Iterable[File]) -> list[str]:
    """Return the files and folders that every user may write to, including ``/tmp``."""
    return [f.path for f in files if f.kind in ("file", "directory") and f.mode & _WORLD_WRITABLE]


def changeable(files: Iterable[File], uid: int, gid: int) -> list[str]:
    """Return the files and folders that a process of this user may write to, by owner and mode.

    Root may write to all of them, whatever the mode. A read-only root file system would allow none;
    this function does not know about that.
    """
    return [f.path for f in files if f.kind in ("file", "directory") and _may_write(f, uid, gid)]


def _may_write(file: File, uid: int, gid: int) -> bool:
    """Decide as the kernel does: only the first class that fits counts (owner, group, others)."""
    if uid == 0:
        return True
    if file.uid == uid:
        return bool(file.mode & _OWNER_WRITABLE)
    if file.gid == gid:
        return bool(file.mode & _GROUP_WRITABLE)
    return bool(file.mode & _WORLD_WRITABLE)
