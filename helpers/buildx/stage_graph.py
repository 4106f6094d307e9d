"""The graph of a Dockerfile's stages: what each stage is built from, and which ones a target skips.

This module reads a parsed Dockerfile; it builds nothing and draws nothing. `plots.layered` places the
nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.buildx.dockerfile import Dockerfile, Need, Stage
from helpers.host import tables

if TYPE_CHECKING:
    import pandas as pd

HOW = {"FROM": "FROM", "COPY": "COPY --from", "RUN": "RUN --mount"}


@dataclass(frozen=True)
class Node:
    """A stage, or an image from outside (``is_stage`` False); the target may need it (``needed``)."""

    name: str
    is_stage: bool
    needed: bool


@dataclass(frozen=True)
class Edge:
    """``target`` takes something from ``source``; ``how`` is one of `HOW`'s values."""

    source: str
    target: str
    how: str
    needed: bool


@dataclass(frozen=True)
class StageGraph:
    """The stages of a file with their images, as a build of ``target`` sees them.

    Images come first, then stages in the order of the file; names are unique.
    """

    target: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def skipped(self) -> list[str]:
        """The stages that a build of the target does not run, in file order."""
        return [node.name for node in self.nodes if node.is_stage and not node.needed]

    def nodes_frame(self) -> pd.DataFrame:
        """Return one row for each node: name, stage, needed, target."""
        rows = [(n.name, n.is_stage, n.needed, n.name == self.target) for n in self.nodes]
        return tables.frame(rows, columns=["name", "stage", "needed", "target"])

    def edges_frame(self) -> pd.DataFrame:
        """Return one row for each edge: source, target, how, needed."""
        rows = [(e.source, e.target, e.how, e.needed) for e in self.edges]
        return tables.frame(rows, columns=["source", "target", "how", "needed"])


def graph(parsed: Dockerfile, target: str | None = None) -> StageGraph:
    """Return the graph of a Dockerfile for a target, its last stage by default.

    Raises `DockerfileError` when the file has no such target.
    """
    needed = {stage.index for stage in parsed.needs(target)}
    names = _names(parsed.stages)
    edges: dict[Edge, None] = {}
    images: dict[str, bool] = {}
    for stage in parsed.stages:
        runs = stage.index in needed
        for need in parsed.draws_on(stage):
            source = _source(need, names)
            if source == "scratch":
                continue
            if not isinstance(need.source, Stage):
                images[source] = images.get(source, False) or runs
            edges[Edge(source, names[stage.index], HOW[need.how], runs)] = None
    nodes = [Node(name, is_stage=False, needed=used) for name, used in images.items()]
    nodes += [Node(names[s.index], is_stage=True, needed=s.index in needed) for s in parsed.stages]
    return StageGraph(names[parsed.stage(target).index], tuple(nodes), tuple(edges))


def _source(need: Need, names: Sequence[str]) -> str:
    return names[need.source.index] if isinstance(need.source, Stage) else need.source


def _names(stages: Sequence[Stage]) -> list[str]:
    """Return the stages' names; two equal names get their numbers added."""
    labels = Counter(stage.label for stage in stages)
    return [s.label if labels[s.label] == 1 else f"{s.label} ({s.index})" for s in stages]
