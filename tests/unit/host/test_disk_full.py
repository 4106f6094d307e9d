"""Whose disk is full, told from the words of those who failed to write."""

from __future__ import annotations

import pytest

from helpers.host import disk_full

ENGINES = [
    "dd: error writing '/big': No space left on device",
    "npm error ENOSPC: no space left on device, write",
    "failed to solve: write /srv/docker/overlay2/i9pn/.tmp-link12: no space left on device",
    "Error processing tar file(exit status 1): write /x: no space left on device",
    "write /data: disk quota exceeded",
]
CLIENTS = {
    "failed to update builder last activity time: write /h/buildx/activity/.tmp-default2: "
    "no space left on device": "no room in /h/buildx on this machine",
    "write /tmp/workbook-x y/.tmp-metadata.json209: no space left on device": "no room in /tmp/workbook-x y",
    "open /h/buildx/activity/.tmp-default2: read-only file system": "set BUILDX_CONFIG to a folder",
    "open /h/buildx/refs/default/default/.tmp-x: permission denied": "cannot write to /h/buildx ",
}


@pytest.mark.parametrize("words", ENGINES)
def test_an_engine_without_room(words):
    assert disk_full.engine_is_full(words)
    assert disk_full.client_trouble(words) is None


@pytest.mark.parametrize(("words", "sentence"), CLIENTS.items())
def test_a_client_that_cannot_write_is_not_taken_for_the_engine(words, sentence):
    assert not disk_full.engine_is_full(words)
    assert sentence in str(disk_full.client_trouble(words))


def test_other_troubles_are_none_of_a_disks():
    assert not disk_full.is_full("exit code: 1")
    assert disk_full.client_trouble("open /x: no such file or directory") is None
