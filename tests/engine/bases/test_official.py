"""Stand-ins weigh what the official images weigh, and the size claims come out as they would there."""

from __future__ import annotations

import pytest

from helpers import bases
from helpers.bases import official
from tests import standins

pytestmark = pytest.mark.engine

PUBLISHED = [told for told in official.images().values() if told.compressed]


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")


FULL = [told for told in PUBLISHED if told.compressed > 200_000_000]  # half a minute each
SLIM = [told for told in PUBLISHED if told not in FULL]


@pytest.mark.parametrize(
    "told",
    [*SLIM, *(pytest.param(told, marks=pytest.mark.rare) for told in FULL)],
    ids=[told.name for told in [*SLIM, *FULL]],
)
def test_a_stand_in_is_within_a_twentieth_of_the_official_image_on_the_wire(engine, told):
    (found,) = standins.measure([told.name], engine)
    assert found.size.compressed == pytest.approx(told.compressed, rel=0.05)
    if told.on_disk:
        assert found.size.uncompressed == pytest.approx(told.on_disk, rel=0.1)


@pytest.mark.rare
def test_no_verdict_on_a_size_would_differ_on_the_official_bases(engine):
    sizes = {one.name: one.size for one in standins.measure(bases.ARTICLE, engine)}
    above = standins.above_bases(standins.VARIANTS)
    here = standins.judge(above, sizes)
    there = standins.judge(above, standins.on_official(sizes))
    assert standins.differing(here, there) == "No verdict differs."
