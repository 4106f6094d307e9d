"""The edits that a lesson makes to a working copy: a source line, a dependency, a script, a test.

Each edit is one that no build has seen before, or BuildKit would find an earlier result for it; each
is undone when its block ends. It edits files and builds nothing.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from typing import Any

from helpers.host.workspace import Workspace, WorkspaceError

SOURCE = "src/version.ts"
MANIFEST, LOCK = "package.json", "package-lock.json"

# A small real package that nothing in the tree depends on, with the entry that npm writes for it.
PACKAGE = "picocolors"
_LOCKED = {
    "version": "1.1.1",
    "integrity": (
        "sha512-xceH2snhtb5M9liqDsmEw56le376mTZkEX/jEb/RxNFyegNul7eNslCXP9FDj/Lcu0X8KEyMceP2ntpaHrDEVA=="
    ),
    "license": "ISC",
}


@contextlib.contextmanager
def source(app: Workspace) -> Iterator[str]:
    """Add a line to a source file, one that the compiled program carries too; yield the line."""
    line = f"export const build = '{_token()}';"
    with _restored(app, SOURCE):
        app.write(SOURCE, _read(app, SOURCE) + line + "\n")
        yield line


@contextlib.contextmanager
def dependency(app: Workspace) -> Iterator[str]:
    """Add a dependency to package.json and to the lock file, as a pull request would; yield its name.

    The version of the project goes up with it, to one that nobody has built yet.
    """
    with _restored(app, MANIFEST, LOCK):
        manifest, lock = _json(app, MANIFEST), _json(app, LOCK)
        root = lock["packages"][""]
        if PACKAGE in manifest["dependencies"] or f"node_modules/{PACKAGE}" in lock["packages"]:
            raise WorkspaceError(f"The app depends on {PACKAGE} already; add another package.")
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
def script(app: Workspace) -> Iterator[str]:
    """Add a script to package.json, which changes no dependency; yield the script's name."""
    with _restored(app, MANIFEST):
        manifest = _json(app, MANIFEST)
        manifest["scripts"]["hello"] = f"echo {_token()}"
        _write(app, MANIFEST, manifest)
        yield "hello"


@contextlib.contextmanager
def test(app: Workspace) -> Iterator[str]:
    """Add a comment to a test, which the compiled program knows nothing of; yield the line."""
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
        raise WorkspaceError(f"There is no file {name} in the working copy; check the name.")
    return file.read_text(encoding="utf-8")


def _json(app: Workspace, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_read(app, name))
    except ValueError as error:
        raise WorkspaceError(f"{name} of the working copy is no JSON: {error}.") from None
    return found


def _write(app: Workspace, name: str, content: dict[str, Any]) -> None:
    app.write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
