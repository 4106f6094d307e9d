"""The pass over an image's layers: from a folder or a stream, whole or cut, first or repeated."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zlib
from pathlib import Path

import pytest
import zstandard

from helpers.engine import EngineError, ImageError
from helpers.image import layers
from helpers.image.layer_tar import Entry
from helpers.image.layers import Wanted
from tests.unit.image.sparse import SPARSE
from tests.unit.saving_engine import answering, saving

ALL = Wanted(entries=True, compressed=True)
LONG = "app/" + "ü" * 70 + "/" + "空" * 60 + ".txt"


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))
    layers._recalled.cache_clear()


def a_tar(*members, **options) -> bytes:
    """Make a tar of (name, content) pairs; a content that is a TarInfo's settings makes that kind."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", **options) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                for key, value in content.items():
                    setattr(info, key, value)
                tar.addfile(info)
    return file.getvalue()


def sha(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def a_config(*tars: bytes) -> bytes:
    return json.dumps({"rootfs": {"diff_ids": [sha(tar) for tar in tars]}}).encode()


def a_save(*tars: bytes, pack=lambda tar: tar) -> bytes:
    """Make what `docker save` of Engine 25 and later sends: the manifest comes last."""
    blobs = [pack(tar) for tar in tars]
    config = a_config(*tars)
    names = [f"blobs/sha256/{sha(blob)[7:]}" for blob in blobs]
    manifest = json.dumps([{"Config": "blobs/sha256/config", "Layers": names}]).encode()
    members = [*dict(zip(names, blobs, strict=True)).items(), ("blobs/sha256/config", config)]
    return a_tar(*members, ("manifest.json", manifest))


def paths(listing) -> list[str]:
    return [entry.path for entry in listing.entries]


def test_every_kind_of_entry_is_listed():
    tar = a_tar(
        ("./app/", {"type": tarfile.DIRTYPE, "mode": 0o755}),
        ("./app/run", b"12345"),
        ("app/link", {"type": tarfile.SYMTYPE, "linkname": "run"}),
        ("app/hard", {"type": tarfile.LNKTYPE, "linkname": "./app/run"}),
        ("dev/null", {"type": tarfile.CHRTYPE}),
        ("app/su", {"mode": 0o4755, "uid": 1000, "gid": 50}),
    )
    (layer,) = layers.scan(saving(a_save(tar)), "sha256:i", ALL).layers
    assert layer.entries == (
        Entry("/app", "directory", 0, 0o755, 0, 0, ""),
        Entry("/app/run", "file", 5, 0o644, 0, 0, ""),
        Entry("/app/link", "symlink", 0, 0o644, 0, 0, "run"),
        Entry("/app/hard", "hardlink", 0, 0o644, 0, 0, "/app/run"),
        Entry("/dev/null", "device", 0, 0o644, 0, 0, ""),
        Entry("/app/su", "file", 0, 0o4755, 1000, 50, ""),
    )
    assert (layer.content_bytes, layer.tar_bytes, layer.files) == (5, len(tar), 5)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_long_name_in_any_script_is_read_whole(form):
    tar = a_tar((LONG, b"x"), format=form)
    assert paths(layers.scan(saving(a_save(tar)), "sha256:i", ALL).layers[0]) == [f"/{LONG}"]


def test_a_name_that_is_not_unicode_can_still_be_printed():
    tar = a_tar(("caf\udce9", b"x"), format=tarfile.GNU_FORMAT)
    (path,) = paths(layers.scan(saving(a_save(tar)), "sha256:i", ALL).layers[0])
    assert path.encode() == b"/caf\\xe9"


def test_a_sparse_file_counts_by_its_length():
    header = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "5000"}
    content = b"1\n4000\n1000\n".ljust(512, b"\0") + b"x" * 1000
    tar = a_tar(("holes", content), ("after", b"1"), format=tarfile.PAX_FORMAT, pax_headers=header)
    listing = layers.scan(saving(a_save(tar)), "sha256:i", ALL).layers[0]
    assert paths(listing) == ["/holes", "/after"]


