"""Networks that fail for real: registries of images and of packages that cut, alter, or keep silent.

All are servers on this machine's loopback, so nothing here needs a network. After each fault there is
one sentence, nothing broken stays, and the next run works.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import os
import socket
import struct
import subprocess
import tarfile
import threading
import time
import urllib.parse
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest
from docker.errors import ImageNotFound

from helpers import bases
from helpers import engine as engines
from helpers.bases import BaseError
from helpers.buildx import BuildError, Request, build
from helpers.engine import PrivateEngine, pull
from helpers.engine.pull import UnreachableError
from helpers.host import debian, downloads, paths
from helpers.host.debian import DebianError, Mirror, Suite
from helpers.host.errors import WorkbookError
from helpers.host.loopback import free_port
from helpers.host.stanzas import stanzas
from helpers.host.workshop import Workshop

pytestmark = [
    pytest.mark.engine,
    pytest.mark.private_engine,
]

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
PACKAGES = [f"part-{number}" for number in range(6)]


@pytest.fixture
def loopback():
    """Serve on this machine's loopback until the test ends."""
    with Loopback() as server:
        yield server


def assert_one_sentence(error: BaseException) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 500


# npm, in the middle of `npm ci`


@pytest.fixture
def project(loopback, tmp_path):
    """Write a project whose six packages the loopback serves; npm is told to try but once."""
    tarballs = {
        name: packed({"package/package.json": json.dumps({"name": name, "version": "1.0.0"}).encode()})
        for name in PACKAGES
    }
    loopback.serve({f"/{name}.tgz": tarball for name, tarball in tarballs.items()})
    root = {"name": "app", "version": "1.0.0", "dependencies": dict.fromkeys(PACKAGES, "1.0.0")}
    locked = {
        f"node_modules/{name}": {
            "version": "1.0.0",
            "resolved": f"http://{loopback.address}/{name}.tgz",
            "integrity": _integrity(tarball),
        }
        for name, tarball in tarballs.items()
    }
    lock = {**root, "lockfileVersion": 3, "packages": {"": root, **locked}}
    (tmp_path / "package.json").write_text(json.dumps(root))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    (tmp_path / "Dockerfile").write_text(
        "FROM node:20-alpine\nWORKDIR /app\n"
        f"ENV npm_config_registry=http://{loopback.address}/ npm_config_fetch_retries=0\n"
        "COPY package*.json ./\nRUN npm ci --no-audit\n"
    )
    return tmp_path


def _integrity(tarball: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()


def test_npms_registry_lost_in_the_middle_is_named_and_the_next_run_works(
    engine, loopback, project, tag, monkeypatch
):
    if engine.free_bytes is None:
        pytest.skip("the engine runs on another machine")
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")
    request = Request(project / "Dockerfile", project, tag, extra=("--network", "host"))
    loopback.break_down("reset", f"{PACKAGES[-1]}.tgz")
    with pytest.raises(BuildError, match=r"npm could not reach its registry \(ECONNRESET\)") as caught:
        build(request, engine=engine)
    assert_one_sentence(caught.value)
    assert not engine.client.images.list(filters={"reference": tag})
    loopback.break_down("")
    assert build(request, engine=engine).image_id


# Registries of images


@pytest.fixture
def forgetful(monkeypatch):
    """Have each registry asked anew, and every way to a base allowed."""
    monkeypatch.delenv("WORKBOOK_STANDINS", raising=False)
    monkeypatch.setattr(pull, "_answers", {})


@pytest.mark.parametrize("fault", ["refused", "silent", "no such host"])
def test_a_registry_out_of_reach_is_one_sentence_in_bounded_time(
    engine, loopback, forgetful, monkeypatch, fault
):
    address = {
        "refused": f"127.0.0.1:{free_port()}",
        "silent": loopback.address,
        "no such host": "registry.invalid",
    }[fault]
    loopback.break_down("silent" if fault == "silent" else "")
    name = f"{address}/team/app:1"
    for wish, sentence in (("on", "no recipe for a stand-in"), ("off", "stand-ins are switched off")):
        monkeypatch.setenv("WORKBOOK_STANDINS", wish)
        begun = time.monotonic()
        with pytest.raises(BaseError, match=sentence) as caught:
            bases.resolve([name], engine)
        assert time.monotonic() - begun < 60
        assert_one_sentence(caught.value)


class ImpatientEngine(PrivateEngine):
    """Tries a download but once, where the usual engine tries five times in 50 s."""

    def _configuration(self):
        return {**super()._configuration(), "max-download-attempts": 1}


@pytest.fixture(scope="module")
def impatient(programs, tmp_path_factory):
    """Start such an engine."""
    own = ImpatientEngine(tmp_path_factory.mktemp("impatient"), programs=programs)
    try:
        own.start()
        yield engines.of(own)
    finally:
        own.remove()


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        ("cut", UnreachableError, "cannot be reached to pull"),
        ("silent", UnreachableError, "stalled"),
        ("altered", WorkbookError, "altered or cut on its way .* is not kept"),
    ],
)
def test_a_pull_that_breaks_in_the_middle_keeps_nothing_and_the_next_one_works(
    impatient, loopback, forgetful, monkeypatch, fault, kind, sentence
):
    monkeypatch.setattr(pull, "STALL_SECONDS", 2.0)
    layer = packed({"file": os.urandom(200_000)}, mode="w")
    loopback.serve_image("team/app:1", layer)
    loopback.break_down(fault, hashlib.sha256(layer).hexdigest())
    name = f"{loopback.address}/team/app:1"
    begun = time.monotonic()
    with pytest.raises(kind, match=sentence) as caught:
        bases.resolve([name], impatient)
    assert time.monotonic() - begun < 60
    assert_one_sentence(caught.value)
    with pytest.raises(ImageNotFound):
        impatient.client.images.get(name)
    loopback.break_down("")
    (base,) = bases.resolve([name], impatient)
    assert base.source is bases.Source.PULLED
    impatient.client.images.remove(name)


