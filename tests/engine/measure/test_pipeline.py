"""What deploys move, for real: our node against the engine's own pull, a push against a disk."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading

import pytest

from helpers.bases import image_writer, local_registry
from helpers.bases.image_writer import ImageSettings, Layer
from helpers.engine import deploy_host, leftovers, registry_api
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.lesson import pipeline as pipeline_lesson
from helpers.measure import cost, pipeline, sample
from helpers.measure.pipeline import Change

pytestmark = pytest.mark.engine
MB = 1_000_000


@pytest.fixture(scope="module")
def registry(engine):
    with local_registry.serving(engine) as address:
        yield address


class Meter:
    """A proxy on loopback that counts what a registry sends through it."""

    def __init__(self, target: str):
        host, port = target.split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for source, sink, counts in ((client, server, False), (server, client, True)):
                    arguments = (source, sink, counts)
                    threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source, sink, counts):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.received += len(data) if counts else 0
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def take(self) -> int:
        """Return what came since the last time."""
        taken, self.received = self.received, 0
        return taken

    def close(self):
        self._listener.close()


@pytest.fixture
def meter(registry):
    made = Meter(registry)
    yield made
    made.close()


def layer(folder, size: int) -> Layer:
    """Make a layer of one file that nothing compresses and nobody has."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        entry = tarfile.TarInfo(f"file-{size}")
        entry.size = size
        tar.addfile(entry, io.BytesIO(os.urandom(size)))
    plain = content.getvalue()
    packed = gzip.compress(plain, 1)
    file = folder / f"{size}.tar.gz"
    file.write_bytes(packed)
    digests = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in (plain, packed)]
    return Layer(f"{size} bytes", file, *digests, len(packed), len(plain))


@pytest.fixture
def versions(engine, registry, tmp_path, new_tag):
    """Two versions of an image in the registry, on one base layer; the engine keeps neither."""
    base, first, second = layer(tmp_path, 3 * MB), layer(tmp_path, MB), layer(tmp_path, MB + 1)
    for version, own in (("1", first), ("2", second)):
        tag = new_tag()
        settings = ImageSettings(engine.architecture, command=("/nothing",))
        image_writer.load(engine, tag, [base, own], settings)
        registry_api.push(tag, f"{registry}/metered/app:{version}", engine)
        engine.client.images.remove(tag, force=True)
    return "metered/app"


def test_the_node_moves_what_the_engine_moves(engine, meter, versions):
    """Within 1 %, first pull and redeploy: the engine as a peer, through a proxy that counts."""
    pulled = []
    with deploy_host.fresh(engine.architecture) as ours:
        try:
            for version in ("1", "2"):
                meter.take()
                engine.client.images.pull(f"{meter.address}/{versions}", tag=version)
                theirs = meter.take()
                mine = ours.pull(f"{meter.address}/{versions}:{version}").moved_bytes
                assert meter.take() == pytest.approx(mine, rel=0.01)
                assert mine == pytest.approx(theirs, rel=0.01)
                pulled.append(mine)
        finally:
            for version in ("1", "2"):
                engine.client.images.remove(f"{meter.address}/{versions}:{version}")
    assert pulled[0] > 4 * MB > 2 * MB > pulled[1] > MB


def test_a_second_pull_moves_the_manifest_only(engine, registry, versions):
    with deploy_host.fresh(engine.architecture) as ours:
        ours.pull(f"{registry}/{versions}:1")
        assert ours.pull(f"{registry}/{versions}:1").moved_bytes < 5000


def test_a_push_counts_what_the_registrys_disk_grows_by(engine, tmp_path, new_tag):
    base, own = layer(tmp_path, 2 * MB), layer(tmp_path, MB)
    with local_registry.serving(engine) as address:
        if not (folder := registry_folder(address)):
            pytest.skip("the registry runs in a container; its disk is not this machine's")
        for version, layers in (("1", [base]), ("2", [base, own])):
            before = stored_bytes(folder)
            tag = new_tag()
            image_writer.load(engine, tag, layers, ImageSettings(engine.architecture, command=("/n",)))
            pushed = registry_api.push(tag, f"{address}/grown/app:{version}", engine)
            assert pushed.moved_bytes == stored_bytes(folder) - before
        assert sum(registry_api.stored(address, engine).values()) == stored_bytes(folder)
        assert pushed.moved_bytes < 2 * MB


def registry_folder(address):
    port = address.rpartition(":")[2]
    settings = paths.state("registries").glob("*/registry.yml")
    return next((file.parent for file in settings if f":{port}" in file.read_text()), None)


def stored_bytes(folder):
    return sum(file.stat().st_size for file in folder.glob("blobs/docker/registry/v2/blobs/**/data"))


def test_a_push_that_fails_says_so_and_leaves_no_name(engine, tmp_path, new_tag):
    tag = new_tag()
    settings = ImageSettings(engine.architecture, command=("/n",))
    image_writer.load(engine, tag, [layer(tmp_path, 1000)], settings)
    with pytest.raises(WorkbookError, match="could not be pushed"):
        registry_api._push(tag, "127.0.0.1:1/nowhere/app", "1", engine)
    assert engine.client.images.get(tag).tags == [tag]


# The sample app: lesson 09 measures the same at length


@pytest.fixture(scope="module")
def written():
    built = pipeline_lesson.build("distroless")
    yield built
    leftovers.remove(built.tag, built.engine)


