"""The sample app: its Dockerfiles by name, the requests that prove it runs, and edits of a working copy.

Each edit is new, because BuildKit would find an earlier result for an edit that it has seen. An edit is
undone when its block ends. This module builds and measures nothing.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.buildx import dockerfile as reader
from helpers.engine import Running
from helpers.host import paths, tables
from helpers.host.errors import WorkbookError
from helpers.host.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

APP = "/app"

SOURCE = "src/version.ts"
MANIFEST, LOCK = "package.json", "package-lock.json"

# A small real package that no dependency of the app needs, with npm's lock entry for it.
PACKAGE = "picocolors"
_LOCKED = {
    "version": "1.1.1",
    "integrity": (
        "sha512-xceH2snhtb5M9liqDsmEw56le376mTZkEX/jEb/RxNFyegNul7eNslCXP9FDj/Lcu0X8KEyMceP2ntpaHrDEVA=="
    ),
    "license": "ISC",
}


class SampleError(WorkbookError):
    """The sample app has no such file, or gave an unexpected response."""


def dockerfiles() -> dict[str, Path]:
    """Return the Dockerfiles by their short names (``01_naive.Dockerfile`` is ``naive``), in order."""
    found = sorted(paths.DOCKERFILES.glob("*.Dockerfile"))
    return {file.name.removesuffix(".Dockerfile").partition("_")[2]: file for file in found}


def dockerfile(name: str) -> Path:
    """Return the path of one Dockerfile. Raises `SampleError` for an unknown name."""
    known = dockerfiles()
    if name not in known:
        raise SampleError(f"There is no Dockerfile {name!r}; there are {', '.join(known)}.")
    return known[name]


def base_images() -> list[str]:
    """Return the base images of all Dockerfiles, each once, in order of appearance."""
    files = [reader.read(file) for file in dockerfiles().values()]
    return list(dict.fromkeys(name for file in files for name in file.base_images()))


@dataclass(frozen=True)
class Proof:
    """The API's responses from inside a container, one for each request."""

    rows: tuple[tuple[str, int, str], ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each request: the request, its status and what it shows."""
        return tables.frame(self.rows, columns=["request", "status", "shows"])

    def _repr_html_(self) -> str:
        return str(self.to_frame().style.hide(axis="index").to_html())

    def __repr__(self) -> str:
        return self.to_frame().to_string(index=False)


def prove(api: Running) -> Proof:
    """Use the API as a client would: health, create, read, list, a refusal.

    Raises `SampleError` at the first response that differs from what the API promises.
    """
    return Proof(tuple(_conversation(api)))


def _conversation(api: Running) -> Iterator[tuple[str, int, str]]:
    shipment = {"reference": "WB-1", "origin": "DKCPH", "destination": "USNYC", "weightKg": 12.5}
    yield _expect(api, "GET", "/healthz", 200, "the process is up")
    created = api.request("POST", "/shipments", shipment)
    yield _checked("POST /shipments", created.status, 201, "it takes input")
    yield _expect(
        api, "GET", f"/shipments/{created.body['id']}", 200, "it remembers it", "/shipments/:id"
    )
    yield _expect(api, "GET", "/shipments?status=created", 200, "it lists and filters")
    refused = api.request("POST", "/shipments", {"weightKg": -1})
    yield _checked("POST /shipments (nonsense)", refused.status, 400, "it validates")


def _expect(
    api: Running, method: str, path: str, status: int, shows: str, label: str | None = None
) -> tuple[str, int, str]:
    answer = api.request(method, path)
    return _checked(f"{method} {label or path}", answer.status, status, shows)


def _checked(request: str, status: int, wanted: int, shows: str) -> tuple[str, int, str]:
    if status != wanted:
        raise SampleError(f"The API answered {request} with {status} instead of {wanted}.")
    return request, status, shows


# Edits


@contextlib.contextmanager
def source_edit(app: Workspace) -> Iterator[str]:
    """Add a line to a source file that also changes the compiled program; yield the line."""
    line = f"export const build = '{_token()}';"
    with _restored(app, SOURCE):
        app.write(SOURCE, _read(app, SOURCE) + line + "\n")
        yield line


@contextlib.contextmanager
def dependency_edit(app: Workspace) -> Iterator[str]:
    """Add a dependency to package.json and to the lock file, as a pull request would; yield its name.

    The project also gets a new version number, which no build has seen.
    """
    with _restored(app, MANIFEST, LOCK):
        manifest, lock = _json(app, MANIFEST), _json(app, LOCK)
        root = lock["packages"][""]
        if PACKAGE in manifest["dependencies"] or f"node_modules/{PACKAGE}" in lock["packages"]:
            raise WorkbookError(f"The app depends on {PACKAGE} already; add another package.")
        for place in (manifest, root):
            place["dependencies"][PACKAGE] = f"^{_LOCKED['version']}"
        version = f"{manifest['version']}-{_token()}"
        for place in (manifest, lock, root):
            place["version"] = version
        lock["packages"][f"node_modules/{PACKAGE}"] = _LOCKED
        _write(app, MANIFEST, manifest)
        _write(app, LOCK, lock)
        yield PACKAGE


@contextlib.contextmanager
def script_edit(app: Workspace) -> Iterator[str]:
    """Add a script to package.json, leaving all dependencies unchanged; yield the script's name."""
    with _restored(app, MANIFEST):
        manifest = _json(app, MANIFEST)
        manifest["scripts"]["hello"] = f"echo {_token()}"
        _write(app, MANIFEST, manifest)
        yield "hello"


@contextlib.contextmanager
def test_edit(app: Workspace) -> Iterator[str]:
    """Add a comment to a test, which leaves the compiled program unchanged; yield the line."""
    file, line = "test/health.test.ts", f"// {_token()}"
    with _restored(app, file):
        app.write(file, _read(app, file) + line + "\n")
        yield line


@contextlib.contextmanager
def _restored(app: Workspace, *names: str) -> Iterator[None]:
    before = {name: _read(app, name) for name in names}
    try:
        yield
    finally:
        for name, text in before.items():
            app.write(name, text)


def _token() -> str:
    return f"edit{secrets.token_hex(6)}"


def _read(app: Workspace, name: str) -> str:
    file = app.path / name
    if not file.is_file():
        raise WorkbookError(f"There is no file {name} in the working copy; check the name.")
    return file.read_text(encoding="utf-8")


def _json(app: Workspace, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_read(app, name))
    except ValueError as error:
        raise WorkbookError(f"{name} of the working copy is no JSON: {error}.") from None
    return found


def _write(app: Workspace, name: str, content: dict[str, Any]) -> None:
    app.write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
