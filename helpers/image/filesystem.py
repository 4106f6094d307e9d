"""Merge the layers of an image: the files that a container sees, and the files that later layers hide.

This module works on entries that were already read from the layers; it asks no engine.
"""

from __future__ import annotations

import itertools
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from helpers.host import tables
from helpers.host.tables import MB
from helpers.image.layer_tar import Entry, is_whiteout

if TYPE_CHECKING:
    import pandas as pd

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_LINKS = 40  # links followed on the way to one file, as Linux does


class File(NamedTuple):
    """One path of an image as a container sees it.

    ``layer`` is the index of the layer that the path comes from. Only a path of ``kind`` "file" has
    ``bytes``. When several hard links share one content, the first is the file; the others name it as
    their ``target``.
    """

    path: str
    kind: str
    bytes: int
    layer: int
    mode: int
    uid: int
    gid: int
    target: str


@dataclass(frozen=True)
class Files:
    """The merged file system of an image, sorted by path."""

    files: tuple[File, ...]
    _by_path: dict[str, File] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_path", {file.path: file for file in self.files})

    def __iter__(self) -> Iterator[File]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def get(self, path: str) -> File | None:
        """Return the file at an absolute path, without following links; None when there is no file."""
        return self._by_path.get(path)

    @property
    def bytes(self) -> int:
        """The bytes of all files: the sum of the layers minus the wasted bytes."""
        return sum(file.bytes for file in self.files)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each path."""
        return tables.frame(self.files, columns=list(File._fields))


@dataclass(frozen=True, slots=True)
class Wasted:
    """A file that a later layer hides: it is stored and transferred, but no container can see it."""

    path: str
    bytes: int
    layer: int
    by_layer: int
    how: str


@dataclass(frozen=True)
class Waste:
    """All files that later layers deleted or replaced; ``layers`` are the layers' instructions."""

    layers: tuple[str, ...]
    files: tuple[Wasted, ...]

    @property
    def bytes(self) -> int:
        """The bytes that are stored in the image for nothing."""
        return sum(file.bytes for file in self.files)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each layer: how many of its files later layers hide, and their MB."""
        by_layer: dict[int, list[Wasted]] = defaultdict(list)
        for file in self.files:
            by_layer[file.layer].append(file)
        rows = [
            {
                "layer": index + 1,
                "instruction": instruction,
                "files wasted": len(by_layer[index]),
                "deleted MB": _megabytes(by_layer[index], "deleted"),
                "replaced MB": _megabytes(by_layer[index], "replaced"),
            }
            for index, instruction in enumerate(self.layers)
        ]
        return tables.frame(rows)


def _megabytes(files: Iterable[Wasted], how: str) -> float:
    return sum(file.bytes for file in files if file.how == how) / MB


def merge(listings: Sequence[Sequence[Entry]]) -> tuple[Files, tuple[Wasted, ...]]:
    """Return the files that a container sees, and the files that later layers hide.

    ``listings`` holds the entries of each layer, the base first. A file counts as hidden when it has
    bytes and a later layer deletes or replaces it.
    """
    stack = _Stack()
    wasted = tuple(itertools.chain.from_iterable([stack.lay(entries) for entries in listings]))
    found = (
        File(entry.path, entry.kind, entry.bytes, layer, *entry[3:])
        for layer, entry in stack.seen.values()
    )
    return Files(tuple(sorted(found, key=attrgetter("path")))), wasted


class _Stack:
    """A stack of layers: the paths that can be seen, each with the layer that it comes from.

    A whiteout hides one path of the layers below. An opaque mark hides everything that those layers
    have in a folder. A content with several hard links stays as long as one of the links can be seen.
    """

    def __init__(self) -> None:
        self.seen: dict[str, tuple[int, Entry]] = {}
        self._links: dict[tuple[int, str], list[str]] = {}
        self._folders: set[str] = set()  # folders that hold or held something
        self._layers = 0

    def lay(self, entries: Sequence[Entry]) -> list[Wasted]:
        """Put one more layer on top, and return the files that it hides."""
        index, self._layers = self._layers, self._layers + 1
        whiteouts = [entry for entry in entries if is_whiteout(entry)]
        kept = _in_place([entry for entry in entries if not is_whiteout(entry)])
        hidden = dict.fromkeys(self._deleted(whiteouts, kept), "deleted")
        for entry in kept:
            if not (entry.kind == "directory" and self._is_listed_folder(entry.path)):
                hidden[entry.path] = "replaced"
        for folder in _folders_of(kept):  # a file's folder exists even without an entry
            self._folders.add(folder)
            if not self._is_listed_folder(folder):
                hidden.setdefault(folder, "replaced")
        lost = {path: self.seen.pop(path) for path in hidden if path in self.seen}
        firsts: dict[str, str] = {}  # from a hard link of this layer to its file
        for entry in kept:
            if entry.kind == "hardlink":
                first = firsts[entry.path] = firsts.get(entry.target, entry.target)
                entry = entry._replace(target=first)
                self._links.setdefault((index, first), []).append(entry.path)
            self.seen[entry.path] = (index, entry)
        return [
            Wasted(path, entry.bytes, layer, index, hidden[path])
            for path, (layer, entry) in lost.items()
            if entry.bytes and not self._lives_on(layer, entry)
        ]

    def _deleted(self, whiteouts: Sequence[Entry], kept: Sequence[Entry]) -> list[str]:
        whole, emptied = set(), set()
        for entry in whiteouts:
            folder, name = posixpath.split(entry.path)
            if name == OPAQUE:
                emptied.add(folder)
            else:
                whole.add(posixpath.join(folder, name.removeprefix(WHITEOUT)))
        emptied |= {e.path for e in kept if e.kind != "directory" and e.path in self._folders}
        if not whole and not emptied:
            return []
        emptied |= whole
        return [p for p in self.seen if p in whole or any(up in emptied for up in _above(p))]

    def _is_listed_folder(self, path: str) -> bool:
        return path in self.seen and self.seen[path][1].kind == "directory"

    def _lives_on(self, layer: int, file: Entry) -> bool:
        """Give the content of a hidden file to a hard link that can still be seen; False if none can."""
        links = [
            path
            for path in self._links.pop((layer, file.path), ())
            if path in self.seen and self.seen[path][0] == layer
        ]
        if not links:
            return False
        first, *others = links
        self.seen[first] = (layer, file._replace(path=first))
        for path in others:
            self.seen[path] = (layer, self.seen[path][1]._replace(target=first))
        self._links[layer, first] = others
        return True


def _in_place(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of a layer; an entry below a link of that layer moves to the link's target."""
    links = {entry.path: entry.target for entry in entries if entry.kind == "symlink"}
    if not links:
        return list(entries)
    moved: dict[str, str] = {}  # from a folder to the one that it is, with all links followed
    placed = []
    for entry in entries:
        folder = _folder(entry.path)
        if folder not in moved:
            moved[folder] = _folder(_followed(posixpath.join(folder, "name"), links))
        if moved[folder] != folder and entry.path != "/":
            entry = entry._replace(path=posixpath.join(moved[folder], posixpath.basename(entry.path)))
        placed.append(entry)
    return placed


def _followed(path: str, links: Mapping[str, str]) -> str:
    for _ in range(_LINKS):
        link = next((up for up in _above(path) if up in links), None)
        if link is None:
            break
        target = posixpath.join(posixpath.dirname(link), links[link])
        path = posixpath.normpath(posixpath.join(target, posixpath.relpath(path, link)))
    return path


def _folders_of(entries: Sequence[Entry]) -> set[str]:
    folders: set[str] = set()
    for nearest in {_folder(entry.path) for entry in entries if entry.path != "/"}:
        for folder in (nearest, *_above(nearest)):
            if folder in folders:
                break
            folders.add(folder)
    return folders


def _above(path: str) -> Iterator[str]:
    while path != "/":
        path = _folder(path)
        yield path


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "/"
