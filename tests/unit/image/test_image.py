"""Facts of an image: instructions as written, its layers and sizes, files out of it, and the tables."""

from __future__ import annotations

import datetime
import io
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import docker.errors
import pytest

from helpers.engine import ImageError
from helpers.image import image, layers
from helpers.image.image import ImageFacts, Layer
from helpers.image.layers import Listing, Stored

# Instructions


@pytest.mark.parametrize(
    ("created_by", "instruction"),
    [
        ("RUN /bin/sh -c npm ci # buildkit", "RUN npm ci"),
        ("COPY . . # buildkit", "COPY . ."),
        ("COPY /app/dist ./dist # buildkit", "COPY /app/dist ./dist"),
        ("WORKDIR /app", "WORKDIR /app"),
        ("RUN |2 A=1 B=two words /bin/sh -c echo $A # buildkit", "RUN echo $A"),
        ("|1 A=1 /bin/sh -c echo $A", "RUN echo $A"),
        ("RUN |1 BIN=/usr/local/bin/tool /bin/sh -c echo $BIN # buildkit", "RUN echo $BIN"),
        ("RUN |2 A=/bin/sh B= /bin/bash -o pipefail -c a | b # buildkit", "RUN a | b"),
        ("RUN |1 BIN=/usr/local/bin/tool node build.js # buildkit", "RUN node build.js"),
        ("RUN |2 A=1 B=/bin/x /bin/tool -c x # buildkit", "RUN /bin/tool -c x"),
        ("RUN /bin/bash -o pipefail -c curl x | sh # buildkit", "RUN curl x | sh"),
        ("RUN /bin/bash -euxc make # buildkit", "RUN make"),
        ("RUN node build.js # buildkit", "RUN node build.js"),
        ("/bin/sh -c npm install", "RUN npm install"),
        ('/bin/sh -c #(nop)  CMD ["node"]', 'CMD ["node"]'),
        (f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / ", "ADD file /"),
        (
            "RUN /bin/sh -c apt-get update \t&& \n apt-get install # buildkit",
            "RUN apt-get update && apt-get install",
        ),
        ("# debian.sh --arch 'amd64' out/ 'bookworm'", "# debian.sh --arch 'amd64' out/ 'bookworm'"),
        ("bazel build ...", "bazel build ..."),
        ("", image.UNKNOWN),
    ],
)
def test_an_instruction_reads_as_it_was_written(created_by, instruction):
    assert image.instruction(created_by) == instruction


# What the engine says, from an engine that is made up

BASE = "sha256:base"
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-11-25T12:00:00.123456789Z",
    "config": {
        "User": "node",
        "Entrypoint": ["node"],
        "Cmd": ["dist/index.js"],
        "Env": ["PATH=/bin", "EQUATION=a=b", "NOTHING="],
        "Labels": {"workbook": "test"},
    },
    "rootfs": {"diff_ids": [BASE, "sha256:app"]},
    "history": [
        {"created_by": f"/bin/sh -c #(nop) ADD file:{'0' * 64} in / "},
        {"created_by": "ENV A=b", "empty_layer": True},
        {"created_by": "COPY . . # buildkit"},
        {"created_by": "CMD x", "empty_layer": True},
    ],
}
LISTINGS = (
    Listing(BASE, 5_000_000, 4_000_000, 2_000_000, False, 10),
    Listing("sha256:app", 1_100_000, 1_000_000, 400_000, True, 3),
)


class Api:
    """The few calls of the SDK that facts are made of."""

    def inspect_image(self, reference):
        if reference == "broken":
            raise docker.errors.APIError("no", explanation="invalid reference format")
        if reference == "base":
            return {"Id": "sha256:b", "RootFS": {"Layers": [BASE]}}
        if reference not in ("app", "sha256:i"):
            raise docker.errors.ImageNotFound("no such image")
        return {"Id": "sha256:i", "Size": 5_000_123, "RepoDigests": ["x@sha256:d"]}

    def history(self, image_id):
        return [{"Size": size} for size in (0, 1_000_000, 0, 4_000_123)]


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(layers, "scan", lambda *_: Stored(CONFIG, LISTINGS))
    return SimpleNamespace(store="overlay2", root="/", client=SimpleNamespace(api=Api()))


