"""The archive of an image: readable, complete, and the same each time."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import types

import pytest

from helpers.bases import image_writer
from helpers.bases.image_writer import Draft, ImageSettings, LoadError

SETTINGS = ImageSettings(
    "amd64", {"A": "1"}, ("/node",), ("x",), "65532", "/home", {"workbook": "stand-in"}
)


@pytest.fixture
def layers(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text("x" * 3000)
    return [image_writer.write(Draft("a title", tmp_path / "tree"), tmp_path / "1.tar.gz")]


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
    with pytest.raises(LoadError, match="did not load localhost/x:1: invalid diffID"):
        image_writer.load(_engine(program), "localhost/x:1", layers, SETTINGS)


def test_an_engine_without_room_is_said_as_for_a_build(layers):
    program = "import sys; sys.exit('write /usr/lib/x: no space left on device')"
    with pytest.raises(LoadError, match=r"^The engine's disk is full"):
        image_writer.load(_engine(program), "localhost/x:1", layers, SETTINGS)
