"""A kit says what is in it, and a kit that does not fit is refused before anything is changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tarfile
import types

import pytest

from helpers.bases import image_writer, kit, local_registry, npm_registry, standins
from helpers.bases.kit import Carried, Manifest, Member
from helpers.host import bootstrap, paths
from helpers.host.errors import WorkbookError
from helpers.lesson import setup

RECIPE = standins.recipe("node:20-alpine", "amd64", npm_registry.SETTINGS)
ALPINE = (Carried("node:20-alpine", RECIPE.key),)


@pytest.fixture
def engine():
    """Stand for an engine: what a kit asks before it loads."""
    return types.SimpleNamespace(architecture="amd64", free_bytes=50_000_000_000)


@pytest.fixture(autouse=True)
def deeds(monkeypatch):
    """Keep what would have changed the engine."""
    done = []
    monkeypatch.setattr(
        image_writer, "feed", lambda _e, chunks, what: done.append((what, b"".join(chunks)))
    )
    monkeypatch.setattr(
        npm_registry, "start", lambda _e, image, content: done.append((image, content.read()))
    )
    monkeypatch.setattr(kit.bases, "prepare", lambda _e, names: list(names))
    return done


@pytest.fixture
def written(tmp_path):
    """Write a small kit, with a manifest as wished."""

    def write(images=ALPINE, more_members=(), **more):
        contents = {kit._STAND_INS: b"images", kit.NPM_PACKAGES: b"packages"}
        members = []
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
            members.append(Member(name, len(content), hashlib.sha256(content).hexdigest()))
        facts = Manifest(
            kit.FORMAT,
            "2026-01-01",
            "amd64",
            bootstrap.python(),
            images,
            1_000,
            (*members, *more_members),
        )
        file = tmp_path / "kit.tar"
        kit._write_archive(file, tmp_path, dataclasses.replace(facts, **more))
        return file

    return write


def test_a_kit_is_loaded_image_by_image_and_its_shelf_is_start(written, engine, deeds):
    assert kit.load(written(), engine, say=lambda _: None) == ["node:20-alpine"]
    assert deeds == [("the kit's images", b"images"), (RECIPE.tag, b"packages")]


def test_a_real_image_serves_the_shelf_under_its_own_name(written, engine, deeds):
    images = (Carried("node:20", None), Carried("node:24-bookworm-slim", None))
    kit.load(written(images), engine, say=lambda _: None)
    assert deeds[-1][0] == "node:24-bookworm-slim"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"architecture": "arm64"}, r"for linux/arm64, the engine runs linux/amd64"),
        ({"format": 99}, r"format 99, this checkout reads 1"),
        ({"images": (Carried("node:20-alpine", "older"),)}, r"of another version of the workbook"),
        ({"image_bytes": 10**12}, r"needs 1002\.0 GB .* has 50\.0 GB"),
        ({"images": (Carried("gcr.io/distroless/x", None),)}, r"no image with Node"),
    ],
)
def test_a_kit_that_does_not_fit_changes_nothing(written, engine, deeds, more, sentence):
    with pytest.raises(WorkbookError, match=sentence):
        kit.load(written(**more), engine, say=lambda _: None)
    assert deeds == []


def test_an_engine_elsewhere_whose_disk_is_unknown_is_trusted(written, engine, deeds):
    engine.free_bytes = None
    kit.load(written(image_bytes=10**12), engine, say=lambda _: None)
    assert deeds


@pytest.mark.parametrize("where", [0.3, 0.6])
def test_a_kit_that_was_cut_short_changes_nothing(written, engine, deeds, where):
    file = written()
    content = file.read_bytes()
    file.write_bytes(content[: int(content.index(b"packages") * where)])
    with pytest.raises(WorkbookError, match="copy it anew"):
        kit.load(file, engine, say=lambda _: None)
    assert deeds == []


def test_a_damaged_member_is_named(written, engine, deeds):
    file = written()
    file.write_bytes(file.read_bytes().replace(b"packages", b"pickages"))
    with pytest.raises(WorkbookError, match=r"npm-registry\.tar .* is damaged"):
        kit.load(file, engine, say=lambda _: None)
    assert deeds == []


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_file_that_is_no_kit_is_refused(tmp_path, engine, content):
    file = tmp_path / "kit.tar"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WorkbookError, match=r"no kit"):
        kit.load(file, engine)


def test_an_archive_without_a_manifest_is_refused(tmp_path, engine):
    file = tmp_path / "other.tar"
    with tarfile.open(file, "w"):
        pass
    with pytest.raises(WorkbookError, match=r"no kit"):
        kit.load(file, engine)


def test_a_manifest_reads_back_as_it_was_written(written):
    file = written()
    with kit.opened(file) as archive:
        assert archive.getnames()[0] == kit.MANIFEST
        manifest = kit.read_manifest(archive, file)
    assert Manifest.read(json.dumps(dataclasses.asdict(manifest)).encode()) == manifest


def test_the_kit_has_each_image_that_a_lesson_publishes_or_builds_on():
    names = set(setup.carried_images())
    publish = re.compile(r'registry\.publish\(\\"([^"\\]+)')
    texts = [file.read_text() for file in sorted((paths.ROOT / "notebooks").glob("*.ipynb"))]
    published = {name for text in texts for name in publish.findall(text)}
    assert published
    assert published <= names
    lines = {int(line) for text in texts for line in re.findall(r"pins\.on_line\((\d+)\)", text)}
    assert lines
    for line in lines:
        for image in (r"node:%d-\w+-slim", r"gcr\.io/distroless/nodejs%d-debian\d+:nonroot"):
            assert any(re.fullmatch(image % line, name) for name in names), (image, line)
    exercises = sorted((paths.ROOT / "helpers/exercises/texts").rglob("*"))
    built_on = {
        name
        for file in exercises
        if file.name in ("start", "solution") and file.is_file()
        for name in re.findall(r"^FROM ((?:node|gcr)\S+)", file.read_text(), re.M)
    }
    assert built_on
    assert built_on <= names


def test_the_lessons_registry_is_placed_ready_to_run(written, engine, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))
    program = b"#!/bin/sh\n"
    (tmp_path / kit.REGISTRY).write_bytes(program)
    whole = Member(kit.REGISTRY, len(program), hashlib.sha256(program).hexdigest())
    kit.load(written(more_members=(whole,)), engine, say=lambda _: None)
    placed = local_registry.kept_program()
    assert placed.read_bytes() == program
    assert placed.stat().st_mode & 0o777 == 0o755


def test_nothing_of_the_writer_is_in_the_archives_headers(written):
    with tarfile.open(written()) as archive:
        assert {(entry.uid, entry.uname, entry.mode) for entry in archive} == {(0, "", 0o644)}


def test_too_little_room_leaves_no_file_behind(written, tmp_path, monkeypatch):
    monkeypatch.setattr(kit.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1))
    with pytest.raises(WorkbookError, match="make room"):
        written()
    assert not list(tmp_path.glob("kit.tar*"))


LOCK = """\
plain==1.0 \\
    --hash=sha256:aa
