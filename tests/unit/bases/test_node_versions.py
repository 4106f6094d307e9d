"""A tag names a line, a minor version or an exact one; only what registries of packages hold is found."""

import pytest

from helpers.bases import node_versions


@pytest.mark.parametrize("line", node_versions.lines())
def test_the_version_of_a_line_is_one_that_there_is(line):
    found = node_versions.find(str(line))
    assert node_versions.find(found.version) == found
    assert bool(found.corepack) == (line < 25)
    if line <= 24:
        assert node_versions.find(str(line), musl=True) == found


def test_a_minor_version_is_its_newest_patch():
    assert node_versions.find("20.19").version == "20.19.6"
    assert node_versions.find("22.1").version == "22.1.0"
    assert node_versions.find("20.19", musl=True) is None


@pytest.mark.parametrize("wanted", ["18", "26.99", "22.12.7", "2"])
def test_what_there_is_not_is_not_found(wanted):
    assert node_versions.find(wanted) is None


def test_the_nearest_are_in_order_of_distance():
    assert node_versions.nearest("18") == ["20", "22", "24"]
    assert node_versions.nearest("22.20.3")[0] == "22.20.0"
    assert node_versions.nearest("26", musl=True) == ["24", "22", "20"]