# Packages that stand-ins are made of


@pytest.mark.parametrize("fault", ["cut", "altered"])
def test_an_npm_package_spoilt_on_its_way_is_not_kept(loopback, tmp_path, monkeypatch, fault):
    tarball = packed({"package/package.json": b'{"name": "part", "version": "1.0.0"}'})
    dist = {"tarball": f"http://{loopback.address}/part.tgz", "integrity": _integrity(tarball)}
    about = {"name": "part", "dist-tags": {"latest": "1.0.0"}, "versions": {}}
    about["versions"] = {"1.0.0": {"name": "part", "version": "1.0.0", "dist": dist}}
    loopback.serve({"/part": json.dumps(about).encode()}, "application/json")
    loopback.serve({"/part.tgz": tarball})
    monkeypatch.setenv("npm_config_registry", f"http://{loopback.address}/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    _assert_refused_then_fetched(
        loopback, fault, "part.tgz", tmp_path, lambda shop: downloads.from_npm("part", "1.0.0", shop)
    )


@pytest.mark.parametrize(("fault", "hashed"), [("altered", True), ("altered", False), ("cut", False)])
def test_a_wheel_spoilt_on_its_way_is_not_kept(loopback, tmp_path, monkeypatch, fault, hashed):
    wheel, name = _wheel(), "part-1.0.0-py3-none-any.whl"
    link = f"/{name}" + (f"#sha256={hashlib.sha256(wheel).hexdigest()}" if hashed else "")
    loopback.serve({"/simple/part/": f'<a href="{link}">{name}</a>'.encode()}, "text/html")
    loopback.serve({f"/{name}": wheel})
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{loopback.address}/simple/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    for setting in ("PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(setting, raising=False)
    _assert_refused_then_fetched(
        loopback, fault, name, tmp_path, lambda shop: downloads.from_pypi("part", "1.0.0", "any", shop)
    )


def _wheel() -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("part/__init__.py", "x" * 20_000)
        archive.writestr("part-1.0.0.dist-info/METADATA", "Name: part\nVersion: 1.0.0\n")
        archive.writestr("part-1.0.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("part-1.0.0.dist-info/RECORD", "")
    return whole.getvalue()


def _assert_refused_then_fetched(loopback, fault, victim, folder, fetch) -> None:
    workshop = Workshop(folder)
    loopback.break_down(fault, victim)
    with pytest.raises(WorkbookError, match=r"part-1\.0\.0.* could not be fetched|is damaged") as caught:
        fetch(workshop)
    assert_one_sentence(caught.value)
    assert not [path for path in folder.rglob("part*.*") if path.is_file()]
    loopback.break_down("")
    assert fetch(workshop).is_file()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Take what a mirror needs to serve one package: the signed index of a small suite, and the package."""
    suite = Suite(paths.state("apt"), debian.host_suite())
    suite.update()
    lists, name = suite.folder / "state/lists", f"{suite.name}-security"
    release = next(lists.glob(f"*_dists_{name}_InRelease"))
    index = next(lists.glob(f"*_dists_{name}_main_binary-{suite.arch}_Packages*"))
    helper = ["/usr/lib/apt/apt-helper", "cat-file", str(index)]
    plain = subprocess.run(helper, capture_output=True, check=True).stdout
    small = min(stanzas(plain.decode()), key=lambda stanza: int(stanza["Size"]))
    (package,) = suite.fetch([small["Package"]])
    top = f"/dists/{name}"
    return small["Package"], {
        f"{top}/InRelease": release.read_bytes(),
        f"{top}/main/binary-{suite.arch}/Packages": plain,
        f"/{small['Filename']}": package.read_bytes(),
    }


@pytest.fixture
def mirrored(loopback, archive, monkeypatch) -> str:
    """Let the loopback be Debian's mirror; give the name of the one package that it has."""
    name, answers = archive
    loopback.serve(answers)
    monkeypatch.setattr(debian, "host_mirror", lambda: Mirror(f"http://{loopback.address}", None))
    for variable in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return name


def test_several_that_fetch_from_debian_at_once_wait_for_each_other(mirrored, tmp_path):
    def fetch(_: int) -> list[Path]:
        return Suite(tmp_path, f"{debian.host_suite()}-security").fetch([mirrored])

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(fetch, range(4)))
    assert found[0][0].is_file()
    assert found == [found[0]] * 4


def test_a_debian_package_spoilt_on_its_way_or_in_the_cache_is_fetched_anew(
    loopback, mirrored, tmp_path
):
    suite = Suite(tmp_path, f"{debian.host_suite()}-security")
    for fault, reason in (("altered", "Hash Sum mismatch"), ("cut", "Error reading from server")):
        loopback.break_down(fault, ".deb")
        with pytest.raises(DebianError, match=f"`apt-get download` failed: .*{reason}") as caught:
            suite.fetch([mirrored])
        assert_one_sentence(caught.value)
    loopback.break_down("")
    (package,) = suite.fetch([mirrored])
    whole = package.read_bytes()
    for spoilt in (whole[:-1000], whole[:500] + b"?" + whole[501:], b""):
        package.write_bytes(spoilt)
        assert suite.fetch([mirrored])[0].read_bytes() == whole


# The server


class Loopback:
    """Serves ``answers`` by path; ``fault`` befalls each path that ends with ``victim``.

    ``cut`` sends half of an answer, ``altered`` another byte in its middle, ``reset`` ends the
    connection, and ``silent`` keeps it open without a word until the fault is another.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, bytes]] = {}
        self.fault = ""
        self.victim = ""
        self._over = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, answers: Mapping[str, bytes], kind: str = "application/octet-stream") -> None:
        """Answer these paths too."""
        self.answers |= {path: (kind, body) for path, body in answers.items()}

    def serve_image(self, name: str, layer: bytes) -> None:
        """Answer as a registry that holds one image of one layer (a tar) under ``name``."""
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Labels": {"workbook": "test"}},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        kind = "application/vnd.docker.image.rootfs.diff.tar"
        parts = [
            {"mediaType": media, "size": len(body), "digest": _digest(body)}
            for media, body in (
                ("application/vnd.docker.container.image.v1+json", config),
                (kind, layer),
            )
        ]
        described = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}
        manifest = json.dumps(described).encode()
        repository, _, tag = name.partition(":")
        self.serve({"/v2/": b"{}"}, "application/json")
        for reference in (tag, _digest(manifest)):
            self.serve({f"/v2/{repository}/manifests/{reference}": manifest}, MANIFEST)
        for body in (config, layer):
            self.serve({f"/v2/{repository}/blobs/{_digest(body)}": body})

    def break_down(self, fault: str, victim: str = "") -> None:
        """Have a fault from now on; an empty one ends it, also for those who wait."""
        self.fault, self.victim = fault, victim
        self._over.set()
        self._over = threading.Event()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        loopback = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                return

            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                path = urllib.parse.unquote(self.path)
                kind, body = loopback.answers.get(path, ("", b""))
                fault = loopback.fault if path.endswith(loopback.victim) else ""
                if fault == "silent":
                    loopback._over.wait()
                if fault in ("silent", "reset"):
                    self._reset()
                    return
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", _digest(body))
                self.end_headers()
                if not with_body:
                    return
                middle = len(body) // 2
                if fault == "altered":
                    body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
                self.wfile.write(body[:middle] if fault == "cut" else body)
                if fault == "cut":
                    self.wfile.flush()
                    self.close_connection = True

            def _reset(self) -> None:
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        return Handler


def packed(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    """Return a tar of these files, gzipped unless ``mode`` says otherwise."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
