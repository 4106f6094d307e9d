"""Official figures have a source each; the page on stand-ins says which verdict they would change."""

from datetime import date

import pytest

from helpers import bases
from helpers.bases import official, standins
from helpers.claims import Size, Verdict
from helpers.host.tables import MB
from tests import standins as pages
from tests.standins import StandIn


def size(uncompressed: float, compressed: float) -> Size:
    return Size(round(uncompressed * MB), round(compressed * MB))


ABOVE = dict(zip(pages.VARIANTS, (size(165, 80), size(17, 6), size(93, 30), size(17, 6)), strict=True))
NODE, ALPINE, DISTROLESS = bases.ARTICLE
STAND_INS = {NODE: size(1090, 394), ALPINE: size(145, 48), DISTROLESS: size(122, 45)}


@pytest.mark.parametrize("told", official.images().values(), ids=official.images())
def test_a_published_figure_has_its_source_its_day_and_a_stand_in_to_compare(told):
    assert told.sources
    assert date.fromisoformat(told.of)
    assert told.compressed or told.on_disk
    assert told.differs
    made = standins.recipe(told.name, "amd64")
    assert made
    assert made.node.partition(".")[0] == told.node.partition(".")[0]


def test_official_bases_have_the_published_size_and_the_others_that_of_their_stand_in():
    found = pages.on_official(STAND_INS)
    assert found[ALPINE].compressed == official.images()[ALPINE].compressed
    assert found[ALPINE].uncompressed == official.images()[ALPINE].on_disk
    assert found[DISTROLESS] == STAND_INS[DISTROLESS]


def test_the_same_sizes_give_the_same_verdicts():
    here = pages.judge(ABOVE, STAND_INS)
    assert set(here) == {"S1", "S3", "S5", "S6"}
    assert pages.differing(here, here) == "No verdict differs."


def test_a_verdict_that_would_differ_is_said_with_both_and_the_reason():
    heavier = {**STAND_INS, NODE: size(1300, 500)}
    here, there = pages.judge(ABOVE, STAND_INS), pages.judge(ABOVE, heavier)
    assert (here["S1"].verdict, there["S1"].verdict) == (Verdict.HOLDS, Verdict.FAILS)
    said = pages.differing(here, there)
    assert said.startswith("**S1** would be *does not hold*, not *holds*")
    assert "above the range" in said


def test_the_page_names_every_image_and_says_what_is_not_published():
    found = [StandIn(name, "20.18.0", one, 300) for name, one in STAND_INS.items()]
    text = pages.page(found, ABOVE, "on 2026-11-30, Docker Engine 26.1.5, linux/amd64")
    assert f"| `{ALPINE}` | 48.0 MB | 47.9 MB (+0.2%) |" in text
    assert f"| `{DISTROLESS}` | 45.0 MB | not published |" in text
    assert "on 2026-11-30, Docker Engine 26.1.5" in text
    assert all(f"- `{name}`: " in text for name in official.images())
