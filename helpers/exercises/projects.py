"""The small projects that answers are built from, and what a builder is handed with them.

It copies and builds nothing: `attempt` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helpers.host import paths
from helpers.host.workspace import FAKE_SECRET

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Project:
    """A folder to build from: ``source`` is the file in it that stands for a change of the source.

    ``clutter`` fills a copy of the folder first. ``build_args`` go to each build as ``--build-arg``, and
    ``secrets`` (texts by their ids) as ``--secret``.
    """

    folder: Path
    source: str
    clutter: Callable[[Path], object] | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


def months_of_work(project: Path) -> None:
    """Leave in a project's folder what work leaves there: fixtures, a log, a tool with its settings."""
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
TIDE = Project(_HERE / "tide", "src/server.js")