def test_the_settings_of_an_image_are_read(engine):
    facts = image.find("app", engine).facts()
    assert (facts.id, facts.digest, facts.user) == ("sha256:i", "sha256:d", "node")
    assert (facts.entrypoint, facts.command) == (("node",), ("dist/index.js",))
    assert facts.environment == {"PATH": "/bin", "EQUATION": "a=b", "NOTHING": ""}
    assert facts.created == datetime.datetime(2026, 11, 25, 12, 0, 0, 123456, datetime.UTC)
    assert not facts.compressed_exact


def test_layers_carry_the_instruction_that_made_them(engine):
    facts = image.find("app", engine).facts()
    assert [layer.instruction for layer in facts.layers] == ["ADD file /", "COPY . ."]


@pytest.mark.parametrize("base", ["base", BASE])
def test_layers_of_the_base_say_so(engine, base):
    first, second = image.find("app", engine).facts([base]).layers
    assert (first.from_base, first.instruction) == (True, "base image: ADD file /")
    assert (second.from_base, second.instruction) == (False, "COPY . .")


def test_the_layers_bytes_add_up_to_the_engines_figure(engine):
    facts = image.find("app", engine).facts()
    assert facts.uncompressed_bytes == image.find("app", engine).uncompressed_bytes == 5_000_123
    assert facts.compressed_bytes == image.find("app", engine).compressed_bytes == 2_400_000


def test_the_containerd_stores_size_is_not_taken_for_the_files_bytes(engine):
    engine.store = "containerd"
    assert image.find("app", engine).uncompressed_bytes == 5_000_000
    assert image.find("app", engine).facts().uncompressed_bytes == 5_000_000


@pytest.fixture
def engine_29(engine):
    """Make an engine that answers as Docker 29 with the containerd store did."""
    said = json.loads(Path(__file__).with_name("engine29.json").read_text(encoding="utf-8"))
    engine.client.api.inspect_image = lambda _: said["inspect"]
    engine.client.api.images = lambda filters: said["images"]
    engine.store = "containerd"
    return engine


def test_three_sizes_of_docker_29_are_not_mixed_up(engine_29):
    found = image.find("workbook-rec:1", engine_29)
    assert found.uncompressed_bytes == 5_000_000  # of the layers' files, as listed
    assert found.compressed_bytes == 2_400_000
    assert found.disk_usage_bytes == 142_135_296 + 44_103_842 + 1_955  # unpacked, compressed, attested


def test_the_history_of_docker_29_reads_as_its_dockerfile_and_gives_no_size(engine_29, monkeypatch):
    said = json.loads(Path(__file__).with_name("engine29.json").read_text(encoding="utf-8"))
    assert [image.instruction(row["CreatedBy"]) for row in said["history"][:3]] == [
        'CMD ["node"]',
        "COPY /app/out.txt ./",
        "WORKDIR /app",
    ]
    monkeypatch.setattr(engine_29.client.api, "history", None, raising=False)  # blocks of the disk
    facts = image.find("workbook-rec:1", engine_29).facts()
    assert [layer.uncompressed_bytes for layer in facts.layers] == [4_000_000, 1_000_000]
    assert facts.digest == said["inspect"]["Descriptor"]["digest"]


def test_an_image_that_is_not_listed_is_one_sentence(engine_29):
    engine_29.client.api.images = lambda filters: []
    with pytest.raises(ImageError, match="does not list"):
        _ = image.find("workbook-rec:1", engine_29).disk_usage_bytes


def test_an_image_without_history_has_layers_all_the_same(engine, monkeypatch):
    bare = {**CONFIG, "history": None, "config": None, "created": "0001-01-01T00:00:00Z"}
    monkeypatch.setattr(layers, "scan", lambda *_: Stored(bare, LISTINGS))
    facts = image.find("app", engine).facts()
    assert [layer.instruction for layer in facts.layers] == [image.UNKNOWN] * 2
    assert facts.uncompressed_bytes == 5_000_000
    assert (facts.created, facts.user, facts.command) == (None, "", ())


