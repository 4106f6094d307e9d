"""Find a secret in a finished image: in the bytes of every layer, in its history, in its settings.

The search reads every byte that ``docker save`` gives, and looks for the secret in plain text and in
base64. It cannot see a secret inside a compressed file of a layer, such as a Git object. It runs nothing
and judges nothing: it returns the places where the secret is.
"""

from __future__ import annotations

import base64
import bisect
import contextlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from helpers.engine import ImageError, saved
from helpers.engine.saved import ForwardStream, Member
from helpers.host.errors import stoppable
from helpers.image.image import UNKNOWN, instruction

if TYPE_CHECKING:
    from helpers.image.image import Image

_SHORTEST = 8  # characters; a shorter text could be found by chance
_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38,62}\Z")
LAYER, HISTORY, SETTINGS = "layer", "history", "settings"


@dataclass(frozen=True)
class Sighting:
    """One place where a secret was found: ``where`` is ``layer``, ``history`` or ``settings``.

    ``instruction`` is the one that made the layer, or the entry of the history; empty for settings.
    ``what`` is the file in the layer, or the setting.
    """

    where: str
    instruction: str
    what: str
    form: str


@dataclass(frozen=True)
class Search:
    """What a search read, and what it found there."""

    layers: int
    layer_bytes: int
    history: int
    sightings: tuple[Sighting, ...]

    def count(self, where: str) -> int:
        """Return the number of sightings in one kind of place."""
        return sum(sighting.where == where for sighting in self.sightings)


@dataclass(frozen=True)
class _Layer:
    bytes: int
    found: tuple[tuple[str, str], ...]  # file and form


@stoppable("The search was stopped at your request.")
def search(image: Image, secret: str) -> Search:
    """Search an image for a secret.

    Raises `ImageError` when the secret is too short, when the engine has no such image, or when the
    engine does not give all of its layers. Raises `EngineError` when the engine goes away.
    """
    if len(secret) < _SHORTEST:
        raise ImageError(f"A text of {len(secret)} characters is found by chance; search a longer one.")
    forms = _forms(secret)
    try:
        with contextlib.closing(saved.members(image.engine, image.id)) as members:
            config, parts = _read(members, forms)
    except saved.READ_FAILURES as error:
        raise ImageError(
            f"The engine did not give all of {image.name!r} ({error}); check the engine with "
            "`docker info` and search again."
        ) from error
    sightings = [*_in_layers(parts, config), *_in_history(config, forms), *_in_settings(config, forms)]
    return Search(
        layers=len(parts),
        layer_bytes=sum(part.bytes for part in parts),
        history=len(config.get("history") or ()),
        sightings=tuple(sightings),
    )


def _read(members: Iterable[Member], forms: Mapping[str, bytes]) -> tuple[dict[str, Any], list[_Layer]]:
    """Return the image's configuration, and the findings in each layer, from the base up."""
    documents: dict[str, bytes] = {}
    found: dict[str, _Layer] = {}
    links: dict[str, str] = {}
    for member in members:
        if member.kind == "link":
            links[member.name] = member.target
        elif member.kind == "layer":
            found[member.name] = _search_layer(member.content(), forms)
        else:
            documents[member.name] = b"".join(member.chunks)
    manifest = json.loads(documents["manifest.json"])[0]
    names = [links.get(name, name) for name in manifest["Layers"] or ()]
    return json.loads(documents[manifest["Config"]]), [found[name] for name in names]


