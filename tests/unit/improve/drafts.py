"""Drafts to improve, for the tests of rules: from files in a folder, and what was seen of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.examine import find, gather
from helpers.image.filesystem import File
from helpers.improve.draft import Change, Draft, Seen

PACKAGE = '{"scripts": {"build": "tsc", "start": "node dist/index.js"}, "devDependencies": {"typescript": "5"}}'
LOCK = '{"lockfileVersion": 3, "packages": {}}'
NODE = ("NODE_VERSION=20.18.0",)


def draft(folder: Path, files: Mapping[str, str], seen: Seen | None = None) -> Draft:
    """Write a project's files into a folder, and return the draft that an improvement begins with."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    sources = gather.read(find(folder))
    ignore = files.get(".dockerignore", "")
    return Draft(sources.project, files["Dockerfile"], ignore, sources.survey, seen)


def seen(*paths: str, folder: str = "/app", user: str = "", **more) -> Seen:
    """Return what is seen of a Node image with these files of the app, each in a layer above the base.

    A path that ends with a slash is a folder; a path with a colon behind it has that owner.
    """
    settings = {"Env": NODE, "WorkingDir": folder, "User": user, "Cmd": ["node", "dist/index.js"]}
    return Seen(settings | more, _files(paths), base_layers=0)


def _files(paths: Sequence[str]) -> tuple[File, ...]:
    found = []
    for written in paths:
        path, _, owner = written.partition(":")
        kind = "directory" if path.endswith("/") else "file"
        uid = int(owner or 0)
        found.append(File(path.rstrip("/"), kind, 1, 5, 0o644, uid, uid, ""))
    return tuple(found)


def changed(change: Change | None) -> list[str]:
    """Return the lines of the Dockerfile after a change, which must have been proposed."""
    assert change is not None
    change.draft.file  # noqa: B018 - it can still be read
    return change.draft.text.replace("\r", "").splitlines()
