"""What process 1 does with SIGTERM, asked of the article's images with requests under way."""

import pytest

from helpers import lesson
from helpers.lesson import stages
from helpers.measure import shutdown

pytestmark = [pytest.mark.engine, pytest.mark.rare]  # lesson 07 prints and judges the same table


@pytest.fixture(scope="module")
def stops():
    """Stop the Debian and the Alpine image once in each way."""
    table = stages.stopping(lesson.build("naive"), lesson.build("alpine"))
    return table.set_index(["image", "started with"])


@pytest.mark.parametrize("image", ["naive", "alpine"])
def test_node_as_process_1_with_a_handler_answers_what_is_under_way(stops, image):
    row = stops.loc[(image, 'CMD ["node", "dist/index.js"]')]
    assert (row["process 1"], row["exit code"], row["requests cut off"]) == ("node", 0, 0)
    assert row["docker stop, s"] < shutdown.GRACE_SECONDS


@pytest.mark.parametrize("image", ["naive", "alpine"])
def test_the_shell_form_is_killed_where_the_shell_stays_process_1(stops, image):
    row = stops.loc[(image, "CMD node dist/index.js")]
    if row["process 1"] == "node":  # a shell such as BusyBox's puts its last command in its own place
        assert (row["exit code"], row["requests cut off"]) == (0, 0)
    else:
        assert row["process 1"] == "sh"
        assert row["docker stop, s"] >= shutdown.GRACE_SECONDS
        assert row["exit code"] == 137
        assert row["requests cut off"] > 0


@pytest.mark.parametrize("image", ["naive", "alpine"])
def test_without_a_handler_node_is_killed_and_an_init_ends_it_at_once(stops, image):
    alone = stops.loc[(image, "no handler for SIGTERM")]
    with_init = stops.loc[(image, "no handler, docker run --init")]
    assert (alone["exit code"], with_init["exit code"]) == (137, 143)
    assert with_init["docker stop, s"] < shutdown.GRACE_SECONDS <= alone["docker stop, s"]
    assert alone["requests cut off"] > 0
    assert with_init["requests cut off"] > 0
