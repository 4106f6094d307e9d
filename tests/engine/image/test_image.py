"""Facts of images in a real engine: sizes as the engine and a registry have them, files as they run."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import shutil
import subprocess
import sysconfig
import tarfile
import urllib.request
import uuid
from pathlib import Path

import pytest
from docker.errors import ImageLoadError

from helpers import engine as engines
from helpers.bases import local_registry
from helpers.engine import LABEL, leftovers, registry_api
from helpers.host import paths
from helpers.image import Image, ImageError, composition, image, layers, secrets
from helpers.image.layers import Wanted
from helpers.image.secrets import LAYER
from tests.unit.image.sparse import SPARSE

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

STAND_IN = "localhost/workbook-standin/node:20-alpine"
MANIFEST = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json"
)
MADE_BY_THE_ENGINE = (
    "/dev",
    "/proc",
    "/sys",
    "/.dockerenv",
    "/etc/host",
    "/etc/resolv.conf",
    "/etc/mtab",
)
DOCKERFILE = f"""\
FROM scratch
LABEL {LABEL}=test
ENV APP=/app
COPY busybox /bin/busybox
RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]
WORKDIR /app
COPY packages ./packages
COPY ["naïve 空.txt", "./"]
RUN busybox mkdir -p kept emptied gone && busybox seq 90000 > emptied/a \
    && busybox cp emptied/a gone/b && busybox cp emptied/a file && busybox ln file hard \
    && busybox ln -s /app/file link && busybox chmod 4755 file
RUN busybox rm -r gone file emptied && busybox mkdir emptied && busybox touch emptied/new
RUN busybox rm -r kept && busybox echo now-a-file > kept
CMD ["sh"]
"""


@pytest.fixture(scope="module")
def engine():
    return engines.find()


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch):
    for downloads in ("apt", "registry"):
        (tmp_path / downloads).symlink_to(paths.state(downloads))
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
    layers._recalled.cache_clear()


@pytest.fixture(scope="module")
def context(busybox, tmp_path_factory):
    """Make a build context of a shell, some real files, and a name that is not ASCII."""
    folder = tmp_path_factory.mktemp("context with spaces")
    shutil.copy(busybox, folder / "busybox")
    installed = Path(sysconfig.get_paths()["purelib"])
    for package in ("docker", "requests", "urllib3", "zlib_ng", "pandas"):
        shutil.copytree(installed / package, folder / "packages" / package)
    (folder / "naïve 空.txt").write_text("text")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


@pytest.fixture(scope="module")
def built(engine, context):
    """Build an image whose layers delete, replace, empty and link; removed afterwards."""
    reference = f"workbook/test-image:{uuid.uuid4().hex[:8]}"
    command = engine.command(
        "buildx", "build", "--load", "--network=none", "-t", reference, str(context)
    )
    subprocess.run(command, env=engine.process_environment(), check=True, capture_output=True)
    yield reference
    engine.client.images.remove(reference, force=True)


@pytest.fixture
def imported(engine):
    """Load an image with symbolic links: the engine counts those of a loaded layer."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, kind, target in (("a", tarfile.REGTYPE, ""), ("b", tarfile.SYMTYPE, "a-long-target")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, 700 * (not target)
            tar.addfile(info, io.BytesIO(b"1" * 700))
    reference = f"workbook/test-imported:{uuid.uuid4().hex[:8]}"
    repository, tag = reference.split(":")
    engine.client.api.import_image_from_data(
        file.getvalue(), repository=repository, tag=tag, changes=[f"LABEL {LABEL}=test"]
    )
    yield reference
    engine.client.images.remove(reference, force=True)


@pytest.fixture
def registry(engine):
    with local_registry.serving(engine) as address:
        yield address


def test_disk_usage_is_what_docker_images_shows(engine, built):
    command = engine.command("images", "--format", "{{.Size}}", built)
    shown = subprocess.run(command, env=engine.process_environment(), check=True, capture_output=True)
    number, unit = re.fullmatch(r"([\d.]+)([kM]?B)\s*", shown.stdout.decode()).groups()
    found = image.find(built, engine)
    assert found.disk_usage_bytes == pytest.approx(
        float(number) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit], rel=0.01
    )
    if engine.store != "containerd":
        assert found.disk_usage_bytes == found.uncompressed_bytes
    else:
        assert found.disk_usage_bytes > found.uncompressed_bytes + found.compressed_bytes * 0.98


