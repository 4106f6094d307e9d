"""Turn the stream of ``docker buildx build --progress=rawjson`` into steps.

BuildKit calls a step a *vertex*. The stream is a sequence of JSON documents, indented in buildx 0.13
and one a line in later versions, with plain text among them (an error, a warning). This module ignores
what it does not know, and a document that was cut off does not spoil the next one. It reads text and
keeps state; it starts no process and draws nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_STAGE = re.compile(  # a bake puts the target's name before that of the stage
    r"\[(?:(?P<platform>\w+/\S+) )?(?:(?P<stage>[^\s\]]+(?: [^\s\]]+)?) )? *(?P<at>\d+)/(?P<of>\d+)\] "
)
_LONGEST_LINE = 10_000  # characters kept of a line of the log
_MOST_CUTS = 20  # documents of one line that may break off
_BEGINNING = re.compile(r'\{"(?:vertexes|statuses|logs|warnings)":')


@dataclass(frozen=True)
class Step:
    """One vertex of a build.

    ``stage`` is the stage's name as BuildKit shows it, empty for a file of one stage and for internal
    steps; ``started`` is seconds since the first step of the build, ``seconds`` the step's own time,
    each None until the step has begun and ended. ``error`` says why it failed or was stopped.
    """

    digest: str
    name: str
    stage: str
    started: float | None
    seconds: float | None
    cached: bool
    error: str | None
    inputs: tuple[str, ...]

    @property
    def internal(self) -> bool:
        """Whether the step is BuildKit's own, which no line of the Dockerfile asked for."""
        return _STAGE.match(self.name) is None

    @property
    def instruction(self) -> str:
        """The step as the Dockerfile has it, without BuildKit's ``[stage n/m]``."""
        return _STAGE.sub("", self.name)

    @property
    def running(self) -> bool:
        """Whether the step has begun and not ended."""
        return self.started is not None and not self.done

    @property
    def done(self) -> bool:
        """Whether the step has ended: it ran, came from the cache, or failed."""
        return self.cached or self.seconds is not None or self.error is not None


@dataclass
class _Vertex:
    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    intervals: dict[float, float | None] = field(default_factory=dict)
    cached: bool = False
    error: str | None = None


