"""Layers that come out the same each time, and are kept."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile

import pytest

from helpers.bases import image_writer
from helpers.bases.image_writer import EPOCH, Draft, Part
from helpers.host.workshop import Workshop, WorkshopError


def _tree(folder):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/tool").write_text("#!/bin/sh\n")
    (folder / "bin/tool").chmod(0o700)
    (folder / "bin/same").hardlink_to(folder / "bin/tool")
    (folder / "bin/link").symlink_to("tool")
    (folder / "tmp").mkdir()
    (folder / "proc/1").mkdir(parents=True)
    (folder / "home/node").mkdir(parents=True)
    (folder / "home/node/file").write_text("x" * 1000)
    (folder / ("ü" * 120)).write_text("a long name")
    return folder


def _draft(tree):
    return Draft("all", tree, None, {"home/node": 1000}, {"tmp": 0o1777})


def _entries(layer):
    with tarfile.open(layer.file) as tar:
        return {entry.name: entry for entry in tar}


def test_the_same_content_gives_the_same_layer_whenever_and_however_it_was_made(tmp_path):
    one = _tree(tmp_path / "one")
    old = os.umask(0o077)
    try:
        two = _tree(tmp_path / "two")
    finally:
        os.umask(old)
    os.utime(two / "tmp", (EPOCH + 5_000, EPOCH + 5_000))
    layers = [image_writer.write(_draft(tree), tmp_path / f"{tree.name}.gz") for tree in (one, two)]
    assert layers[0].diff_id == layers[1].diff_id
    assert layers[0].digest == layers[1].digest


def test_entries_are_sorted_dated_and_owned_as_asked(tmp_path):
    entries = _entries(image_writer.write(_draft(_tree(tmp_path / "tree")), tmp_path / "layer"))
    assert list(entries) == sorted(entries)
    assert all(entry.mtime <= EPOCH for entry in entries.values())
    assert entries["bin/tool"].mode == 0o755
    assert entries["tmp"].mode == 0o1777
    assert (entries["home"].uid, entries["home/node/file"].uid) == (0, 1000)
    assert entries["bin/link"].linkname == "tool"
    assert {entries["bin/same"].type, entries["bin/tool"].type} == {tarfile.REGTYPE, tarfile.LNKTYPE}
    assert "proc" in entries
    assert "proc/1" not in entries


def test_a_part_of_a_tree_brings_its_folders_along(tmp_path):
    draft = Draft("some", _tree(tmp_path / "tree"), ["home/node/file"])
    layer = image_writer.write(draft, tmp_path / "layer")
    assert list(_entries(layer)) == ["home", "home/node", "home/node/file"]


def test_digests_and_sizes_are_those_of_the_files(tmp_path):
    layer = image_writer.write(_draft(_tree(tmp_path / "tree")), tmp_path / "layer")
    packed = layer.file.read_bytes()
    plain = gzip.decompress(packed)
    assert layer.digest == f"sha256:{hashlib.sha256(packed).hexdigest()}"
    assert layer.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    assert (layer.size, layer.uncompressed) == (len(packed), len(plain))


class Maker:
    def __init__(self):
        self.times = 0

    def __call__(self, _workshop, scratch):
        self.times += 1
        return [_draft(_tree(scratch / "tree"))]


def test_a_part_is_made_once(tmp_path):
    maker, workshop = Maker(), Workshop(tmp_path)
    first = image_writer.layers_of(Part(("facts",), maker), workshop)
    assert image_writer.layers_of(Part(("facts",), maker), workshop) == first
    assert maker.times == 1
    assert list((tmp_path / "scratch").iterdir()) == []


def test_other_facts_are_another_part(tmp_path):
    maker, workshop = Maker(), Workshop(tmp_path)
    for facts in (("a", "b"), ("ab",)):
        image_writer.layers_of(Part(facts, maker), workshop)
    assert maker.times == 2


@pytest.mark.parametrize("harm", ["truncate", "delete", "describe"])
def test_a_kept_layer_that_is_damaged_is_made_again(tmp_path, harm):
    maker, workshop = Maker(), Workshop(tmp_path)
    (layer,) = image_writer.layers_of(Part(("facts",), maker), workshop)
    if harm == "truncate":
        layer.file.write_bytes(layer.file.read_bytes()[:-1])
    elif harm == "delete":
        layer.file.unlink()
    else:
        layer.file.with_name("layers.json").write_text("[{]")
    assert image_writer.layers_of(Part(("facts",), maker), workshop) == [layer]
    assert maker.times == 2


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail(_workshop, scratch):
        (scratch / "half").write_text("made")
        raise WorkshopError("no")

    with pytest.raises(WorkshopError):
        image_writer.layers_of(Part(("facts",), fail), Workshop(tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / "layers").exists()