def _forms(secret: str) -> dict[str, bytes]:
    """Return the forms in which a secret may be written, each with the bytes to look for.

    In base64 a text has three forms, which depend on its offset. The characters at both ends depend on
    the neighbouring text, so they are left out.
    """
    raw = secret.encode()
    forms = {"as it is": raw}
    for offset in range(3):
        padded = base64.b64encode(bytes(offset) + raw).rstrip(b"=")
        forms[f"base64, offset {offset}"] = padded[-(-offset * 8 // 6) : -1]
    return forms


def _search_layer(chunks: Iterable[bytes], forms: Mapping[str, bytes]) -> _Layer:
    """Search a layer's whole tar: the files' contents, their names, and the bytes between them."""
    finder = Finder(forms)
    forward = ForwardStream(finder.passing(chunks))
    starts, names = [0], ["(the layer's tar itself)"]
    with tarfile.open(
        fileobj=cast(Any, forward), mode="r:", encoding="utf-8", errors="backslashreplace"
    ) as tar:
        while (member := tar.next()) is not None:
            starts.append(member.offset)
            names.append("/" + member.name.removeprefix("./"))
            tar.members.clear()  # type: ignore[attr-defined]
    forward.finish()
    places = ((names[bisect.bisect_right(starts, at) - 1], form) for at, form in finder.hits)
    return _Layer(finder.passed, tuple(dict.fromkeys(places)))


@dataclass
class Finder:
    """Looks for texts in a stream of bytes that comes in pieces.

    ``hits`` holds the offsets where a form of the secret begins, with the name of the form. ``passed``
    counts the bytes so far.
    """

    forms: Mapping[str, bytes]
    hits: list[tuple[int, str]] = field(default_factory=list)
    passed: int = 0

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Search and yield each piece; it is searched together with the end of the bytes before it."""
        longest = max(map(len, self.forms.values()))
        tail = b""
        for chunk in chunks:
            window = tail + chunk
            begin = self.passed - len(tail)
            for name, text in self.forms.items():
                at = window.find(text)
                while at >= 0:
                    if at + len(text) > len(tail):  # otherwise it was found with the piece before
                        self.hits.append((begin + at, name))
                    at = window.find(text, at + 1)
            self.passed += len(chunk)
            tail = window[len(window) - min(longest - 1, len(window)) :]
            yield chunk


def _in_layers(parts: list[_Layer], config: Mapping[str, Any]) -> Iterator[Sighting]:
    made = [row for row in config.get("history") or () if not row.get("empty_layer")]
    lines = [instruction(row.get("created_by") or "") for row in made]
    if len(lines) != len(parts):
        lines = [UNKNOWN] * len(parts)
    for part, line in zip(parts, lines, strict=True):
        for file, form in part.found:
            yield Sighting(LAYER, line, file, form)


def _in_history(config: Mapping[str, Any], forms: Mapping[str, bytes]) -> Iterator[Sighting]:
    for row in config.get("history") or ():
        for form in _holding(row, forms):
            said = " ".join((row.get("created_by") or "").removesuffix("# buildkit").split())
            yield Sighting(HISTORY, said, "the entry itself", form)


def _in_settings(config: Mapping[str, Any], forms: Mapping[str, bytes]) -> Iterator[Sighting]:
    """Search the configuration without its history: each variable, then each other key."""
    settings = config.get("config") or {}
    for pair in settings.get("Env") or ():
        for form in _holding(pair, forms):
            yield Sighting(SETTINGS, "", f"environment variable {pair.partition('=')[0]}", form)
    rest = {k: v for k, v in settings.items() if k != "Env"}
    rest |= {k: v for k, v in config.items() if k not in ("config", "history")}
    for key, value in rest.items():
        for form in _holding(value, forms):
            yield Sighting(SETTINGS, "", key, form)


def _holding(value: object, forms: Mapping[str, bytes]) -> list[str]:
    written = json.dumps(value, ensure_ascii=False).encode()
    return [name for name, text in forms.items() if text in written]


# A repository of Git


def in_git_objects(repository: Path, text: str) -> list[str]:
    """Return the paths of the objects that contain a text, relative to ``repository``, a ``.git``.

    Only loose objects are read; this needs no Git. Packed objects (``objects/pack``) are not read.
    """
    objects = repository / "objects"
    files = (f for f in sorted(objects.glob("??/*")) if _OBJECT.match(f.relative_to(objects).as_posix()))
    return [f.relative_to(repository).as_posix() for f in files if text.encode() in _content(f)]


def _content(file: Path) -> bytes:
    try:
        return zlib.decompress(file.read_bytes())
    except (OSError, zlib.error):
        return b""
