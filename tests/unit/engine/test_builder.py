"""Which builder buildx uses, and what is said of one that cannot be used; a script plays the client."""

from __future__ import annotations

import os

import pytest

from helpers.engine import builder
from helpers.host.errors import WorkbookError

INSPECTED = """\
Name:          farm
Driver:        {driver}
Last Activity: 2026-11-26 06:45:33 +0000 UTC

Nodes:
Name:      farm0
Endpoint:  {endpoint}
Status:    running
"""


@pytest.fixture
def docker(tmp_path):
    """Make a client that inspects a builder so, and says this id of whatever engine it is asked for."""

    def make(driver="remote", endpoint="unix:///bk.sock", code=0, engine_id="ours"):
        (tmp_path / "inspected").write_text(INSPECTED.format(driver=driver, endpoint=endpoint))
        script = tmp_path / "docker"
        script.write_text(
            f'#!/bin/sh\n[ "$1" = buildx ] || {{ echo {engine_id}; exit; }}\n'
            f"cat {tmp_path}/inspected\nexit {code}\n"
        )
        script.chmod(0o755)
        return str(script)

    return make


def find(docker, chosen=""):
    return builder.find(docker, {**os.environ, builder.SETTING: chosen}, "ours")


def test_a_builder_is_known_by_its_own_name_and_not_by_its_nodes(docker):
    found = find(docker(), "farm")
    assert str(found) == "builder farm (remote)"
    assert found.apart


def test_the_engines_own_builder_is_not_apart(docker):
    assert not find(docker("docker", "default")).apart


def test_a_context_of_the_same_engine_will_do(docker):
    assert not find(docker("docker", "desk"), "farm").apart


@pytest.mark.parametrize("chosen", ["", "farm"])
def test_another_engine_as_builder_is_refused_with_what_to_do(docker, chosen):
    with pytest.raises(WorkbookError, match=r"unset BUILDX_BUILDER, or .*DOCKER_CONTEXT=desk") as caught:
        find(docker("docker", "desk", engine_id="theirs"), chosen)
    assert "\n" not in str(caught.value)


def test_a_builder_that_does_not_exist_is_named(docker):
    with pytest.raises(WorkbookError, match="no builder called 'nope'"):
        find(docker(code=1), "nope")


def test_where_none_was_chosen_what_is_wrong_is_left_to_the_build(docker):
    assert find(docker(code=1)) == builder.ENGINE


def test_a_client_that_says_nothing_known_means_the_engines_own(tmp_path):
    script = tmp_path / "docker"
    script.write_text("#!/bin/sh\necho nothing\n")
    script.chmod(0o755)
    assert find(str(script)) == builder.ENGINE
