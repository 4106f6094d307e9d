"""List a build context, and forecast which of its files ``COPY . .`` makes the client send.

This module walks a folder and applies the ignore file that belongs to a Dockerfile. It builds nothing;
`measure.context` compares the forecast with a real build. When a Dockerfile copies only named paths,
BuildKit asks only for those; this module does not forecast that. 1 MB is 10^6 bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from helpers.buildx import dockerignore
from helpers.buildx.dockerignore import Pattern, Rules
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.tables import in_units

_ALL = dockerignore.parse("")
_KINDS = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "directory", stat.S_IFREG: "file"}
_name = attrgetter("name")


class Entry(NamedTuple):
    """One path of a context, relative to it: a ``file``, ``directory``, ``symlink`` or ``device``.

    Pipes and sockets count as devices. Only a file has bytes. When several hard links share one content,
    only the first has the bytes, because only the first is sent whole. ``by`` is the line of the ignore
    file that decided; with None no line fits, so the path is sent. ``target`` is where a ``symlink``
    points.
    """

    path: str
    kind: str
    bytes: int
    kept_out: bool
    by: Pattern | None
    target: str = ""


@dataclass(frozen=True)
class Survey:
    """All paths of a context, in order, each with the ignore file's decision.

    ``unread`` holds the files and folders that cannot be read and that no line keeps out. A build that
    copies one of them fails.
    """

    entries: tuple[Entry, ...]
    unread: tuple[str, ...] = ()

    @cached_property
    def sent(self) -> tuple[Entry, ...]:
        """The paths that are sent: those that no line keeps out, and the folders above them."""
        needed = {above for e in self.entries if not e.kept_out for above in _above(e.path)}
        return tuple(e for e in self.entries if not e.kept_out or e.path in needed)

    @property
    def bytes(self) -> int:
        """The bytes of all files of the context."""
        return sum(entry.bytes for entry in self.entries)

    @property
    def sent_bytes(self) -> int:
        """The bytes of the files that are sent, without the bytes that the protocol adds."""
        return sum(entry.bytes for entry in self.sent)

    @property
    def not_utf_8(self) -> tuple[str, ...]:
        """The paths to send whose name or link target is not UTF-8, which newer builders refuse."""
        return tuple(e.path for e in self.sent if not (in_utf_8(e.path) and in_utf_8(e.target)))

    def tree(self, depth: int = 1) -> Tree:
        """Return the context as a tree of ``depth`` levels; deeper levels are summed up."""
        return Tree(tuple(_lines(self, "", depth)), self.sent_bytes, self.bytes)


@dataclass(frozen=True)
class Line:
    """One line of a tree; ``why`` names the pattern that keeps out the path or a part of it."""

    indent: str
    name: str
    sent_bytes: int
    bytes: int
    why: str


@dataclass(frozen=True)
class Tree:
    """A context drawn as a tree in plain text: which paths are sent, which are not, and why."""

    lines: tuple[Line, ...]
    sent_bytes: int
    bytes: int

    def __str__(self) -> str:
        top = Line("", ".", self.sent_bytes, self.bytes, "")
        lines = [top, *self.lines]
        width = max(len(line.indent + line.name) for line in lines)
        head = f"{'':{width}}  {'sent':>9}  {'of':>9}"
        rows = (
            f"{x.indent + x.name:{width}}  {_sent(x):>9}  {in_units(x.bytes):>9}  {x.why}" for x in lines
        )
        return "\n".join(row.rstrip() for row in (head, *rows))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f'<pre style="line-height:1.25">{escape(str(self))}</pre>'


def ignore_file(context: Path, dockerfile: Path) -> Path | None:
    """Return the ignore file that applies: the Dockerfile's own, else the context's, else None.

    The Dockerfile's own ignore file is named ``NAME.dockerignore``. It lies beside the Dockerfile, or
    beside the link that leads to it. The builder ignores a link that leads out of its folder.
    """
    choices = (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), context / ".dockerignore")
    return next((file for file in choices if _real(file)), None)


def rules(context: Path, dockerfile: Path) -> Rules:
    """Return the patterns that apply to a build. Raises `WorkbookError` for a pattern that is refused.

    A byte that is not UTF-8 becomes the replacement character, as in the builder.
    """
    file = ignore_file(context, dockerfile)
    real = _real(file) if file else None
    if real is None:
        return _ALL
    try:
        return dockerignore.parse(real.read_bytes().decode(errors="replace"))
    except OSError as error:
        raise WorkbookError(
            f"{file} cannot be read ({error.strerror}); check its permissions."
        ) from None


def _real(file: Path) -> Path | None:
    """Return the plain file behind a path, following links inside its folder; None if there is none."""
    real = paths.inside(file.parent, file.name)
    return real if real and real.is_file() else None


def survey(context: Path, patterns: Rules = _ALL) -> Survey:
    """Look at every path of a context. Raises `WorkbookError` when it is not a readable folder."""
    if not context.is_dir():
        raise WorkbookError(f"There is no folder at {context}; check the path.")
    if not os.access(context, os.R_OK | os.X_OK):
        raise WorkbookError(f"{context} cannot be read; check its permissions.")
    walk = _Walk(patterns)
    walk.enter(os.fspath(context), "")
    unread = tuple(path for path in walk.unread if not patterns.decide(path).kept_out)
    return Survey(tuple(walk.entries), unread)


def in_utf_8(text: str) -> bool:
    """Whether the bytes of a name are UTF-8."""
    return text == text.encode(errors="replace").decode()


def printable(text: str) -> str:
    """Return a name that can be printed, even when its bytes are not UTF-8."""
    return os.fsencode(text).decode(errors="backslashreplace")


class _Walk:
    """Goes through a context, folder by folder; ``unread`` holds what this user cannot read."""

    def __init__(self, patterns: Rules) -> None:
        self.entries: list[Entry] = []
        self.unread: list[str] = []
        self._patterns = patterns
        self._user = os.getuid()
        self._linked: set[tuple[bool, int, int]] = set()  # contents with several hard links

    def enter(self, folder: str, prefix: str) -> None:
        """List a folder, whose paths begin with ``prefix``, and the folders in it."""
        try:
            with os.scandir(folder) as found:
                items = sorted(found, key=_name)
            every = [(item, item.stat(follow_symlinks=False)) for item in items]
        except PermissionError:
            self.unread.append(prefix.rstrip("/"))
            return
        decide = self._patterns.inside(prefix.rstrip("/"))
        for item, facts in every:
            path, mode = prefix + item.name, facts.st_mode
            kind = _KINDS.get(stat.S_IFMT(mode), "device")
            kept_out, by = decide(path)
            size, target = 0, ""
            if kind == "file":
                if facts.st_nlink == 1 or self._is_first(facts, kept_out):
                    size = facts.st_size
                owner_reads = mode & stat.S_IRUSR and facts.st_uid == self._user
                if not owner_reads and not os.access(item, os.R_OK):
                    self.unread.append(path)
            elif kind == "symlink":
                target = os.readlink(item)  # noqa: PTH115 - a Path drops a last /
            self.entries.append(Entry(path, kind, size, kept_out, by, target))
            if kind == "directory":
                self.enter(item.path, f"{path}/")

    def _is_first(self, facts: os.stat_result, kept_out: bool) -> bool:
        """Whether a hard link is the first to its content, among those kept out or among the others."""
        met = len(self._linked)
        self._linked.add((kept_out, facts.st_dev, facts.st_ino))
        return len(self._linked) > met


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _lines(survey: Survey, prefix: str, depth: int, indent: str = "") -> Iterator[Line]:
    """Yield the lines below a folder: folders first, then one line for the other files."""
    groups: dict[str, list[Entry]] = {}
    for entry in survey.entries:
        if entry.path.startswith(prefix):
            groups.setdefault(entry.path[len(prefix) :].partition("/")[0], []).append(entry)
    children = sorted(groups.values(), key=lambda group: group[0].kind != "directory")
    for below in children:
        entry, last = below[0], below is children[-1]
        name = printable(entry.path[len(prefix) :]) + "/" * (entry.kind == "directory")
        total = sum(e.bytes for e in below)
        sent = sum(e.bytes for e in below if not e.kept_out)
        yield Line(indent + ("└─ " if last else "├─ "), name, sent, total, _why(entry, below))
        if depth > 1 and entry.kind == "directory":
            deeper = Survey(tuple(below))
            yield from _lines(deeper, f"{entry.path}/", depth - 1, indent + ("   " if last else "│  "))


def _why(entry: Entry, below: list[Entry]) -> str:
    if entry.kept_out:
        back = next((e.by for e in below if not e.kept_out and e.by), None)
        return f"kept out by {_said(entry)}" + (
            f", in part back by {printable(back.written)}" if back else ""
        )
    out = dict.fromkeys(_said(e) for e in below if e.kept_out)
    return f"in part kept out by {', '.join(out)}" if out else ""


def _said(entry: Entry) -> str:
    return printable(entry.by.written) if entry.by else ""


def _sent(line: Line) -> str:
    return "·" if line.why and not line.sent_bytes else in_units(line.sent_bytes)