@pytest.fixture(scope="module")
def pruned():
    built = pipeline_lesson.build("distroless_pruned")
    yield built
    leftovers.remove(built.tag, built.engine)


@pytest.fixture(scope="module")
def moved(written, pruned):
    return {"written": pipeline_lesson.moves_of(written), "pruned": pipeline_lesson.moves_of(pruned)}


@pytest.mark.rare
def test_the_order_of_copy_decides_what_a_source_edit_moves(moved):
    assert moved["written"].source > MB
    assert moved["pruned"].source < 0.1 * MB


@pytest.mark.rare
def test_a_dependency_edit_moves_the_dependencies_in_either_order(moved):
    for measured in moved.values():
        assert MB < measured.dependency < measured.with_base * 1.2


@pytest.mark.rare
def test_an_empty_node_pulls_most_and_a_node_with_the_base_the_rest(moved):
    for measured in moved.values():
        assert measured.uncompressed > measured.first > measured.with_base > measured.source


@pytest.mark.rare
def test_the_registry_keeps_shared_layers_once(moved):
    measured = moved["pruned"]
    assert measured.first < measured.stored < 1.2 * measured.first
    day = cost.day(measured, 50)
    assert day.counted > day.empty > day.kept > measured.first / cost.GB


@pytest.mark.rare
def test_the_first_pull_is_the_compressed_size(moved, pruned):
    assert moved["pruned"].first == pytest.approx(pruned.compressed_bytes, rel=0.03)


def test_a_source_edit_reaches_the_image_and_its_tag_is_gone_afterwards(engine, pruned):
    compiled, line = "/app/dist/version.js", b"exports.build = 'edit"
    assert line not in pruned.image.read(compiled)
    with pipeline.rebuilt(pruned, Change.SOURCE) as built:
        assert line in built.image.read(compiled)
    assert not engine.client.images.list(filters={"reference": built.tag})


@pytest.mark.rare
def test_a_dependency_edit_puts_the_package_into_the_image(engine, pruned):
    package = f"/app/node_modules/{sample.PACKAGE}/package.json"
    assert pruned.image.files.get(package) is None
    with pipeline.rebuilt(pruned, Change.DEPENDENCY) as built:
        assert built.image.files.get(package)


def test_the_base_is_the_one_that_the_final_stage_stands_on(pruned):
    assert pipeline.final_base(pruned).name == "gcr.io/distroless/nodejs20-debian12"
    assert pipeline.final_base(pipeline_lesson.build("alpine")).name == "node:20-alpine"


def test_a_start_is_timed_to_the_first_answer_and_leaves_no_container(pruned, ours):
    assert 0 < pipeline.seconds_to_first_response(pruned) < 30
    assert not ours()


# The verbs of the lesson


def test_the_table_of_a_pull_names_the_layers_and_adds_up(pruned):
    ours = pipeline_lesson.empty_host()
    pipeline_lesson.push(pruned)
    table = pipeline_lesson.pull(ours, pruned).set_index("layer")
    assert list(table.index) == [
        "FROM gcr.io/distroless/nodejs20-debian12",
        "WORKDIR /app",
        "COPY /app/node_modules ./node_modules",
        "COPY /app/dist ./dist",
        "manifest and config",
        "all",
    ]
    assert table.loc["all", "moved kB"] == table.loc["all", "compressed kB"] > 40_000
    again = pipeline_lesson.redeploy(ours, pruned, "source edit").set_index("layer")["moved kB"]
    assert again["COPY /app/node_modules ./node_modules"] == 0 < again["COPY /app/dist ./dist"]
    ours.close()


@pytest.mark.rare
def test_an_image_is_measured_once(moved, pruned):
    assert pipeline_lesson.moves_of(pruned) is moved["pruned"]


@pytest.mark.rare
def test_waits_are_timed_in_turns_for_each_image(written, pruned):
    waited = pipeline_lesson.waits(written, pruned, repeats=1)
    assert list(waited) == ["distroless", "distroless_pruned"]
    for name, image_of in (("distroless", written), ("distroless_pruned", pruned)):
        assert min(waited[name].pull.low, waited[name].start.low) > 0
        assert waited[name].stored == pipeline_lesson.moves_of(image_of).stored


def test_an_image_goes_with_its_process(engine, context):
    (context / "Dockerfile").write_text("FROM scratch\nCOPY source.txt /\n")
    script = (
        "import os, sys; from pathlib import Path; from helpers.measure import pipeline\n"
        "folder = Path(sys.argv[1])\n"
        "print(pipeline.build_release('short-lived', folder / 'Dockerfile', folder).tag, flush=True)\n"
        "if sys.argv[2] == 'killed': os.kill(os.getpid(), 9)\n"
    )
    for end in ("ended", "killed"):
        command = [sys.executable, "-c", script, str(context), end]
        tag = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        assert tag.startswith("workbook/short-lived:")
        assert bool(engine.client.images.list(tag)) is (end == "killed")
    leftovers.sweep(engine)
    assert not engine.client.images.list(tag)


@pytest.mark.rare
def test_a_rebuild_without_a_cache_moves_the_dependencies_again(engine, registry, pruned):
    """It stands last: what it adds to the cache is not what the images before it stand on."""
    with deploy_host.fresh(engine.architecture) as ours:
        pipeline.push(pruned, registry)
        ours.pull(f"{pipeline.repository(pruned, registry)}:1")
        pulled = pipeline.redeploy(ours, pruned, Change.SOURCE, registry, cold=True)
        assert pulled.moved_bytes > MB