def test_facts_are_a_table_with_units(engine):
    frame = image.find("app", engine).facts(["base"]).to_frame()
    assert list(frame["uncompressed MB"]) == [4.000123, 1.0]
    assert list(frame["compressed MB"]) == [2.0, 0.4]
    assert list(frame["from base"]) == [True, False]


def test_facts_show_markup_as_text():
    layer = Layer("sha256:x", "RUN echo '<b>'", 1, 1, 1, False)
    facts = ImageFacts(
        "<i>", "sha256:i", None, None, "amd64", "linux", "", (), (), {}, {}, (layer,), True
    )
    shown = facts._repr_html_()
    assert "<i>" not in shown
    assert "<b>'" not in shown
    assert "user root" in shown


@pytest.mark.parametrize(
    ("reference", "sentence"), [("nowhere", "no image 'nowhere'"), ("broken", "as `docker images`")]
)
def test_an_unknown_image_is_one_sentence(engine, reference, sentence):
    with pytest.raises(ImageError, match=sentence):
        image.find(reference, engine)


# Files out of an image


class Container:
    """A container that was made and not started: it holds one archive a path."""

    def __init__(self, archives, links):
        self._archives, self._links, self.removed = archives, links, False

    def get_archive(self, path):
        if path not in self._archives:
            raise docker.errors.NotFound("no such path")
        return io.BytesIO(self._archives[path]), {"linkTarget": self._links.get(path, "")}

    def remove(self, force):
        self.removed = force


def an_archive(**members: bytes | None) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return stream.getvalue()


@pytest.fixture
def container(engine):
    made = Container(
        {"/d/a": an_archive(a=b"1"), "/d": an_archive(d=None, d__a=b"1", d__b=b"2"), "/l": b""},
        {"/l": "/d/a"},
    )
    engine.client.containers = SimpleNamespace(create=lambda *_, **__: made, list=lambda **_: [])
    engine.client.api.remove_container = lambda _name, **how: made.remove(how["force"])
    return made


def test_one_file_is_read_and_the_container_removed(engine, container):
    assert image.find("app", engine).read("/d/a") == b"1"
    assert container.removed


def test_a_link_is_followed(engine, container):
    assert image.find("app", engine).read("/l") == b"1"


def test_a_folder_is_read_by_absolute_paths(engine, container):
    assert image.find("app", engine).read_folder("/d/") == {"/d/a": b"1", "/d/b": b"2"}


def test_a_folder_that_is_not_there_is_empty(engine, container):
    assert image.find("app", engine).read_folder("/x") == {}
    assert container.removed


@pytest.mark.parametrize(("path", "sentence"), [("/d", "is a folder"), ("/x", "no /x in the image")])
def test_a_path_that_is_no_file_is_one_sentence(engine, container, path, sentence):
    with pytest.raises(ImageError, match=sentence):
        image.find("app", engine).read(path)
    assert container.removed


@pytest.mark.parametrize(
    ("name", "kind", "target", "stays"),
    [
        ("app/a.txt", tarfile.REGTYPE, "", True),
        ("app/link", tarfile.SYMTYPE, "../etc/passwd", True),
        ("app/link", tarfile.SYMTYPE, "../../etc/passwd", False),
        ("app/link", tarfile.SYMTYPE, "/etc/passwd", False),
        ("app/hard", tarfile.LNKTYPE, "app/a.txt", True),
        ("app/hard", tarfile.LNKTYPE, "../a.txt", False),
        ("../a.txt", tarfile.REGTYPE, "", False),
        ("/a.txt", tarfile.REGTYPE, "", False),
        ("app/null", tarfile.CHRTYPE, "", False),
    ],
)
def test_what_an_old_python_unpacks_stays_in_its_folder(name, kind, target, stays):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    assert image._stays_inside(member) is stays
