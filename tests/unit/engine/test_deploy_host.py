"""A node asks only for what it lacks, counts what comes, and refuses what is damaged."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from helpers.engine import deploy_host, registry_api
from helpers.host import paths
from helpers.host.errors import WorkbookError

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def named(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Shelf:
    """An HTTP server with documents by their paths, and a list of what was asked for."""

    def __init__(self):
        shelf = self
        self.documents: dict[str, bytes] = {}
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                shelf.asked.append(self.path)
                body = shelf.documents.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def blob(self, data: bytes, media_type: str) -> dict:
        self.documents[f"/v2/app/blobs/{named(data)}"] = data
        return {"digest": named(data), "size": len(data), "mediaType": media_type}

    def image(self, tag: str, *contents: bytes, pack=gzip.compress, config=None) -> bytes:
        history = [{"created_by": f"COPY {n}"} for n, _ in enumerate(contents)]
        history.insert(0, {"created_by": "ENV A=1", "empty_layer": True})
        document = {"rootfs": {"diff_ids": [named(c) for c in contents]}, "history": history}
        manifest = {
            "config": self.blob(json.dumps(config or document).encode(), "application/json"),
            "layers": [self.blob(pack(c), LAYER) for c in contents],
        }
        raw = json.dumps(manifest).encode()
        for reference in (tag, named(raw)):
            self.documents[f"/v2/app/manifests/{reference}"] = raw
        return raw


@pytest.fixture
def shelf():
    made = Shelf()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def empty():
    with deploy_host.fresh("amd64") as made:
        yield made


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def test_an_empty_node_takes_every_byte(shelf, empty):
    raw = shelf.image("1", b"base" * 1000, b"app", pack=packed)
    pulled = empty.pull(f"{shelf.address}/app:1")
    sizes = [len(body) for path, body in shelf.documents.items() if "/blobs/" in path]
    assert pulled.moved_bytes == sum(sizes) + len(raw)
    assert [arrival.kind for arrival in pulled.arrivals] == ["manifest", "config", "layer", "layer"]
    assert pulled.history == ("COPY 0", "COPY 1")


def test_layers_lie_unpacked_on_its_disk(shelf, empty):
    shelf.image("1", b"base" * 1000, pack=packed)
    empty.pull(f"{shelf.address}/app:1")
    config = next(len(b) for p, b in shelf.documents.items() if "/blobs/" in p and b.startswith(b"{"))
    assert empty.disk_bytes == 4000 + config


def test_a_second_pull_asks_for_the_manifest_only(shelf, empty):
    raw = shelf.image("1", b"base", b"app", pack=packed)
    empty.pull(f"{shelf.address}/app:1")
    shelf.asked.clear()
    assert empty.pull(f"{shelf.address}/app:1").moved_bytes == len(raw)
    assert shelf.asked == ["/v2/app/manifests/1"]


def test_a_new_version_moves_the_layer_that_changed(shelf, empty):
    shelf.image("1", b"base", b"app", pack=packed)
    shelf.image("2", b"base", b"next", pack=packed)
    empty.pull(f"{shelf.address}/app:1")
    pulled = empty.pull(f"{shelf.address}/app:2")
    assert [layer.moved_bytes for layer in pulled.layers] == [0, len(packed(b"next"))]


def test_the_same_layer_twice_in_an_image_moves_once(shelf, empty):
    shelf.image("1", b"same", b"same", pack=packed)
    pulled = empty.pull(f"{shelf.address}/app:1")
    assert [layer.moved_bytes > 0 for layer in pulled.layers] == [True, False]


def test_a_gzip_of_several_members_is_read_whole(shelf, empty):
    shelf.image("1", b"first second", pack=lambda data: packed(data[:6]) + packed(data[6:]))
    assert empty.pull(f"{shelf.address}/app:1").layers[0].moved_bytes > 0


def test_of_an_index_the_nodes_own_platform_is_taken(shelf, empty):
    raw = shelf.image("1", b"amd", pack=packed)
    other = {"digest": "sha256:0", "platform": {"os": "linux", "architecture": "arm64"}}
    mine = {"digest": named(raw), "platform": {"os": "linux", "architecture": "amd64"}}
    index = json.dumps({"manifests": [other, mine]}).encode()
    shelf.documents["/v2/app/manifests/1"] = index
    pulled = empty.pull(f"{shelf.address}/app:1")
    assert pulled.arrivals[0].moved_bytes == len(index) + len(raw)
    with deploy_host.fresh("riscv64") as foreign, pytest.raises(WorkbookError, match="linux/riscv64"):
        foreign.pull(f"{shelf.address}/app:1")


@pytest.mark.parametrize(
    "damage", [lambda body: body[:-1] + b"!", lambda body: b"no gzip", lambda body: body + packed(b"x")]
)
def test_a_damaged_layer_is_refused_and_not_kept(shelf, empty, damage):
    shelf.image("1", b"base", pack=packed)
    path = f"/v2/app/blobs/{named(packed(b'base'))}"
    good = shelf.documents[path]
    shelf.documents[path] = damage(good)
    with pytest.raises(WorkbookError, match="arrived damaged"):
        empty.pull(f"{shelf.address}/app:1")
    shelf.documents[path] = good
    assert empty.pull(f"{shelf.address}/app:1").layers[0].moved_bytes == len(good)


def test_a_config_that_promises_another_content_is_refused(shelf, empty):
    wrong = {"rootfs": {"diff_ids": [named(b"something else")]}}
    shelf.image("1", b"base", pack=packed, config=wrong)
    with pytest.raises(WorkbookError, match="arrived damaged"):
        empty.pull(f"{shelf.address}/app:1")


def test_an_image_that_is_not_there_is_said_in_a_sentence(shelf, empty):
    with pytest.raises(WorkbookError, match="push the image to it first"):
        empty.pull(f"{shelf.address}/app:7")


def test_a_registry_that_is_gone_is_said_in_a_sentence(empty):
    with pytest.raises(WorkbookError, match="did not give"):
        empty.pull("127.0.0.1:1/app:1")


@pytest.mark.parametrize("wrong", ["app", "127.0.0.1:5000/app", "127.0.0.1:5000/:1"])
def test_a_name_that_is_no_reference_is_refused(wrong):
    with pytest.raises(WorkbookError, match="ADDRESS/NAME:TAG"):
        registry_api.split(wrong)


def test_a_node_leaves_nothing(shelf):
    home = paths.state("nodes")
    with deploy_host.fresh("amd64"):
        before = set(home.iterdir())
    assert set(home.iterdir()) < before


def test_an_attestation_of_docker_29_is_no_image_for_any_machine():
    said = json.loads((Path(__file__).parents[1] / "image/engine29.json").read_text())
    described = [one["Descriptor"] for one in said["images"][0]["Manifests"]]
    for index in ({"manifests": described}, {"manifests": described[::-1]}):
        assert registry_api._for_platform(index, "amd64") == described[0]["digest"]
        with pytest.raises(WorkbookError, match="not there for linux/arm64"):
            registry_api._for_platform(index, "arm64")
