"""Nodes in columns: every edge leads to the right, no two nodes lie on each other."""

import itertools
from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.plots import layered


@st.composite
def graphs(draw):
    nodes = [f"n{number}" for number in range(draw(st.integers(1, 9)))]
    pairs = [(a, b) for at, a in enumerate(nodes) for b in nodes[at + 1 :]]
    return nodes, draw(st.lists(st.sampled_from(pairs), max_size=14)) if pairs else []


@given(graphs())
def test_every_edge_leads_to_the_right_through_one_station_a_column(graph):
    nodes, edges = graph
    layout = layered.place(nodes, edges)
    for source, target in edges:
        start, end = layout.places[source][0], layout.places[target][0]
        passed = [x for x, _ in layout.stations[source, target]]
        assert end > start
        assert passed == [start + step for step in range(1, int(end - start))]


@given(graphs())
def test_no_two_nodes_or_stations_lie_on_each_other_and_all_lie_inside(graph):
    layout = layered.place(*graph)
    points = [*layout.places.values(), *(p for passed in layout.stations.values() for p in passed)]
    assert len(points) == len(set(points))
    assert all(0 <= x <= layout.columns - 1 and 0 <= y <= layout.rows - 1 for x, y in points)


def test_a_node_without_sources_stands_just_left_of_who_needs_it():
    layout = layered.place(["a", "b", "c", "late"], [("a", "b"), ("b", "c"), ("late", "c")])
    assert layout.places["late"][0] == layout.places["b"][0]


def test_neighbours_are_moved_next_to_each_other():
    crossed = [("a", "z"), ("b", "y"), ("c", "x")]
    layout = layered.place(["a", "b", "c", "x", "y", "z"], crossed)
    assert all(layout.places[one][1] == layout.places[other][1] for one, other in crossed)


def test_what_has_equal_neighbours_keeps_its_order():
    layout = layered.place(["a", "x", "y", "z"], [("a", "x"), ("a", "y"), ("a", "z")])
    assert [layout.places[name] for name in "xyz"] == [(1.0, 0.0), (1.0, 1.0), (1.0, 2.0)]


def test_a_long_edge_passes_beside_the_nodes_it_skips():
    layout = layered.place(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    assert layout.stations["a", "d"] == ((1.0, 1.0), (2.0, 1.0))
    assert [layout.places[name] for name in "bc"] == [(1.0, 0.0), (2.0, 0.0)]


def test_an_image_that_every_stage_of_a_long_chain_uses_gets_a_station_for_each_pair():
    stages = [f"stage-{number}" for number in range(100)]
    edges = [*itertools.pairwise(stages), *(("alpine", stage) for stage in stages)]
    layout = layered.place(["alpine", *stages], edges)
    assert (layout.columns, layout.rows) == (101, 100)
    assert sum(map(len, layout.stations.values())) == 99 * 100 / 2


def test_a_column_of_one_stands_in_the_middle():
    layout = layered.place(["a", "b", "c", "d"], [("a", "b"), ("a", "c"), ("a", "d")])
    assert layout.places["a"] == (0.0, 1.0)


def test_an_empty_graph_has_no_columns_and_a_cycle_is_an_error():
    assert layered.place([], []).columns == 0
    with pytest.raises(CycleError):
        layered.place(["a", "b"], [("a", "b"), ("b", "a")])
