"""Layers come out the same each time and are kept; so does the archive of an image."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import types

import pytest

from helpers.bases import image_writer
from helpers.bases.image_writer import EPOCH, ImageSettings, LayerRecipe, LayerSource
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop, WorkshopError

SETTINGS = ImageSettings(
    "amd64", {"A": "1"}, ("/node",), ("x",), "65532", "/home", {"workbook": "stand-in"}
)


@pytest.fixture
def layers(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text("x" * 3000)
    return [image_writer.write(LayerSource("a title", tmp_path / "tree"), tmp_path / "1.tar.gz")]


def _open(layers):
    content = b"".join(image_writer.archive("localhost/x:1", layers, SETTINGS))
    return tarfile.open(fileobj=io.BytesIO(content))


def test_the_archive_names_its_config_and_its_layers(layers):
    archive = _open(layers)
    (image,) = json.load(archive.extractfile("manifest.json"))
    assert image["RepoTags"] == ["localhost/x:1"]
    assert archive.extractfile(image["Layers"][0]).read() == layers[0].file.read_bytes()
    config = json.load(archive.extractfile(image["Config"]))
    assert config["rootfs"]["diff_ids"] == [layers[0].diff_id]
    assert config["history"] == [{"created": "2026-01-01T00:00:00Z", "created_by": "a title"}]
    assert config["config"] == {
        "Env": ["A=1"],
        "Entrypoint": ["/node"],
        "Cmd": ["x"],
        "User": "65532",
        "WorkingDir": "/home",
        "Labels": {"workbook": "stand-in"},
    }


def test_the_same_layers_give_the_same_archive(layers):
    assert [m.name for m in _open(layers)] == [m.name for m in _open(layers)]
    assert _open(layers).fileobj.getvalue() == _open(layers).fileobj.getvalue()


def _engine(program):
    return types.SimpleNamespace(
        command=lambda *_: [sys.executable, "-c", program], process_environment=lambda: None
    )


def test_the_whole_archive_is_fed_to_the_engine(layers, tmp_path):
    program = f"import sys; open({str(tmp_path / 'got')!r}, 'wb').write(sys.stdin.buffer.read())"
    image_writer.load(_engine(program), "localhost/x:1", layers, SETTINGS)
    assert (tmp_path / "got").read_bytes() == _open(layers).fileobj.getvalue()


def test_an_engine_that_refuses_is_quoted(layers):
    program = "import sys; sys.exit('invalid diffID for layer 0')"
    with pytest.raises(WorkbookError, match="did not load localhost/x:1: invalid diffID"):
        image_writer.load(_engine(program), "localhost/x:1", layers, SETTINGS)


def test_an_engine_without_room_is_said_as_for_a_build(layers):
    program = "import sys; sys.exit('write /usr/lib/x: no space left on device')"
    with pytest.raises(WorkbookError, match=r"^The engine's disk is full"):
        image_writer.load(_engine(program), "localhost/x:1", layers, SETTINGS)


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


def _source(tree):
    return LayerSource("all", tree, None, {"home/node": 1000}, {"tmp": 0o1777})


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
    layers = [image_writer.write(_source(tree), tmp_path / f"{tree.name}.gz") for tree in (one, two)]
    assert layers[0].diff_id == layers[1].diff_id
    assert layers[0].digest == layers[1].digest


def test_entries_are_sorted_dated_and_owned_as_asked(tmp_path):
    entries = _entries(image_writer.write(_source(_tree(tmp_path / "tree")), tmp_path / "layer"))
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
    source = LayerSource("some", _tree(tmp_path / "tree"), ["home/node/file"])
    layer = image_writer.write(source, tmp_path / "layer")
    assert list(_entries(layer)) == ["home", "home/node", "home/node/file"]


def test_digests_and_sizes_are_those_of_the_files(tmp_path):
    layer = image_writer.write(_source(_tree(tmp_path / "tree")), tmp_path / "layer")
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
        return [_source(_tree(scratch / "tree"))]


def test_a_part_is_made_once(tmp_path):
    maker, workshop = Maker(), Workshop(tmp_path)
    first = image_writer.layers_of(LayerRecipe(("facts",), maker), workshop)
    assert image_writer.layers_of(LayerRecipe(("facts",), maker), workshop) == first
    assert maker.times == 1
    assert list((tmp_path / "scratch").iterdir()) == []


def test_other_facts_are_another_part(tmp_path):
    maker, workshop = Maker(), Workshop(tmp_path)
    for facts in (("a", "b"), ("ab",)):
        image_writer.layers_of(LayerRecipe(facts, maker), workshop)
    assert maker.times == 2


@pytest.mark.parametrize("harm", ["truncate", "delete", "describe"])
def test_a_kept_layer_that_is_damaged_is_made_again(tmp_path, harm):
    maker, workshop = Maker(), Workshop(tmp_path)
    (layer,) = image_writer.layers_of(LayerRecipe(("facts",), maker), workshop)
    if harm == "truncate":
        layer.file.write_bytes(layer.file.read_bytes()[:-1])
    elif harm == "delete":
        layer.file.unlink()
    else:
        layer.file.with_name("layers.json").write_text("[{]")
    assert image_writer.layers_of(LayerRecipe(("facts",), maker), workshop) == [layer]
    assert maker.times == 2


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail(_workshop, scratch):
        (scratch / "half").write_text("made")
        raise WorkshopError("no")

    with pytest.raises(WorkshopError):
        image_writer.layers_of(LayerRecipe(("facts",), fail), Workshop(tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / "layers").exists()