def test_whiteouts_are_listed_and_are_no_files():
    tar = a_tar(("a/.wh.b", b""), ("a/.wh..wh..opq", b""), ("a/c", b"1"))
    (layer,) = layers.scan(saving(a_save(tar)), "sha256:i", ALL).layers
    assert (len(layer.entries), layer.files) == (3, 1)


def test_layers_come_in_the_manifests_order():
    tars = [a_tar((name, name.encode())) for name in ("one", "two", "three")]
    stored = layers.scan(saving(a_save(*tars)), "sha256:i", ALL)
    assert [paths(layer) for layer in stored.layers] == [["/one"], ["/two"], ["/three"]]
    assert layers.diff_ids(stored.config) == [layer.key for layer in stored.layers]


def test_a_layer_without_files_is_a_layer():
    (layer,) = layers.scan(saving(a_save(bytes(1024))), "sha256:i", ALL).layers
    assert (layer.entries, layer.content_bytes, layer.tar_bytes) == ((), 0, 1024)


def test_the_compressed_size_is_near_that_of_gzip():
    content = b"".join(b"%d: a line of text\n" % (n * n) for n in range(200_000))
    tar = a_tar(("text", content))
    (layer,) = layers.scan(saving(a_save(tar), piece=70_001), "sha256:i", ALL).layers
    assert layer.compressed_bytes == pytest.approx(len(gzip.compress(tar, 6)), rel=0.1)
    assert not layer.exact


def test_the_compressed_size_does_not_depend_on_how_the_stream_is_cut():
    save = a_save(a_tar(("text", b"".join(b"%d\n" % n for n in range(400_000)))))
    sizes = set()
    for number, piece in enumerate((999, 32_768, 5 << 20)):
        layers._kept("x").parent.rename(layers._kept("x").parent.with_name(f"old{number}"))
        layers._recalled.cache_clear()
        sizes.add(layers.scan(saving(save, piece=piece), "sha256:i", ALL).layers[0].compressed_bytes)
    assert len(sizes) == 1


def test_compression_is_left_out_until_it_is_wanted():
    engine = saving(a_save(a_tar(("a", b"1"))))
    assert layers.scan(engine, "sha256:i", Wanted(entries=True)).layers[0].compressed_bytes is None
    assert layers.scan(engine, "sha256:i", Wanted(compressed=True)).layers[0].compressed_bytes > 0
    assert engine.asked == 2


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda tar: gzip.compress(tar[:700]) + gzip.compress(tar[700:])]
)
def test_a_blob_that_is_compressed_already_has_its_exact_size(pack):
    tar = a_tar(("a", b"content" * 1000))
    (layer,) = layers.scan(saving(a_save(tar, pack=pack)), "sha256:i", Wanted(entries=True)).layers
    assert (layer.compressed_bytes, layer.exact) == (len(pack(tar)), True)
    assert (layer.tar_bytes, paths(layer)) == (len(tar), ["/a"])


def test_a_zstd_layer_that_is_cut_or_damaged_is_an_error():
    packed = zstandard.ZstdCompressor().compress(a_tar(("a", b"1")))
    for blob in (packed[:-9], packed[:6], packed[:6] + b"\xff" * 600):
        with pytest.raises(ImageError, match=r"ends early|is damaged"):
            layers.scan(saving(a_save(b"", pack=lambda _, blob=blob: blob)), "sha256:i", ALL)


def test_zstd_of_several_frames_is_read_whole():
    tar = a_tar(("a", b"content" * 1000))
    pack = zstandard.ZstdCompressor().compress
    save = a_save(tar, pack=lambda tar: pack(tar[:700]) + pack(tar[700:]))
    (layer,) = layers.scan(saving(save), "sha256:i", ALL).layers
    assert (layer.tar_bytes, paths(layer)) == (len(tar), ["/a"])


