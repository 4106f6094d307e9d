"""Looking into images by hand, against images whose layers are known."""

from __future__ import annotations

import math

import pytest

from helpers.buildx import Request, build, steps
from helpers.lesson.widgets import Explorer, SideBySide

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]
DOCKERFILE = """\
FROM scratch AS first
COPY busybox /bin/busybox
COPY source.txt /source.txt

FROM first AS last
COPY source.txt /copy.txt
RUN ["/bin/busybox", "rm", "/source.txt"]
CMD ["/bin/busybox", "true"]
"""


@pytest.fixture
def result(engine, context, tag):
    (context / "source.txt").write_bytes(b"x" * 3_000_000)
    (context / "Dockerfile").write_text(DOCKERFILE)
    return build(Request(context / "Dockerfile", context, tag), engine=engine)


def test_layers_say_what_a_later_one_wasted(result):
    frame = Explorer({"it": result}).layers("it").set_index("instruction")
    assert frame.loc["COPY source.txt /source.txt", "wasted MB"] == pytest.approx(3)
    assert frame.loc["COPY source.txt /copy.txt", "wasted MB"] == 0


def test_files_of_a_layer_are_the_largest_with_their_fate(result):
    explorer = Explorer({"it": result})
    layer = list(explorer.layers("it")["instruction"]).index("COPY source.txt /source.txt")
    row = explorer.files("it", layer).iloc[0]
    assert (row["file"], row["MB"]) == ("/source.txt", pytest.approx(3))
    assert row["later"].startswith("deleted by layer")


def test_choosing_another_image_turns_to_its_layers(result):
    explorer = Explorer({"one": result, "two": result})
    box = explorer.box
    explorer.controls["layer"].value = 1
    assert "/source.txt" in box.children[-1].value
    explorer.controls["image"].value = "two"
    assert explorer.controls["layer"].value == 0
    assert "/bin/busybox" in box.children[-1].value


def test_a_page_without_widgets_gets_a_table(result):
    shown = Explorer({"it": result})._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "COPY source.txt /copy.txt" in shown["text/plain"]
    assert "<table" in shown["text/html"]


def test_each_line_costs_its_step_and_its_layer(result):
    frame = steps.line_costs(result).set_index(["stage", "line"])
    assert frame.loc[("last", "COPY source.txt /copy.txt"), "in the image MB"] == pytest.approx(
        3, rel=0.01
    )
    assert frame.loc[("first", "COPY source.txt /source.txt"), "in the image MB"] == 0
    assert frame.loc[("last", "FROM first"), "in the image MB"] > 3
    assert math.isnan(frame.loc[("last", 'CMD ["/bin/busybox", "true"]'), "seconds"])
    total = frame["in the image MB"].sum()
    assert total == pytest.approx(result.uncompressed_bytes / 1e6, rel=0.001)


def test_two_files_side_by_side_follow_their_menus(result):
    pair = SideBySide({"one": result, "two": result})
    left = pair.box.children[0].children[1]
    assert "<b>one</b>" in left.value
    pair.controls["left"].value = "two"
    assert "<b>two</b>" in left.value
    assert pair._repr_mimebundle_()["text/plain"].count("COPY source.txt /copy.txt") == 2
