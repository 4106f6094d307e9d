"""Place the nodes of a graph without cycles in columns, so that every edge leads to the right.

This is Sugiyama's method in its simplest form (K. Sugiyama et al., IEEE Trans. SMC 11(2), 1981). The
longest path to a node gives its column. A long edge has a station in each column that it passes. The
mean row of its neighbours gives a node's row. This module draws nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import NamedTuple

Point = tuple[float, float]
_SWEEPS = 4


class _Station(NamedTuple):
    """The place where a long edge passes a column."""

    edge: tuple[str, str]
    column: int


@dataclass(frozen=True)
class Layout:
    """The places of the nodes: columns from the left and rows from the top, from 0; rows may be halves.

    ``stations`` gives for each edge the points that it passes between its two ends.
    """

    places: Mapping[str, Point]
    stations: Mapping[tuple[str, str], tuple[Point, ...]]
    columns: int
    rows: int


def place(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> Layout:
    """Place ``nodes``; an edge is (source, target), and each leads at least one column to the right.

    A node without sources is placed just left of the first node that needs it. Raises
    `graphlib.CycleError` when the edges form a circle.
    """
    edges = list(dict.fromkeys(edges))
    column = _columns(nodes, edges)
    stations = {edge: _stations(edge, column) for edge in edges}
    grid: list[list[Hashable]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for node in nodes:
        grid[column[node]].append(node)
    for passed in stations.values():
        for station in passed:
            grid[station.column].append(station)
    _order(grid, [pair for edge in edges for pair in _hops(edge, stations[edge])])
    rows = max(map(len, grid), default=0)
    at = {
        item: (float(x), y + (rows - len(items)) / 2)
        for x, items in enumerate(grid)
        for y, item in enumerate(items)
    }
    return Layout(
        {node: at[node] for node in nodes},
        {edge: tuple(at[station] for station in passed) for edge, passed in stations.items()},
        len(grid),
        rows,
    )


def _columns(nodes: Sequence[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    sources: dict[str, list[str]] = {node: [] for node in nodes}
    targets: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    column: dict[str, int] = {}
    for node in TopologicalSorter(sources).static_order():
        column[node] = max((column[source] + 1 for source in sources[node]), default=0)
    for node in nodes:
        if not sources[node] and targets[node]:
            column[node] = min(column[target] for target in targets[node]) - 1
    return column


def _stations(edge: tuple[str, str], column: Mapping[str, int]) -> list[_Station]:
    source, target = edge
    return [_Station(edge, x) for x in range(column[source] + 1, column[target])]


def _hops(edge: tuple[str, str], stations: Sequence[_Station]) -> Iterator[tuple[Hashable, Hashable]]:
    """Yield the pieces of an edge, column by column."""
    chain: list[Hashable] = [edge[0], *stations, edge[1]]
    return itertools.pairwise(chain)


def _order(grid: list[list[Hashable]], pairs: list[tuple[Hashable, Hashable]]) -> None:
    """Sort each column by the mean row of its left neighbours, then of its right ones, repeatedly."""
    left: dict[Hashable, list[Hashable]] = {}
    right: dict[Hashable, list[Hashable]] = {}
    for source, target in pairs:
        left.setdefault(target, []).append(source)
        right.setdefault(source, []).append(target)
    for _ in range(_SWEEPS):
        for x in range(1, len(grid)):
            grid[x].sort(key=_mean_row(grid[x], grid[x - 1], left))
        for x in range(len(grid) - 2, -1, -1):
            grid[x].sort(key=_mean_row(grid[x], grid[x + 1], right))


def _mean_row(
    own: list[Hashable], beside: list[Hashable], neighbours: Mapping[Hashable, list[Hashable]]
) -> Callable[[Hashable], float]:
    """Return a column's sort key: the mean row of the neighbours; without neighbours, a node stays."""
    rows = {item: row - (len(beside) - 1) / 2 for row, item in enumerate(beside)}
    stay = {item: row - (len(own) - 1) / 2 for row, item in enumerate(own)}

    def key(item: Hashable) -> float:
        near = [rows[other] for other in neighbours.get(item, ())]
        return sum(near) / len(near) if near else stay[item]

    return key