@pytest.mark.parametrize("sparse", SPARSE.values(), ids=SPARSE)
def test_a_sparse_file_has_its_whole_size_and_hides_nothing_behind_it(sparse):
    tar = sparse + a_tar(("after", b"abc"), ("last", b"1"))
    (layer,) = layers.scan(saving(a_save(tar)), "sha256:i", ALL).layers
    found = [(entry.path, entry.bytes) for entry in layer.entries]
    assert found == [("/sparse", 8 << 20), ("/after", 3), ("/last", 1)]
    assert layer.tar_bytes == len(tar)


def test_a_damaged_header_is_an_error_and_not_the_end_of_the_layer():
    tar = a_tar(("one", b"1"))[:1024] + b"?" * 512 + a_tar(("after", b"abc"))
    with pytest.raises(ImageError, match="a damaged header"):
        layers.scan(saving(a_save(tar)), "sha256:i", ALL)


def test_a_layer_of_no_bytes_holds_nothing():
    (layer,) = layers.scan(saving(a_save(b"")), "sha256:i", ALL).layers
    assert (layer.entries, layer.tar_bytes, layer.content_bytes) == ((), 0, 0)


def test_the_oldest_kind_of_tar_is_read():
    tar = bytearray(a_tar(("a", b"1"), format=tarfile.USTAR_FORMAT))
    tar[257:512] = bytes(255)
    tar[148:156] = b" " * 8
    tar[148:156] = b"%06o\0 " % sum(tar[:512])
    (layer,) = layers.scan(saving(a_save(bytes(tar))), "sha256:i", ALL).layers
    assert paths(layer) == ["/a"]


def test_a_layer_in_an_unknown_format_is_named():
    save = a_save(a_tar(("a", b"1")), pack=lambda tar: b"BZh9" + tar)
    with pytest.raises(ImageError, match="neither a tar nor compressed by gzip or zstd"):
        layers.scan(saving(save), "sha256:i", ALL)


def test_an_older_engines_stream_is_read_by_its_manifest():
    one, two = a_tar(("one", b"1")), a_tar(("two", b"2"))
    manifest = [{"Config": "c.json", "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"]}]
    save = a_tar(
        ("a/layer.tar", one),
        ("a/json", b"{}"),
        ("a/VERSION", b"1.0"),
        ("b/layer.tar", two),
        ("c/layer.tar", {"type": tarfile.SYMTYPE, "linkname": "../a/layer.tar"}),
        ("c.json", a_config(one, two, one)),
        ("manifest.json", json.dumps(manifest).encode()),
    )
    engine = saving(save)
    for _ in range(2):
        stored = layers.scan(engine, "sha256:i", ALL)
        assert [paths(layer) for layer in stored.layers] == [["/one"], ["/two"], ["/one"]]
        assert [layer.key for layer in stored.layers] == [sha(one), sha(two), sha(one)]
    assert engine.asked == 1


def test_a_known_image_is_not_read_again():
    engine = saving(a_save(a_tar((LONG, b"1"))))
    first = layers.scan(engine, "sha256:i", ALL)
    layers._recalled.cache_clear()
    assert layers.scan(engine, "sha256:i", ALL) == first
    assert engine.asked == 1


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", gzip.compress(b'{"format":0}\n[]'), gzip.compress(b"[]\n{}")],
    ids=["empty", "no gzip", "another format", "no record"],
)
def test_a_damaged_memory_is_made_again(damage):
    engine = saving(a_save(a_tar(("a", b"1"))))
    first = layers.scan(engine, "sha256:i", ALL)
    for kept in Path(layers._kept("x")).parent.iterdir():
        kept.write_bytes(damage)
    layers._recalled.cache_clear()
    assert layers.scan(engine, "sha256:i", ALL) == first
    assert engine.asked == 2


def test_a_memory_cut_short_is_made_again():
    tar = a_tar(*((f"file{n}", b"1") for n in range(50)))
    engine = saving(a_save(tar))
    layers.scan(engine, "sha256:i", ALL)
    kept = layers._kept(sha(tar))
    kept.write_bytes(kept.read_bytes()[:-20])
    layers._recalled.cache_clear()
    assert layers.scan(engine, "sha256:i", Wanted(compressed=True)).layers[0].files == 50
    assert engine.asked == 2


