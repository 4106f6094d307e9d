"""The two changes that make a new version of the sample app: of its source, and of its dependencies.

Each is made in a working copy; the image is then rebuilt from there as it was built before. It measures
nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum

from helpers import build as builds
from helpers import releases, workspace
from helpers.build import BuildResult, Watcher
from helpers.workspace import Workspace, WorkspaceError

PROMOTED = "semver"  # a package that the lockfile has for development, and that needs no other
_HEALTH = "src/routes/health.ts"
_STATUS = "status: 'ok',"
_RELEASE = re.compile(r"(?<=      release: ')[^']*(?=',)")


class Change(StrEnum):
    """What a new version of the app changes."""

    SOURCE = "source edit"
    DEPENDENCY = "dependency edit"


def apply(change: Change, copy: Workspace) -> None:
    """Make a change in a working copy.

    A source edit gives ``/healthz`` another release to answer with; a dependency edit makes a package
    that was needed for development only one of production, in ``package.json`` and in the lockfile.
    """
    if change is Change.SOURCE:
        release(copy, f"{_release(copy)}.1")
    else:
        _promote(copy)


def release(copy: Workspace, name: str) -> None:
    """Write a release's name into the source, in the place of an earlier one."""
    if earlier := _release(copy):
        copy.edit(_HEALTH, f"release: '{earlier}',", f"release: '{name}',")
    else:
        copy.edit(_HEALTH, _STATUS, f"{_STATUS}\n      release: '{name}',")


def _release(copy: Workspace) -> str:
    found = _RELEASE.search((copy.path / _HEALTH).read_text(encoding="utf-8"))
    return found[0] if found else ""


def _promote(copy: Workspace) -> None:
    lock = json.loads((copy.path / "package-lock.json").read_text(encoding="utf-8"))
    entry = lock["packages"].get(f"node_modules/{PROMOTED}", {})
    if not entry.pop("dev", False):
        raise WorkspaceError(
            f"{PROMOTED} is no development package of this app; change its dependencies otherwise."
        )
    dependency = {PROMOTED: f"^{entry['version']}"}
    lock["packages"][""]["dependencies"] |= dependency
    package = json.loads((copy.path / "package.json").read_text(encoding="utf-8"))
    package["dependencies"] |= dependency
    for name, document in (("package.json", package), ("package-lock.json", lock)):
        copy.write(name, json.dumps(document, indent=2) + "\n")


@contextmanager
def rebuilt(
    result: BuildResult, change: Change, watch: Watcher | None = None, *, cold: bool = False
) -> Iterator[BuildResult]:
    """Build an image's next version from a changed copy; its tag goes when the block ends.

    ``cold`` ignores the cache, as a runner does that keeps none. Raises the errors of `helpers.build`.
    """
    with workspace.copy(result.request.context, with_secret=True) as copy:
        apply(change, copy)
        request = replace(
            result.request, context=copy.path, tag=f"{result.tag}-{change.name.lower()}", cold=cold
        )
        built = builds.build(request, watch, result.engine)
        try:
            yield built
        finally:
            releases.remove(built)