soupsieve==2.10 ; python_full_version < '3.11.5' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via beautifulsoup4
soupsieve==4.1 ; python_full_version >= '3.11.5' \\
    --hash=sha256:dd
numpy==2.4 ; python_full_version < '3.12' \\
    --hash=sha256:ee
"""


def test_wheels_are_fetched_for_every_patch_of_the_release():
    assert kit.entries_for_patches(LOCK, (3, 11)) == [
        "soupsieve==2.10 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n",
        "soupsieve==4.1 \\\n    --hash=sha256:dd\n",
    ]
    assert kit.entries_for_patches(LOCK, (3, 12)) == []


def test_wheels_for_another_python_are_refused_before_the_environment_is_touched(written, tmp_path):
    file = written(python="2.7 Plan9 vax")
    with pytest.raises(WorkbookError, match=r"for Python 2\.7 Plan9 vax, this is 3\."):
        bootstrap.ensure(tmp_path / "venv", file)
    assert not (tmp_path / "venv").exists()


def test_a_kit_without_wheels_says_so(written, tmp_path):
    with pytest.raises(WorkbookError, match="no Python wheels"):
        bootstrap.ensure(tmp_path / "venv", written())
    assert not (tmp_path / "venv").exists()


def test_a_kit_cut_anywhere_is_refused_before_anything_is_changed(written, engine, deeds):
    whole = (file := written()).read_bytes()
    with tarfile.open(file) as archive:
        end = max(member.offset_data + member.size for member in archive)
    for size in range(0, end, 97):
        file.write_bytes(whole[:size])
        with pytest.raises(WorkbookError):
            kit.load(file, engine, say=lambda _: None)
        assert deeds == []


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "null", '{"format": 1}', "[" * 100_000, '{"format": []}']
)
def test_a_manifest_of_another_shape_is_refused(text):
    with pytest.raises(WorkbookError):
        Manifest.read(text.encode())


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("images", 7),
        ("images", [7]),
        ("images", [{"name": 7, "recipe": None}]),
        ("images", [{"name": "a"}]),
        ("image_bytes", "1"),
        ("image_bytes", None),
        ("architecture", ["amd64"]),
        ("members", [{"name": ["x"], "bytes": 1, "sha256": ""}]),
        ("members", {"name": "x"}),
        ("more", 1),
    ],
)
def test_a_manifest_with_a_field_of_another_type_is_refused(part, value):
    facts = dataclasses.asdict(Manifest(kit.FORMAT, "", "amd64", "3.11", ALPINE, 1, ()))
    with pytest.raises(WorkbookError):
        Manifest.read(json.dumps({**facts, part: value}).encode())