def pushed_layers(engine, reference: str, registry: str) -> list[int]:
    """Push an image, and return the bytes of its layers as the registry's manifest has them."""
    name = f"pushed/{uuid.uuid4().hex[:8]}"
    engine.client.images.get(reference).tag(f"{registry}/{name}", tag="test")
    try:
        outcome = list(
            engine.client.api.push(f"{registry}/{name}", tag="test", stream=True, decode=True)
        )
        assert not [row for row in outcome if "error" in row]
        manifest = _manifest(f"http://{registry}/v2/{name}/manifests", "test")
        return [layer["size"] for layer in manifest["layers"]]
    finally:
        engine.client.images.remove(f"{registry}/{name}:test")


def _manifest(address: str, reference: str):
    """Return the image's manifest, found in its index where the containerd store pushed one."""
    request = urllib.request.Request(f"{address}/{reference}", headers={"Accept": MANIFEST})
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    if "manifests" in found:
        images = [row for row in found["manifests"] if row["platform"]["os"] == "linux"]
        return _manifest(address, images[0]["digest"])
    return found


def as_a_stream(engine):
    """Return the same engine as one whose folder is out of reach."""
    return dataclasses.replace(engine, root="/nowhere")


def test_the_uncompressed_size_is_the_engines_to_the_byte(engine, built, imported):
    if engine.store == "containerd":
        pytest.skip("the containerd store's size is that of its blobs")
    for reference in (built, imported):
        size = engine.client.api.inspect_image(reference)["Size"]
        assert image.find(reference, engine).uncompressed_bytes == size
        assert image.find(reference, engine).facts().uncompressed_bytes == size


def test_the_files_own_bytes_are_the_engines_but_for_symbolic_links(engine, built, imported):
    for reference in (built, imported):
        stored = layers.scan(engine, engine.client.images.get(reference).id, Wanted(entries=True))
        content = sum(layer.content_bytes for layer in stored.layers)
        links = sum(len(entry.target) for layer in stored.layers for entry in layer.entries)
        assert 0 <= image.find(reference, engine).uncompressed_bytes - content <= links


def test_the_compressed_size_is_within_2_percent_of_a_real_push(engine, built, registry):
    figures = [layer.compressed_bytes for layer in image.find(built, engine).facts().layers]
    pushed = pushed_layers(engine, built, registry)
    assert len(figures) == len(pushed)
    assert sum(pushed) > 10_000_000
    if engine.store == "containerd":
        assert figures == pushed
    assert sum(figures) == pytest.approx(sum(pushed), rel=0.02)
    for figure, size in zip(figures, pushed, strict=True):
        assert figure == pytest.approx(size, rel=0.03, abs=100)


def test_the_compressed_size_of_a_whole_base_is_within_2_percent_of_a_real_push(engine, registry):
    try:
        figure = image.find(STAND_IN, engine).compressed_bytes
    except ImageError:
        pytest.skip("the stand-in for node:20-alpine is not in the engine (`make bases` makes it)")
    assert figure == pytest.approx(sum(pushed_layers(engine, STAND_IN, registry)), rel=0.02)


def test_instructions_and_settings_are_the_dockerfiles(engine, built):
    facts = image.find(built, engine).facts()
    assert [layer.instruction.split(" ")[0] for layer in facts.layers] == [
        "COPY", "RUN", "WORKDIR", "COPY", "COPY", "RUN", "RUN", "RUN",
    ]  # fmt: skip
    assert facts.layers[0].instruction == "COPY busybox /bin/busybox"
    assert facts.layers[-1].instruction.startswith("RUN busybox rm -r kept")
    assert facts.environment["APP"] == "/app"
    assert facts.labels[LABEL] == "test"
    assert facts.command == ("sh",)


def test_a_second_look_needs_no_layers(engine, built, monkeypatch):
    first = image.find(built, engine).facts(), image.find(built, engine).files
    layers._recalled.cache_clear()
    monkeypatch.setattr(layers.layer_tar, "entries", None)
    assert (image.find(built, engine).facts(), image.find(built, engine).files) == first


def test_layers_from_the_engines_folder_are_its_tars_to_the_byte(engine, built):
    root = Path(engine.root)
    if engine.store != "overlay2" or not (root / "image/overlay2/layerdb").is_dir():
        pytest.skip("the engine's folder is not at hand")
    digests = engine.client.api.inspect_image(built)["RootFS"]["Layers"]
    for digest, chain in zip(digests, layers._chain_ids(digests), strict=True):
        record = root / "image/overlay2/layerdb" / chain.replace(":", "/")
        found = hashlib.sha256()
        for chunk in layers._reassembled(root, record):
            found.update(chunk)
        assert f"sha256:{found.hexdigest()}" == digest


