"""BuildKit builds what the graph says, a test stage gates only by an arrow, and the lesson's files do."""

import pytest

from helpers import buildx, claims
from helpers.buildx import BuildError, Request, dockerfile, stage_graph, step_log
from helpers.claims import Verdict
from helpers.host import workspace
from helpers.lesson import stages as stages_lesson
from helpers.lesson import verbs
from helpers.measure import stages

pytestmark = pytest.mark.engine

FILE = """\
FROM scratch AS base
COPY busybox /bin/busybox
FROM base AS builder
RUN ["/bin/busybox", "sh", "-c", "echo built > /out"]
FROM builder AS test
RUN ["/bin/busybox", "{result}"]
FROM base AS unused
RUN ["/bin/busybox", "false"]
FROM scratch AS runner
COPY --from={source} /out /out
"""


@pytest.fixture
def make(context, engine, new_tag):
    def run(result="true", source="builder", target=None, cold=True):
        file = context / "Dockerfile"
        file.write_text(FILE.format(result=result, source=source))
        request = Request(file, context, new_tag(), target=target, cold=cold)
        return buildx.build(request, engine=engine)

    return run


@pytest.mark.every_engine
@pytest.mark.parametrize("target", ["runner", "test", "builder"])
def test_a_build_runs_the_stages_that_the_graph_calls_needed_and_no_other(make, target):
    built = make(target=target)
    found = stage_graph.graph(dockerfile.read(built.request.dockerfile), target)
    seen = {step.stage for step in built.steps if not step.internal}
    assert seen == {node.name for node in found.nodes if node.is_stage and node.needed}
    frame = stages_lesson.ran(built)
    assert list(frame["the graph says"]) == list(frame["in the build it"])


def test_a_failing_test_stage_does_not_stop_a_build_that_does_not_need_it(make):
    assert make(result="false").image_id
    with pytest.raises(BuildError) as caught:
        make(result="false", target="test")
    assert caught.value.step.stage == "test"


@pytest.mark.every_engine
def test_with_an_arrow_from_the_test_stage_a_failing_test_stops_the_build(make):
    with pytest.raises(BuildError) as caught:
        make(result="false", source="test")
    assert caught.value.step.stage == "test"


def test_the_gate_leaves_the_image_as_it_was(make):
    plain, gated = make(), make(source="test", cold=False)
    assert stages_lesson.same_image(plain, gated)


@pytest.fixture(scope="module")
def images():
    return {
        "runner": verbs.build("distroless"),
        "builder": verbs.build("distroless", target="builder"),
        "debug": verbs.build("debug"),
    }


def test_all_four_ways_lead_into_the_article_s_image_and_no_shell_does(images):
    ways = stages.all_four(images["runner"], images["builder"], images["debug"])
    assert set(ways) == set(claims.WAYS)
    assert all(ways.values())
    assert stages.shells(images["runner"]) == {"sh": False, "bash": False}
    assert claims.exec_shells(stages.shells(images["runner"]), ways).verdict is Verdict.HOLDS


def test_the_way_of_the_debug_tag_is_closed_without_the_tag(images):
    ways = stages.all_four(images["runner"], images["builder"], debug=images["runner"])
    assert not ways[":debug tag"]


def test_after_a_crash_only_the_log_and_the_files_are_left(images):
    frame = stages_lesson.after_a_crash(images["runner"], PORT="three").set_index("way")
    left = list(frame.index[frame["after it stopped"] == "works"])
    assert left == ["docker logs", "docker cp"]
    assert frame.loc["sidecar", "while it runs"] == "works"


def test_the_builder_has_what_one_debugs_with_and_is_another_machine(images):
    assert all(stages.workbench(images["builder"]).values())
    assert stages_lesson.differences(images["builder"], images["runner"]) == [
        "base image",
        "C library",
        "starts with",
    ]


def test_the_broken_file_stops_in_the_runner_and_answers_in_the_builder():
    broken, builder = verbs.build("broken"), verbs.build("broken", target="builder")
    frame = stages_lesson.answers(builder, broken)
    assert stages_lesson.is_blind(frame)
    assert "./http/problem" in frame["its last words"][1]
    files = stages_lesson.crash(broken).files
    assert "/app/dist/index.js" in files
    assert not any(path.startswith("/app/dist/http/") for path in files)


def test_node_s_inspector_answers_a_sidecar(images):
    (said,) = stages_lesson.inspector(images["runner"], "6 * 7").lines
    assert "debug> 42" in said.output


def test_the_lesson_s_bug_is_one_that_the_app_s_tests_catch_and_its_types_do_not(engine, new_tag):
    with workspace.copy() as app:
        right = "created: ['in_transit', 'cancelled']"
        app.edit("src/shipments/shipment.ts", right, "created: ['cancelled']")
        file = app.path / "dockerfiles" / "43_gated.Dockerfile"
        buildx.build(Request(file, app.path, new_tag(), target="builder"), engine=engine)
        with pytest.raises(BuildError) as caught:
            buildx.build(Request(file, app.path, new_tag()), engine=engine)
    assert caught.value.step.stage == "test"
    assert step_log.telling(caught.value.log).startswith("✖ follows a shipment to its delivery")


@pytest.fixture
def mistyped(engine):
    """Give the lesson's file with a type error in the app: its builder stage fails."""
    with workspace.copy() as app:
        app.edit("src/shipments/shipment.ts", "'in_transit', 'cancelled']", "'on_the_moon']")
        file = app.path / "dockerfiles" / "45_split.Dockerfile"
        yield lambda target, tag: Request(file, app.path, tag, target=target)


def test_a_build_that_fails_in_the_builder_leaves_no_image_and_the_stage_before_it_does(
    mistyped, engine, new_tag
):
    tag = new_tag()
    with pytest.raises(BuildError):
        buildx.build(mistyped("builder", tag), engine=engine)
    assert not engine.client.images.list(filters={"reference": tag})
    before = buildx.build(mistyped("sources", new_tag()), engine=engine)
    said = stages.run_in(before, "npm run build")
    assert said.code == 2
    assert "error TS2322" in said.output


@pytest.mark.every_engine
def test_buildx_s_debugger_stands_where_the_build_failed(mistyped, engine, new_tag):
    _, said = stages.in_debugger(mistyped("builder", new_tag()), "ls /app/src; false", engine)
    assert "index.ts" in said.output
    assert said.code == 1


def test_the_debugger_says_in_a_sentence_that_a_build_did_not_fail(mistyped, engine, new_tag):
    with pytest.raises(BuildError, match="opened no debugger here"):
        stages.in_debugger(mistyped("sources", new_tag()), "true", engine)
