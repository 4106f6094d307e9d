"""Archives that are broken, or made to do harm: each is read, or refused in one sentence."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.engine import ImageError, saved
from helpers.image import filesystem, layer_tar, layers
from helpers.image.layers import Wanted
from tests.unit.saving_engine import saving, tar_of

NAMES = st.sampled_from(
    [
        *("a", "a/b", "../x", "/etc/passwd", "a/../../b", "./a", "", "/", "..", ".", "ü", "\n", "a//b"),
        *(
            "a" * 300,
            "a/" * 80 + "b",
            "caf\udce9",
            ".wh.a",
            ".wh.",
            ".wh..",
            ".wh.../x",
            "a/.wh..wh..opq",
        ),
        *(".wh..wh..opq", ".wh..wh.plnk/1", "a/.wh.b/c", ".wh..wh..opq/x"),
    ]
)
TYPES = st.sampled_from([tarfile.REGTYPE, *(bytes([code]) for code in b"0123456gxLKSVZ\0")])
KEYS = "size path linkpath uid mtime hdrcharset GNU.sparse.major GNU.sparse.map GNU.sparse.realsize"
KEYS += " GNU.sparse.size GNU.sparse.numblocks GNU.sparse.name"
VALUES = ["-1", "9" * 20, "x", "1", "0", "1,2,3", "BINARY", "../x", "nan", "inf", "1e400", ""]
PAX = st.dictionaries(st.sampled_from(KEYS.split()), st.sampled_from(VALUES), max_size=2)
MEMBERS = st.lists(
    st.tuples(NAMES, TYPES, NAMES, st.integers(0, 1200), PAX),
    max_size=6,
)
FORMATS = st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
SIZES = st.sampled_from(
    [b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b" " * 12]
)
HARM = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "drop", "put", "size", "type", "add"]),
        st.floats(0, 1),
        st.integers(0, 255),
        SIZES,
    ),
    max_size=3,
)
hostile = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))


def a_tar(members, form=tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogateescape") as tar:
        for name, kind, link, size, pax in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, size if kind in b"0xgLKS" else 0
            info.pax_headers = pax
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    return file.getvalue()


def harmed(content: bytes, harm) -> bytes:
    """Damage an archive; a header whose type or size is changed gets a checksum that fits."""
    data = bytearray(content)
    for how, where, byte, size in harm:
        at = int(where * (len(data) - 1)) if data else 0
        header = at // 512 * 512
        if how == "cut":
            del data[at:]
        elif how == "drop":
            del data[at : at + 1 + byte * 2]
        elif how == "put":
            data[at:at] = bytes([byte]) * 300
        elif how == "add":
            data += bytes([byte]) * 600
        elif how == "flip" and data:
            data[at] = byte
        elif header + 512 <= len(data):
            changed = (
                slice(header + 124, header + 136) if how == "size" else slice(header + 156, header + 157)
            )
            data[changed] = size if how == "size" else bytes([byte])
            data[header + 148 : header + 156] = b" " * 8
            data[header + 148 : header + 156] = b"%06o\0 " % sum(data[header : header + 512])
    return bytes(data)


def a_save(blobs, manifest=None, config=None) -> bytes:
    names = [f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}" for blob in blobs]
    digests = [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in blobs]
    documents = {
        "c": {"rootfs": {"diff_ids": digests}} if config is None else config,
        "manifest.json": [{"Config": "c", "Layers": names}] if manifest is None else manifest,
    }
    contents = dict(zip(names, blobs, strict=True)) | {
        name: json.dumps(document).encode() for name, document in documents.items()
    }
    return tar_of(contents)


def assert_read_or_refused(save: bytes) -> None:
    name = f"sha256:{hashlib.sha256(save).hexdigest()}"
    for look in (_scan, _pass):
        try:
            look(saving(save), name)
        except ImageError as error:
            assert "\n" not in str(error)  # noqa: PT017 - no error is as good


def _scan(engine, name) -> None:
    listings = [layer.entries for layer in layers.scan(engine, name, Wanted(entries=True)).layers]
    for entry in (entry for entries in listings for entry in entries):
        assert entry.path.startswith("/")
        assert "/../" not in f"{entry.path}/"
        assert entry.bytes >= 0
        assert entry.path.encode()
    files, wasted = filesystem.merge(listings)
    assert not any(layer_tar.is_whiteout(file) for file in files)
    assert all(lost.layer < lost.by_layer for lost in wasted)


def _pass(engine, name) -> None:
    for member in saved.members(engine, name):
        assert sum(len(chunk) for chunk in member.chunks) >= 0


@hostile
@given(members=MEMBERS, form=FORMATS, harm=HARM, packed=st.booleans())
def test_a_layer_of_any_kind_is_read_or_refused(members, form, harm, packed):
    try:
        tar = a_tar(members, form)
    except (ValueError, UnicodeError):
        return
    tar = harmed(tar, harm)
    assert_read_or_refused(a_save([gzip.compress(tar, 1) if packed else tar]))


@hostile
@given(members=MEMBERS, harm=HARM.filter(bool))
def test_a_compressed_layer_that_is_damaged_is_refused(members, harm):
    tar = a_tar([("a", b"0", "", 900, {})])
    assert_read_or_refused(a_save([harmed(gzip.compress(tar, 1), harm)]))


@hostile
@given(harm=HARM.filter(bool))
def test_a_save_stream_that_is_damaged_is_refused(harm):
    tar = a_tar([("a", b"0", "", 900, {}), (".wh.b", b"0", "", 0, {})])
    assert_read_or_refused(harmed(a_save([tar, gzip.compress(tar)]), harm))


SHAPES = [[], {}, 7, "x", [{}], [7], [None], [{"Config": "c"}], [{"Config": 7, "Layers": []}]]
SHAPES += [
    [{"Config": "c", "Layers": 7}],
    [{"Config": "c", "Layers": [7]}],
    [{"Config": "c", "Layers": [[]]}],
]


@pytest.mark.parametrize("manifest", SHAPES)
def test_a_manifest_of_another_shape_is_refused(manifest):
    with pytest.raises(ImageError):
        layers.scan(saving(a_save([a_tar([])], manifest=manifest)), "sha256:i", Wanted(entries=True))


@pytest.mark.parametrize(
    "config", [[], 7, {"rootfs": 7}, {"rootfs": {"diff_ids": 7}}, {"rootfs": {"diff_ids": []}}, {}]
)
def test_a_configuration_of_another_shape_is_refused(config):
    with pytest.raises(ImageError):
        layers.scan(saving(a_save([a_tar([])], config=config)), "sha256:i", Wanted(entries=True))


def test_a_small_layer_that_unpacks_to_much_takes_little_memory():
    import tracemalloc

    tar = a_tar([("zeros", b"0", "", 60_000_000, {})])
    save = a_save([gzip.compress(tar, 1)])
    del tar
    tracemalloc.start()
    (layer,) = layers.scan(saving(save), "sha256:i", Wanted(entries=True)).layers
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert layer.content_bytes == 60_000_000
    assert peak < 20e6
