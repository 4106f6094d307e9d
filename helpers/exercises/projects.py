"""The small projects that answers are built from, with their build arguments and secrets.

`attempt` copies and builds them; this module does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helpers.host import paths
from helpers.host.workspace import FAKE_SECRET
from helpers.measure import apps

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Project:
    """A folder to build from; ``source`` is the file that a check edits to change the source.

    ``clutter`` first adds files to a copy of the folder. Each build gets ``build_args`` as
    ``--build-arg``, and ``secrets`` (texts by their ids) as ``--secret``.
    """

    folder: Path
    source: str
    clutter: Callable[[Path], object] | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


def months_of_work(project: Path) -> None:
    """Add the files of some months of work to a project: fixtures, a log, a tool with its settings."""
    fixtures = project / "test" / "fixtures"
    fixtures.mkdir(parents=True)
    for number in range(4):
        (fixtures / f"orders-{number}.json").write_text('{"order": "WB-1"}\n' * 400_000)
    (project / "debug.log").write_text("2026-01-01T00:00:00Z request served\n" * 20_000)
    tool = project / "tools" / "mock-carrier"
    tool.mkdir(parents=True)
    (tool / ".env").write_text(f"CARRIER_KEY={FAKE_SECRET}\n")


SHIPMENTS = Project(paths.SAMPLE_APP, "src/version.ts")
VAULT = Project(_HERE / "vault", "src/server.ts")
GO = Project(apps.FOLDER / "go", "api.go")
TIDE = Project(_HERE / "tide", "src/server.js")
