"""One bake of several targets runs once what they share, and gives the images that separate builds give."""

import pytest

from helpers import lesson
from helpers.lesson import stages
from helpers.measure import stages as measured

pytestmark = pytest.mark.engine
NAMES = ("alpine", "distroless_pruned")


@pytest.mark.rare  # lesson 07 shows it; four builds without the cache
def test_a_bake_installs_once_what_separate_builds_install_each_for_itself():
    apart = [lesson.build(name, cold=True) for name in NAMES]
    baked = stages.bake(*NAMES, cold=True)
    assert measured.npm_installs([step for result in apart for step in result.steps]) == 4
    assert measured.npm_installs(baked.steps) == 3  # the two builders are one; the runners differ
    frame = stages.compare_bake(apart, baked)
    assert list(frame["commands"]) == [2, 1]
    for result in apart:
        image = result.engine.client.images.get(result.tag)
        assert image.id == baked.images[result.tag]
        assert "workbook" in image.labels


def test_a_target_that_the_file_lacks_gets_a_sentence(engine):
    with pytest.raises(Exception, match="no Dockerfile 'nonsense'"):
        stages.bake("nonsense")