def test_the_folder_and_the_save_stream_tell_the_same(engine, built, tmp_path, monkeypatch):
    directly = image.find(built, engine).facts(), image.find(built, engine).files
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "other"))
    layers._recalled.cache_clear()
    remote = as_a_stream(engine)
    assert (image.find(built, remote).facts(), image.find(built, remote).files) == directly


def test_the_merged_files_are_those_of_a_container(engine, built):
    container = engine.client.containers.create(built, labels={LABEL: "test"})
    try:
        exported = b"".join(container.export())
    finally:
        container.remove(force=True)
    with tarfile.open(fileobj=io.BytesIO(exported)) as tar:
        found = {f"/{member.name.rstrip('/')}": member for member in tar}
    merged = {file.path: file for file in image.find(built, engine).files if file.path != "/"}
    ours = {path for path in merged if not path.startswith(MADE_BY_THE_ENGINE)}
    theirs = {path for path in found if not path.startswith(MADE_BY_THE_ENGINE)} - {"/etc"}
    assert ours - {"/etc"} == theirs
    for path in theirs:
        assert merged[path].mode == found[path].mode & 0o7777, path
        if found[path].isreg():
            assert merged[path].bytes == found[path].size, path


def test_all_bytes_are_seen_or_wasted(engine, built):
    stored = layers.scan(engine, engine.client.images.get(built).id, Wanted(entries=True))
    total = sum(layer.content_bytes for layer in stored.layers)
    waste = image.find(built, engine).waste
    assert image.find(built, engine).files.bytes + waste.bytes == total
    assert {file.path for file in waste.files} == {"/app/emptied/a", "/app/gone/b"}
    assert waste.to_frame()["files wasted"].sum() == 2


def test_every_byte_of_the_image_has_a_category(engine, built):
    frame = composition.composition(image.find(built, engine))
    assert frame["bytes"].sum() == image.find(built, engine).files.bytes


def test_a_file_is_read_without_running_the_image(engine, built, ours):
    assert image.find(built, engine).read("/app/naïve 空.txt") == b"text"
    assert image.find(built, engine).read("/app/kept") == b"now-a-file\n"
    assert set(image.find(built, engine).read_folder("/app/emptied")) == {"/app/emptied/new"}
    with pytest.raises(ImageError, match="no /app/gone"):
        image.find(built, engine).read("/app/gone")
    assert not ours()


def test_a_broken_link_in_the_image_is_one_sentence(engine, built):
    with pytest.raises(ImageError, match="no /app/file"):
        image.find(built, engine).read("/app/link")


def test_an_image_that_is_not_there_is_one_sentence(engine):
    with pytest.raises(ImageError, match="no image 'workbook/nowhere'"):
        image.find("workbook/nowhere", engine)
    gone = Image(engine, f"sha256:{'0' * 64}")
    for question in ("files", "waste", "uncompressed_bytes", "compressed_bytes", "packages", "config"):
        with pytest.raises(ImageError, match="no image 'sha256:0000"):
            getattr(gone, question)