def test_no_half_written_memory_is_left_behind():
    layers.scan(saving(a_save(a_tar(("a", b"1")))), "sha256:i", ALL)
    names = [path.name for path in layers._kept("x").parent.iterdir()]
    assert len(names) == 2
    assert all(name.endswith(".json.gz") for name in names)


def test_a_memory_that_cannot_be_written_costs_no_result(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layers.tempfile, "TemporaryDirectory", full)
    (layer,) = layers.scan(saving(a_save(a_tar(("a", b"1")))), "sha256:i", ALL).layers
    assert paths(layer) == ["/a"]


def test_a_stream_cut_anywhere_is_an_error_and_leaves_no_wrong_memory():
    save = a_save(a_tar(*((f"file{n}", b"1" * 400) for n in range(9))))
    whole = layers.scan(saving(save), "sha256:whole", ALL)
    end = save.index(b"manifest.json")
    for cut in range(100, end, 512 + 97):
        for kept in layers._kept("x").parent.iterdir():
            kept.unlink()
        layers._recalled.cache_clear()
        with pytest.raises(ImageError, match="try again"):
            layers.scan(saving(save[:cut]), "sha256:cut", ALL)
        assert layers._recall(whole.layers[0].key, ALL) in (None, whole.layers[0])


def test_an_engine_that_goes_away_is_an_error_with_a_remedy():
    import requests

    def pieces(_size):
        yield a_save(a_tar(("a", b"1")))[:600]
        raise requests.ConnectionError("gone")

    engine = saving()
    engine.client.api = answering(pieces)
    with pytest.raises(EngineError, match="start it again"):
        layers.scan(engine, "sha256:i", ALL)


# An engine's own folder


def a_folder(root: Path, *tars: bytes) -> str:
    """Lay out layers as overlay2 does; return the image's id."""
    config = a_config(*tars)
    base = root / "image" / "overlay2"
    write(base / "imagedb/content" / sha(config).replace(":", "/"), config)
    chain = ""
    for number, tar in enumerate(tars):
        chain = sha(f"{chain} {sha(tar)}".encode()) if chain else sha(tar)
        record = base / "layerdb" / chain.replace(":", "/")
        write(record / "cache-id", f"layer{number}".encode())
        write(record / "tar-split.json.gz", split(tar, root / "overlay2" / f"layer{number}" / "diff"))
    return sha(config)


def split(tar: bytes, diff: Path) -> bytes:
    """Take a tar apart as tar-split does: contents into a folder, the rest into records."""
    rows, at = [], 0
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            rows.append({"type": 2, "payload": base64.b64encode(tar[at : member.offset_data]).decode()})
            at = member.offset_data + member.size
            row = {"type": 1, "name": member.name, "payload": None}
            if member.isreg() and member.size:
                row["size"] = member.size
                write(diff / member.name, tar[member.offset_data : at])
            rows.append(row)
    rows.append({"type": 2, "payload": base64.b64encode(tar[at:]).decode()})
    return gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows))


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


TARS = (
    a_tar(("etc/", {"type": tarfile.DIRTYPE}), ("etc/passwd", b"root" * 300), (LONG, b"x")),
    a_tar(("etc/.wh.passwd", b""), ("app/big", bytes(range(256)) * 9000)),
)


def test_a_folder_and_a_stream_tell_the_same(tmp_path):
    image_id = a_folder(tmp_path, *TARS)
    local = saving(store="overlay2", root=str(tmp_path))
    from_folder = layers.scan(local, image_id, ALL)
    for kept in layers._kept("x").parent.iterdir():
        kept.unlink()
    layers._recalled.cache_clear()
    assert layers.scan(saving(a_save(*TARS)), image_id, ALL).layers == from_folder.layers
    assert local.asked == 0


