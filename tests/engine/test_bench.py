"""The benchmark's rows come out of real runs: both sides do their work, and nothing of it is left."""

from __future__ import annotations

import pytest

from helpers import buildx
from helpers.buildx import Request
from helpers.host.errors import WorkbookError
from tests.bench import growth, images, rows

pytestmark = pytest.mark.engine


@pytest.fixture
def reference(engine, context, tag):
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
    return tag


def test_a_row_of_an_image_has_both_sides_and_the_memory(engine, reference):
    looks = images.FirstLooks("analysis", reference, engine)
    by_tar = ("docker save | tar -tv", images.listed_by_tar(reference, engine))
    row = rows.compare("a small image", looks.measure, by_tar, runs=2)
    assert all(seconds > 0 for seconds in (*row.project.spread.values, *row.peer.spread.values))
    assert [look.result for look in looks.probes] == [3, 3]  # busybox, source.txt, Dockerfile
    memory = looks.memory("memory", at_most=300)
    assert memory.holds
    assert memory.project.spread.high >= looks.probes[0].before_mb > 5


def test_a_size_is_held_against_a_push(engine, reference):
    pushed: list[int] = []
    assert images.push_to_loopback(reference, engine, pushed)() > 0
    looks = images.FirstLooks("size", reference, engine)
    looks.measure()
    assert looks.probes[0].result == pytest.approx(pushed[0], rel=0.03)


def test_a_verb_that_fails_is_one_sentence(engine):
    looks = images.FirstLooks("size", "workbook/nowhere", engine)
    with pytest.raises(WorkbookError, match=r"^`size` could not be measured: .*no image"):
        looks.measure()


def test_growth_is_measured_and_leaves_no_image(engine):
    for measured in (growth.image_rows(engine, (10, 100)), growth.context_rows(engine, (10, 100))):
        row = rows.growth("growth", list(measured), at_most=9)
        assert row.unit == "exponent"
        assert row.peer
    ((stages, row),) = growth.stage_rows(engine, (3,))
    assert (stages, len(row.project.spread.values)) == (3, 5)
    for name in ("workbook/bench-files", "workbook/bench-stages"):
        assert not engine.client.images.list(name)
