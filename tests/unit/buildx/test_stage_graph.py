"""The stages of a Dockerfile as a graph: nodes, edges, and what a target leaves out."""

import pytest

from helpers.buildx import dockerfile, stage_graph
from helpers.buildx.dockerfile import DockerfileError
from helpers.buildx.stage_graph import Edge, Node
from helpers.measure import sample

FILE = """\
FROM node:24 AS base
FROM base AS builder
RUN --mount=type=bind,from=tools:1,target=/tools make
FROM builder AS test
RUN make test
FROM scratch AS runner
COPY --from=builder /out /out
"""


def graph(text, target=None):
    return stage_graph.graph(dockerfile.parse(text), target)


def test_nodes_are_images_then_stages_in_the_order_of_the_file():
    assert graph(FILE).nodes == (
        Node("node:24", is_stage=False, needed=True),
        Node("tools:1", is_stage=False, needed=True),
        Node("base", is_stage=True, needed=True),
        Node("builder", is_stage=True, needed=True),
        Node("test", is_stage=True, needed=False),
        Node("runner", is_stage=True, needed=True),
    )


def test_edges_say_how_a_stage_takes_from_another_and_scratch_is_none():
    assert graph(FILE).edges == (
        Edge("node:24", "base", "FROM", needed=True),
        Edge("base", "builder", "FROM", needed=True),
        Edge("tools:1", "builder", "RUN --mount", needed=True),
        Edge("builder", "test", "FROM", needed=False),
        Edge("builder", "runner", "COPY --from", needed=True),
    )


@pytest.mark.parametrize(
    ("target", "skipped"),
    [(None, ["test"]), ("test", ["runner"]), ("base", ["builder", "test", "runner"])],
)
def test_what_a_target_does_not_need_is_skipped(target, skipped):
    assert graph(FILE, target).skipped == skipped


def test_a_copy_from_a_stage_makes_it_needed():
    assert graph(FILE.replace("--from=builder", "--from=test")).skipped == []


def test_what_a_stage_copies_twice_is_one_edge():
    twice = graph(FILE + "COPY --from=builder /doc /doc\n")
    assert twice.edges == graph(FILE).edges


def test_a_base_that_no_needed_stage_uses_is_not_needed():
    images = [node for node in graph(FILE, "base").nodes if not node.is_stage]
    assert images == [Node("node:24", False, True), Node("tools:1", False, False)]


def test_stages_of_the_same_name_are_told_apart_by_number():
    found = graph("FROM a AS one\nFROM b AS one\nCOPY --from=one / /\nFROM one\n")
    assert [node.name for node in found.nodes] == ["a", "b", "one (0)", "one (1)", "stage-2"]
    assert found.target == "stage-2"


def test_an_unknown_target_is_an_error_that_names_those_there_are():
    with pytest.raises(DockerfileError, match="base, builder, test, runner"):
        graph(FILE, "rumer")


def test_tables_mark_the_target():
    found = graph(FILE, "test")
    nodes = found.nodes_frame().set_index("name")
    assert list(nodes.index[nodes["target"]]) == ["test"]
    assert list(found.edges_frame().columns) == ["source", "target", "how", "needed"]


def test_the_lesson_s_files_differ_in_what_the_runner_needs():
    files = {name: dockerfile.read(sample.dockerfile(name)) for name in ("stages", "gated")}
    skipped = {name: stage_graph.graph(file).skipped for name, file in files.items()}
    assert skipped == {"stages": ["lint", "test"], "gated": ["lint"]}


def test_the_debug_file_is_the_article_s_with_one_word_changed():
    texts = [sample.dockerfile(name).read_text().splitlines() for name in ("distroless", "debug")]
    article, debug = ([line for line in text if not line.startswith("#")] for text in texts)
    changed = [(a, b) for a, b in zip(article, debug, strict=True) if a != b]
    ((before, after),) = changed
    assert after == before.replace("debian12", "debian12:debug")