def test_only_the_layers_not_yet_known_are_read(tmp_path):
    image_id = a_folder(tmp_path, *TARS)
    engine = saving(store="overlay2", root=str(tmp_path))
    layers.scan(engine, a_folder(tmp_path, TARS[0]), ALL)
    (tmp_path / "overlay2/layer0/diff/etc/passwd").unlink()
    assert len(layers.scan(engine, image_id, ALL).layers) == 2
    assert engine.asked == 0


def test_to_list_entries_no_file_of_the_folder_is_opened(tmp_path):
    image_id = a_folder(tmp_path, *TARS)
    engine = saving(a_save(*TARS), store="overlay2", root=str(tmp_path))
    whole = layers.scan(saving(a_save(*TARS)), image_id, Wanted(entries=True)).layers
    for kept in layers._kept("x").parent.iterdir():
        kept.unlink()
    layers._recalled.cache_clear()
    shutil.rmtree(tmp_path / "overlay2/layer0/diff")
    shutil.rmtree(tmp_path / "overlay2/layer1/diff")
    assert layers.scan(engine, image_id, Wanted(entries=True)).layers == whole
    assert engine.asked == 0


@pytest.mark.parametrize("damage", [b"\x1f\x8b\x08" + b"\xff" * 40, gzip.compress(b'{"type":2,')])
def test_a_damaged_tar_split_gives_way_to_the_stream(tmp_path, damage):
    image_id = a_folder(tmp_path, *TARS)
    for kept in tmp_path.rglob("tar-split.json.gz"):
        kept.write_bytes(damage)
    engine = saving(a_save(*TARS), store="overlay2", root=str(tmp_path))
    assert len(layers.scan(engine, image_id, ALL).layers) == 2
    assert engine.asked == 1


@pytest.mark.parametrize("harm", ["gone", "short", "link"])
def test_a_folder_that_is_not_as_it_should_be_gives_way_to_the_stream(tmp_path, harm):
    image_id = a_folder(tmp_path, *TARS)
    file = tmp_path / "overlay2/layer0/diff/etc/passwd"
    file.unlink()
    if harm == "short":
        file.write_bytes(b"root")
    if harm == "link":
        outside = tmp_path / "outside"
        outside.write_bytes(b"root" * 300)
        file.symlink_to(outside)
    engine = saving(a_save(*TARS), store="overlay2", root=str(tmp_path))
    assert layers.scan(engine, image_id, ALL).layers[0].files == 2
    assert engine.asked == 1


def test_a_link_cannot_lead_out_of_a_layers_folder(tmp_path):
    image_id = a_folder(tmp_path, *TARS)
    inside = tmp_path / "overlay2/layer0/diff/etc"
    outside = inside.rename(tmp_path / "elsewhere")
    inside.symlink_to(outside)
    engine = saving(a_save(*TARS), store="overlay2", root=str(tmp_path))
    layers.scan(engine, image_id, ALL)
    assert engine.asked == 1


def test_another_engines_folder_is_not_taken_for_this_ones(tmp_path):
    image_id = a_folder(tmp_path, *TARS)
    config = tmp_path / "image/overlay2/imagedb/content" / image_id.replace(":", "/")
    config.write_bytes(config.read_bytes() + b" ")
    engine = saving(a_save(*TARS), store="overlay2", root=str(tmp_path))
    layers.scan(engine, image_id, ALL)
    assert engine.asked == 1


def test_blocks_joined_make_one_readable_gzip():
    from zlib_ng import zlib_ng

    data = b"".join(b"%d\n" % n for n in range(300_000))
    packed, before = b"", b""
    for at in range(0, len(data), layers._BLOCK):
        block = data[at : at + layers._BLOCK]
        packer = zlib_ng.compressobj(
            layers.GZIP_LEVEL, zlib_ng.DEFLATED, -15, 8, 0, *((before,) if before else ())
        )
        part = packer.compress(block) + packer.flush(zlib_ng.Z_SYNC_FLUSH)
        assert len(part) == layers._deflated(block, before)
        packed, before = packed + part, block[-layers._WINDOW :]
    assert zlib.decompressobj(-15).decompress(packed) == data
