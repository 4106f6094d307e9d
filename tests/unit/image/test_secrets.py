"""A secret is found at whatever place of the stream it lies, and nothing else is."""

import base64
import gzip
import hashlib
import io
import itertools
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engine import ImageError, saved
from helpers.image import Image, secrets
from helpers.image.secrets import HISTORY, LAYER, SETTINGS, Finder, Sighting
from tests.unit.saving_engine import saving

SECRET = "sk_fake_NOT_A_REAL_KEY"


@given(
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.lists(st.integers(0, 200), max_size=12),
)
def test_a_text_is_found_once_wherever_the_pieces_are_cut(before, after, cuts):
    whole = before + SECRET.encode() + after
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(bounds)]
    finder = Finder({"raw": SECRET.encode()})
    assert b"".join(finder.passing(pieces)) == whole
    assert finder.hits == [(len(before), "raw")]
    assert finder.passed == len(whole)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_base64_is_found_whatever_stands_around(before, after):
    encoded = base64.b64encode(before + SECRET.encode() + after)
    forms = secrets._forms(SECRET)
    found = [name for name, text in forms.items() if text in encoded]
    assert found == [f"base64, offset {len(before) % 3}"]


def a_tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def an_engine(contents, config, names, end=None):
    """Stand for an engine with one image, which it saves in pieces that fit no boundary."""
    manifest = json.dumps([{"Config": "config.json", "Layers": names}]).encode()
    saved = a_tar({**contents, "config.json": json.dumps(config).encode(), "manifest.json": manifest})
    saved = saved[:end]

    image_id = "sha256:" + hashlib.sha256(saved).hexdigest()
    return saving(saved, inspect_image=lambda _: {"Id": image_id})


def row(created_by, empty=False):
    return {"created_by": created_by, "empty_layer": empty}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_of_a_layer_is_named_with_its_instruction(pack):
    clean = a_tar({"bin/sh": b"x" * 5000})
    leaky = a_tar({"app/a": b"y" * 3000, "./app/key": b"KEY=" + SECRET.encode(), "app/z": b""})
    config = {"history": [row("ADD base"), row("ENV a=b", True), row("COPY . . # buildkit")]}
    engine = an_engine({"1": pack(clean), "2": pack(leaky)}, config, ["1", "2"])
    found = secrets.search(Image(engine, "sha256:0"), SECRET)
    assert found.sightings == (Sighting(LAYER, "COPY . .", "/app/key", "as it is"),)
    assert (found.layers, found.history) == (2, 3)
    assert found.layer_bytes == len(clean) + len(leaky)


def test_a_secret_in_a_name_or_past_the_last_file_is_in_the_layer_too():
    named = a_tar({f"app/{SECRET}": b""})
    trailing = a_tar({"app/a": b"y"}) + SECRET.encode()
    config = {"history": [row("RUN a"), row("RUN b")]}
    engine = an_engine({"1": named, "2": trailing}, config, ["1", "2"])
    found = secrets.search(Image(engine, "sha256:0"), SECRET).sightings
    assert [(s.where, s.what) for s in found] == [(LAYER, f"/app/{SECRET}"), (LAYER, "/app/a")]


def test_history_and_settings_are_told_apart():
    config = {
        "history": [row(f"RUN |1 KEY={SECRET} /bin/sh -c true # buildkit"), row("CMD", True)],
        "config": {"Env": ["A=b", f"KEY={SECRET}"], "Labels": {"key": SECRET}},
    }
    engine = an_engine({"1": a_tar({"a": b""})}, config, ["1"])
    found = secrets.search(Image(engine, "sha256:0"), SECRET)
    assert [(s.where, s.what) for s in found.sightings] == [
        (HISTORY, "the entry itself"),
        (SETTINGS, "environment variable KEY"),
        (SETTINGS, "Labels"),
    ]
    assert found.sightings[0].instruction == f"RUN |1 KEY={SECRET} /bin/sh -c true"
    assert found.count(SETTINGS) == 2


def test_a_layer_that_is_a_link_to_another_is_searched_as_that():
    leaky = a_tar({"key": SECRET.encode()})
    config = {"history": [row("COPY a"), row("COPY b")]}
    names = ["x/layer.tar", "y/layer.tar"]
    engine = an_engine({"x/layer.tar": leaky, "y/layer.tar": "../x/layer.tar"}, config, names)
    found = secrets.search(Image(engine, "sha256:0"), SECRET)
    assert [s.instruction for s in found.sightings] == ["COPY a", "COPY b"]


def test_a_missing_layer_is_no_clean_bill():
    engine = an_engine({"1": a_tar({"a": b""})}, {"history": []}, ["1", "2"])
    with pytest.raises(ImageError, match="did not give all of"):
        secrets.search(Image(engine, "sha256:0"), SECRET)


def test_a_stream_that_ends_early_is_no_clean_bill():
    engine = an_engine({"1": a_tar({"a": b"x" * 50_000})}, {"history": []}, ["1"], end=20_000)
    with pytest.raises(ImageError):
        secrets.search(Image(engine, "sha256:0"), SECRET)


def test_members_are_given_with_their_kind():
    engine = an_engine({"1": gzip.compress(a_tar({"a": b"x"})), "l": "1"}, {}, ["1"])
    kinds = {m.name: (m.kind, m.target) for m in saved.members(engine, "sha256:0")}
    assert kinds == {
        "1": ("layer", ""),
        "l": ("link", "1"),
        "config.json": ("document", ""),
        "manifest.json": ("document", ""),
    }