def a_tar(*entries) -> bytes:
    """Make a tar of names with a content, None for a folder, or what a symbolic link leads to."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
            else:
                info.type = tarfile.DIRTYPE if content is None else tarfile.SYMTYPE
                info.mode, info.linkname = 0o755, content or ""
            tar.addfile(info, io.BytesIO(content if isinstance(content, bytes) else b""))
    return file.getvalue()


def a_save(*tars) -> bytes:
    """Make what `docker load` takes: an image of these layers."""
    digests = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["never-run"], "Labels": {LABEL: "test"}},
        "rootfs": {"type": "layers", "diff_ids": digests},
    }
    names = [f"{number}/layer.tar" for number in range(len(tars))]
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": names}]
    documents = [("config.json", config), ("manifest.json", manifest)]
    written = [(name, json.dumps(document).encode()) for name, document in documents]
    return a_tar(*zip(names, tars, strict=True), *written)


@pytest.mark.parametrize(
    ("lower", "upper", "wasted"),
    [
        ([("data", b"12345")], [("data", None), ("data/x", b"1")], 5),
        ([("data", b"12345")], [("data/x", b"1")], 5),
        ([("data/x", b"12345")], [("data", b"1")], 5),
        ([("z", b"1")], [("b", None), ("a", "b"), ("a/x", b"123")], 0),
    ],
)
def test_what_takes_the_place_of_another_kind_is_merged_as_the_engine_does(engine, lower, upper, wasted):
    (loaded,) = engine.client.images.load(a_save(a_tar(*lower), a_tar(*upper)))
    try:
        container = engine.client.containers.create(loaded.id, labels={LABEL: "test"})
        try:
            exported = b"".join(container.export())
        finally:
            container.remove(force=True)
        found = Image(engine, loaded.id)
        with tarfile.open(fileobj=io.BytesIO(exported)) as tar:
            theirs = {
                f"/{m.name}": m.size for m in tar if not f"/{m.name}".startswith(MADE_BY_THE_ENGINE)
            }
        ours = {file.path: file.bytes for file in found.files if file.kind == "file"}
        assert {path: size for path, size in theirs.items() if size} == ours
        assert found.waste.bytes == wasted
    finally:
        engine.client.images.remove(loaded.id, force=True)


@pytest.mark.parametrize("sparse", SPARSE.values(), ids=SPARSE)
def test_a_sparse_file_of_a_layer_hides_nothing_behind_it(engine, sparse):
    save = a_save(sparse + a_tar(("after", b"abc"), ("last", b"1")))
    if engine.store != "containerd":  # it refuses such a layer, or cannot give it back itself
        with pytest.raises((ImageLoadError, ImageError)):
            loaded_files(engine, save)
        return
    assert loaded_files(engine, save) == {"/sparse": 8 << 20, "/after": 3, "/last": 1}


def loaded_files(engine, save: bytes) -> dict[str, int]:
    """Load an image, and return the bytes of its files by their paths."""
    (loaded,) = engine.client.images.load(save)
    try:
        return {file.path: file.bytes for file in Image(engine, loaded.id).files if file.kind == "file"}
    finally:
        engine.client.images.remove(loaded.id, force=True)


def test_instructions_below_an_argument_are_the_dockerfiles(engine, busybox, tmp_path):
    shutil.copy(busybox, tmp_path / "busybox")
    lines = ["RUN echo $BIN", "RUN /bin/busybox true", "RUN touch /a"]
    (tmp_path / "Dockerfile").write_text(
        f"FROM scratch\nLABEL {LABEL}=test\nCOPY busybox /bin/busybox\n"
        'RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]\nENV PATH=/bin\n'
        'RUN busybox ln -s busybox /bin/touch\nARG BIN=/usr/local/bin/tool\nARG TEXT="two words"\n'
        'RUN echo $BIN\nARG TEXT=one\nRUN ["/bin/busybox", "true"]\nRUN touch /a\n'
    )
    reference = f"workbook/test-arguments:{uuid.uuid4().hex[:8]}"
    command = engine.command("buildx", "build", "--load", "--network=none", "-t", reference, tmp_path)
    subprocess.run(command, env=engine.process_environment(), check=True, capture_output=True)
    try:
        layers = image.find(reference, engine).facts().layers
        assert [layer.instruction for layer in layers[-3:]] == lines
    finally:
        engine.client.images.remove(reference, force=True)


def test_an_attestation_of_the_build_is_no_layer_of_the_image(engine, busybox, tmp_path, registry):
    if engine.store != "containerd":
        pytest.skip("this store keeps no attestations")
    shutil.copy(busybox, tmp_path / "busybox")
    (tmp_path / "Dockerfile").write_text(
        f"FROM scratch\nLABEL {LABEL}=test\nCOPY busybox /bin/busybox\nCOPY Dockerfile /\n"
    )
    plain, attested = (f"workbook/test-attested:{uuid.uuid4().hex[:8]}" for _ in range(2))
    try:
        for name, wish in ((plain, "--provenance=false"), (attested, "--provenance=mode=max")):
            command = engine.command("buildx", "build", "--load", wish, "-t", name, str(tmp_path))
            subprocess.run(command, env=engine.process_environment(), check=True, capture_output=True)
        shown = engine.client.api.inspect_image(attested)
        assert shown["Descriptor"]["mediaType"] == "application/vnd.oci.image.index.v1+json"
        one, other = image.find(plain, engine), image.find(attested, engine)
        assert other.facts().digest == shown["Descriptor"]["digest"] != one.facts().digest
        assert other.facts().layers == one.facts().layers
        assert other.files == one.files
        assert other.uncompressed_bytes == one.uncompressed_bytes == other.files.bytes
        assert secrets.search(other, "FROM scratch").count(LAYER) == 1
        registry_api.push(attested, f"{registry}/attested:1", engine)
        found = registry_api.manifest(registry, "attested", "1", engine.architecture)
        assert found.overhead > 0
        assert [layer.bytes for layer in found.layers] == [
            x.compressed_bytes for x in one.facts().layers
        ]
    finally:
        for name in (plain, attested):
            leftovers.remove(name, engine)
