"""Turn the stream of ``docker buildx build --progress=rawjson`` into steps.

BuildKit calls a step a *vertex*. The stream is a sequence of JSON documents, indented in buildx 0.13
and one a line in later versions, with plain text among them (an error, a warning). This module reads
text and keeps state; it starts no process and draws nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_STAGE = re.compile(r"^\[(?:(?P<platform>\w+/\S+) )?(?:(?P<stage>\S+) +)?(?P<at>\d+)/(?P<of>\d+)\] ")


@dataclass(frozen=True)
class Step:
    """One vertex of a build.

    ``stage`` is the stage's name as BuildKit shows it, empty for a file of one stage and for internal
    steps; ``started`` is seconds since the first step of the build, ``seconds`` the step's own time,
    None while it has not begun or ended. ``done`` also holds for a step that failed (see ``error``).
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
        """Whether BuildKit runs the step for itself, so that no line of the Dockerfile stands for it."""
        return self.name.startswith(("[internal]", "[auth]", "exporting to", "docker-image://"))

    @property
    def instruction(self) -> str:
        """The step as the Dockerfile has it, without BuildKit's ``[stage n/m]``."""
        return _STAGE.sub("", self.name)

    @property
    def running(self) -> bool:
        """Whether the step has begun and not ended."""
        return self.started is not None and self.seconds is None

    @property
    def done(self) -> bool:
        """Whether the step has ended, by running or from the cache."""
        return self.cached or self.seconds is not None


@dataclass
class _Vertex:
    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    intervals: dict[str, str | None] = field(default_factory=dict)
    cached: bool = False
    error: str | None = None


class Progress:
    """The state of one build, fed with lines of its stream.

    ``text`` collects the lines that are no JSON, ``log`` the last lines that steps printed.
    """

    LOG_LINES = 200

    def __init__(self) -> None:
        self.text: list[str] = []
        self.log: list[str] = []
        self._vertices: dict[str, _Vertex] = {}
        self._transfers: dict[tuple[str, str], int] = {}
        self._pending: list[str] = []

    def feed(self, line: str) -> bool:
        """Take one line of the stream; return whether it changed what there is to show."""
        document = self._document(line)
        if document is None:
            return False
        for vertex in _items(document, "vertexes"):
            self._take_vertex(vertex)
        for status in _items(document, "statuses"):
            self._take_status(status)
        for entry in _items(document, "logs"):
            self._take_log(entry)
        return True

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps known so far: first those that began, by time, then those that wait."""
        begin = min((t for v in self._vertices.values() for t in _starts(v)), default=0.0)
        steps = [_step(vertex, begin) for vertex in self._vertices.values()]
        return tuple(sorted(steps, key=lambda s: (s.started is None, s.started or 0.0)))

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

    def _document(self, line: str) -> dict[str, Any] | None:
        bare = line.rstrip()
        if not self._pending:
            if bare == "{":
                self._pending.append(bare)
                return None
            return self._whole(bare)
        self._pending.append(bare)
        if bare != "}":
            return None
        text, self._pending = "\n".join(self._pending), []
        return self._whole(text)

    def _whole(self, text: str) -> dict[str, Any] | None:
        if text.startswith("{"):
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                document = None
            if isinstance(document, dict):
                return document
        self.text.extend(text.splitlines())
        return None

    def _take_vertex(self, raw: dict[str, Any]) -> None:
        digest = str(raw.get("digest", ""))
        vertex = self._vertices.setdefault(digest, _Vertex(digest))
        vertex.name = str(raw.get("name") or vertex.name)
        vertex.inputs = tuple(str(i) for i in raw.get("inputs") or ()) or vertex.inputs
        vertex.cached = bool(raw.get("cached")) or vertex.cached
        vertex.error = str(raw["error"]) if raw.get("error") else vertex.error
        if isinstance(raw.get("started"), str):
            vertex.intervals[raw["started"]] = raw.get("completed")

    def _take_status(self, raw: dict[str, Any]) -> None:
        current = raw.get("current")
        if isinstance(current, int):
            self._transfers[(str(raw.get("vertex")), str(raw.get("id")))] = current

    def _take_log(self, raw: dict[str, Any]) -> None:
        try:
            text = base64.b64decode(raw.get("data") or "", validate=True).decode(errors="replace")
        except (binascii.Error, ValueError, TypeError):
            return
        self.log = [*self.log, *text.splitlines()][-self.LOG_LINES :]


def _items(document: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    values = document.get(key)
    return (v for v in values if isinstance(v, dict)) if isinstance(values, list) else iter(())


def _step(vertex: _Vertex, begin: float) -> Step:
    match = _STAGE.match(vertex.name)
    starts = _starts(vertex)
    return Step(
        digest=vertex.digest,
        name=vertex.name,
        stage=(match["stage"] or "") if match else "",
        started=max(0.0, min(starts) - begin) if starts else None,
        seconds=_busy_seconds(vertex),
        cached=vertex.cached,
        error=vertex.error,
        inputs=vertex.inputs,
    )


def _starts(vertex: _Vertex) -> list[float]:
    return [t for t in map(_seconds, vertex.intervals) if t is not None]


def _busy_seconds(vertex: _Vertex) -> float | None:
    """Return the time covered by the step's intervals: BuildKit may begin a step more than once."""
    spans = []
    for start, end in vertex.intervals.items():
        first, last = _seconds(start), _seconds(end)
        if first is None or last is None:
            return None
        spans.append((first, max(first, last)))
    if not spans:
        return None
    total, reach = 0.0, float("-inf")
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, reach))
        reach = max(reach, last)
    return total


def _seconds(stamp: object) -> float | None:
    if not isinstance(stamp, str):
        return None
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError):
        return None