class Progress:
    """The state of one build, fed with lines of its stream.

    ``text`` collects the lines that are not JSON.
    """

    LOG_LINES = 200

    def __init__(self) -> None:
        self.text: list[str] = []
        self._printed = _Log(self.LOG_LINES)
        self._printed_by: dict[str, _Log] = {}
        self._vertices: dict[str, _Vertex] = {}
        self._transfers: dict[tuple[str, str], int] = {}
        self._words: Counter[str] = Counter()
        self._pending: list[str] = []

    def feed(self, line: str) -> bool:
        """Take one line of the stream; return whether it changed what there is to show."""
        takers = {"vertexes": self._take_vertex, "statuses": self._take_status, "logs": self._take_log}
        changed = False
        for document in self._documents(line.rstrip()):
            for key, take in takers.items():
                for item in _items(document, key):
                    self._words[str(item.get("digest", item.get("vertex")))] += 1
                    take(item)
                    changed = True
        return changed

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps known so far: those that have begun, by time, then those that wait."""
        begin = min((start for v in self._vertices.values() for start in v.intervals), default=0.0)
        steps = [_step(vertex, begin) for vertex in self._vertices.values()]
        return tuple(sorted(steps, key=lambda s: (s.started is None, s.started or 0.0)))

    @property
    def log(self) -> list[str]:
        """The last lines that the steps printed, as they came."""
        return self._printed.lines

    def log_of(self, step: Step) -> list[str]:
        """Return the last lines that one step printed."""
        return self._printed_by[step.digest].lines if step.digest in self._printed_by else []

    def words_of(self, step: Step) -> int:
        """Count the messages about one step so far: its beginning, end, output and transfers.

        A running step is silent while its count stays the same.
        """
        return self._words[step.digest]

    @property
    def context_bytes(self) -> int:
        """Bytes of build context sent to the builder: the local files, the Dockerfile not counted."""
        return sum(
            size
            for (vertex, name), size in self._transfers.items()
            if name.startswith("transferring") and self._is_context(vertex)
        )

    def _is_context(self, digest: str) -> bool:
        name = self._vertices[digest].name if digest in self._vertices else ""
        return name.startswith("[internal] load build context") or "load from client" in name

    def _documents(self, line: str) -> list[dict[str, Any]]:
        """Return the documents that end with this line, and keep plain text in `text`."""
        if self._pending:
            if line.startswith((" ", "}")):
                self._pending.append(line)
                return self._indented() if line == "}" else []
            self._give_up()
        if line.endswith("{"):
            self._pending.append(line)
            return []
        return self._compact(line)

    def _indented(self) -> list[dict[str, Any]]:
        """Read the lines kept so far; after a cut, the next whole document may begin at a later line."""
        lines = self._pending
        starts = [n for n, line in enumerate(lines[1:]) if lines[n][-1:] == "{" and line[:3] == '  "']
        for start in starts[:1] + starts[-1:]:
            document = _json("\n".join(["{", *lines[start + 1 :]]))
            if document is not None:
                self.text += [line for line in (*lines[:start], lines[start][:-1]) if line]
                self._pending = []
                return [document]
        self._give_up()
        return []

    def _compact(self, line: str) -> list[dict[str, Any]]:
        """Read a line: one document, text, both, or several documents whose line ends were lost.

        The rest of a line is text after `_MOST_CUTS` documents without an end: each costs time.
        """
        document = _json(line)
        if document is not None:
            return [document]
        documents, rest, at, cuts = [], "", 0, 0
        while cuts < _MOST_CUTS and (match := _BEGINNING.search(line, at)):
            document, end = _json_at(line, match.start())
            cuts += document is None
            rest += line[at : match.start() if document else match.end()]
            at = end if document else match.end()
            documents += [document] if document else []
        rest += line[at:]
        self.text += rest.splitlines()
        return documents

    def _give_up(self) -> None:
        self.text += self._pending
        self._pending = []

    def _take_vertex(self, raw: dict[str, Any]) -> None:
        digest = raw.get("digest")
        if not isinstance(digest, str):
            return
        vertex = self._vertices.setdefault(digest, _Vertex(digest))
        vertex.name = str(raw.get("name") or vertex.name)
        inputs = raw.get("inputs")
        if isinstance(inputs, list):
            vertex.inputs = tuple(map(str, inputs)) or vertex.inputs
        vertex.cached = bool(raw.get("cached")) or vertex.cached
        vertex.error = str(raw["error"]) if raw.get("error") else vertex.error
        start, end = _seconds(raw.get("started")), _seconds(raw.get("completed"))
        if start is not None:
            vertex.intervals[start] = vertex.intervals.get(start) if end is None else end

    def _take_status(self, raw: dict[str, Any]) -> None:
        current = raw.get("current")
        if isinstance(current, int):
            self._transfers[(str(raw.get("vertex")), str(raw.get("id")))] = current

    def _take_log(self, raw: dict[str, Any]) -> None:
        try:
            text = base64.b64decode(raw.get("data") or "", validate=True).decode(errors="replace")
        except (binascii.Error, ValueError, TypeError):
            return
        vertex = str(raw.get("vertex"))
        source = f"{vertex} {raw.get('stream')}"
        self._printed.add(source, text)
        self._printed_by.setdefault(vertex, _Log(self.LOG_LINES)).add(source, text)


class _Log:
    """The last lines of what was printed. The output comes in pieces, which may end in mid-line."""

    def __init__(self, limit: int) -> None:
        self.lines: list[str] = []
        self._limit = limit
        self._unfinished: str | None = None

    def add(self, source: str, text: str) -> None:
        lines = text.split("\n")
        if self._unfinished == source and self.lines:
            lines[0] = self.lines.pop() + lines[0]
        self._unfinished = source if lines[-1] else None
        self.lines += [_shown(line) for line in (lines if lines[-1] else lines[:-1])]
        del self.lines[: -self._limit]


def _shown(line: str) -> str:
    """Return what a terminal would still show of a line after its carriage returns, cut to its end."""
    return line.rstrip("\r").rpartition("\r")[2][-_LONGEST_LINE:]


def _json(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _json_at(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    try:
        document, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start
    return document, end


def _items(document: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    values = document.get(key)
    return (v for v in values if isinstance(v, dict)) if isinstance(values, list) else iter(())


def _step(vertex: _Vertex, begin: float) -> Step:
    match = _STAGE.match(vertex.name)
    return Step(
        digest=vertex.digest,
        name=vertex.name,
        stage=(match["stage"] or "") if match else "",
        started=max(0.0, min(vertex.intervals) - begin) if vertex.intervals else None,
        seconds=_busy_seconds(vertex),
        cached=vertex.cached,
        error=vertex.error,
        inputs=vertex.inputs,
    )


def _busy_seconds(vertex: _Vertex) -> float | None:
    """Return the seconds in which the step was running; BuildKit may begin a step more than once."""
    if not vertex.intervals:
        return None
    total, reach = 0.0, float("-inf")
    for first, last in sorted(vertex.intervals.items()):
        if last is None:
            return None
        total += max(0.0, last - max(first, reach))
        reach = max(reach, last)
    return total


def _seconds(stamp: object) -> float | None:
    if not isinstance(stamp, str):
        return None
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
