"""Place the nodes of a graph without cycles in columns, so that every edge leads to the right.

This is Sugiyama's method in its simplest form (K. Sugiyama et al., IEEE Trans. SMC 11(2), 1981). The
longest path to a node gives its column. A long edge has a station in each column that it passes. The
mean row of its neighbours gives a node's row. A thousand stages can have a million stations, so each
column is sorted as one array. This module draws nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Indices = NDArray[np.intp]

Point = tuple[float, float]
_SWEEPS = 4


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
    passed: dict[tuple[str, str], list[Point]] = {edge: [] for edge in edges}
    if not nodes:
        return Layout({}, {}, 0, 0)
    grid = _Grid(nodes, edges, column)
    grid.sort()
    places: dict[str, Point] = {}
    height = max(grid.sizes)
    for x, (names, passing) in enumerate(zip(grid.nodes, grid.passing, strict=True)):
        top = (height - grid.sizes[x]) / 2
        points = list(zip(itertools.repeat(float(x)), (grid.rows[x] + top).tolist(), strict=False))
        places.update(zip(names, points, strict=False))
        for edge, point in zip(passing.tolist(), points[len(names) :], strict=True):
            passed[edges[edge]].append(point)
    stations = {edge: tuple(points) for edge, points in passed.items()}
    return Layout({node: places[node] for node in nodes}, stations, len(grid.sizes), height)


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


class _Grid:
    """Columns of items: first the nodes of a column, then a station for each edge that passes it.

    An item is known by its column and by its index there. ``rows`` has the row of each item.
    """

    def __init__(
        self, nodes: Sequence[str], edges: Sequence[tuple[str, str]], column: Mapping[str, int]
    ) -> None:
        import numpy as np

        self.nodes: list[list[str]] = [[] for _ in range(max(column.values()) + 1)]
        index = {}
        for node in nodes:
            index[node] = len(self.nodes[column[node]])
            self.nodes[column[node]].append(node)
        starts, ends = (np.array([column[edge[end]] for edge in edges], dtype=int) for end in (0, 1))
        before = np.array([index[source] for source, _ in edges], dtype=int)  # where an edge was last
        target = np.array([index[target] for _, target in edges], dtype=int)
        self.passing: list[Indices] = []  # the edges that have a station in a column
        self.sizes: list[int] = []
        self._hops: list[tuple[Indices, Indices]] = []  # from items to items of the next column
        for x, names in enumerate(self.nodes):
            passing = np.flatnonzero((starts < x) & (x < ends))
            place = np.where(ends == x, target, before)
            place[passing] = len(names) + np.arange(len(passing))
            if x:
                crossing = (starts < x) & (x <= ends)
                self._hops.append((before[crossing], place[crossing]))
            before = place
            self.passing.append(passing)
            self.sizes.append(len(names) + len(passing))
        self.rows = [np.arange(size) for size in self.sizes]
        self._order = [np.arange(size) for size in self.sizes]  # the item of each row

    def sort(self) -> None:
        """Sort each column by the mean row of its left neighbours, then of its right ones, repeatedly.

        A sweep that moves nothing is the last one, since the next would move nothing either.
        """
        for _ in range(_SWEEPS):
            moved = False
            for x in range(1, len(self.sizes)):
                near, own = self._hops[x - 1]
                moved |= self._sort(x, own, x - 1, near)
            for x in range(len(self.sizes) - 2, -1, -1):
                own, near = self._hops[x]
                moved |= self._sort(x, own, x + 1, near)
            if not moved:
                return

    def _sort(self, x: int, own: Indices, beside: int, near: Indices) -> bool:
        """Sort a column by its neighbours in the one beside; say whether an item has moved.

        A hop leads from ``own`` to ``near``. Rows count from a column's middle; without a neighbour, an
        item stays there.
        """
        import numpy as np

        rows, size = self.rows[x], self.sizes[x]
        count = np.bincount(own, minlength=size)
        total = np.bincount(own, self.rows[beside][near] - (self.sizes[beside] - 1) / 2, size)
        mean = np.where(count, total / np.maximum(count, 1), rows - (size - 1) / 2)
        mean = mean[self._order[x]]
        if (mean[:-1] <= mean[1:]).all():
            return False
        self._order[x] = self._order[x][np.argsort(mean, kind="stable")]
        rows[self._order[x]] = np.arange(size)
        return True
