"""What goes on the kit's shelf, and what a registry would say of it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile

import pytest

from helpers.bases import npm_mirror, npm_registry
from helpers.bases.npm_mirror import Package
from helpers.host.errors import WorkbookError


def _tgz(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _integrity(content):
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


@pytest.fixture
def package(tmp_path):
    """Make a package's file, as npm packs it."""

    def make(name="@acme/tool", version="1.2.0", **more):
        content = _tgz(
            {
                "package/lib/package.json": b"{}",
                "package/package.json": json.dumps({"name": name, "version": version, **more}).encode(),
                **({"package/binding.gyp": b"{}"} if version.startswith("9") else {}),
            }
        )
        file = tmp_path / f"{hashlib.sha256(content).hexdigest()}.tgz"
        file.write_bytes(content)
        return Package(name, version, _integrity(content), file)

    return make


@pytest.fixture
def shelf(tmp_path):
    """Lay packages out and return the folder with its index."""

    def lay(*packages):
        npm_mirror.lay_out(packages, tmp_path / "shelf")
        return tmp_path / "shelf", json.loads((tmp_path / "shelf/index.json").read_text())

    return lay


def _told(folder, index, name):
    return json.loads((folder / index[f"/{name}"]["file"]).read_text())


def test_a_package_is_told_as_the_registry_would(shelf, package):
    one = package(dependencies={"left": "^1"}, bin={"tool": "cli.js"}, os=["linux"], private_note="x")
    folder, index = shelf(one)
    (version,) = _told(folder, index, "@acme/tool")["versions"].values()
    assert version.pop("dist") == {
        "tarball": f"{npm_registry.REGISTRY}@acme/tool/-/tool-1.2.0.tgz",
        "integrity": one.integrity,
        "shasum": hashlib.sha1(one.file.read_bytes(), usedforsecurity=False).hexdigest(),
    }
    assert version == {
        "name": "@acme/tool",
        "version": "1.2.0",
        "dependencies": {"left": "^1"},
        "bin": {"tool": "cli.js"},
        "os": ["linux"],
    }
    kept = folder / index["/@acme/tool/-/tool-1.2.0.tgz"]["file"]
    assert kept.read_bytes() == one.file.read_bytes()


def test_the_latest_is_the_highest_version_and_a_pre_release_is_lower(shelf, package):
    versions = ("1.10.0", "1.9.9", "2.0.0-rc.1", "2.0.0")
    folder, index = shelf(*(package(version=version) for version in versions))
    told = _told(folder, index, "@acme/tool")
    assert told["dist-tags"] == {"latest": "2.0.0"}
    assert set(told["versions"]) == set(versions)


@pytest.mark.parametrize(
    ("more", "has"),
    [
        ({"scripts": {"postinstall": "node x"}}, True),
        ({"scripts": {"test": "node x"}}, False),
        ({"version": "9.0.0"}, True),
        ({}, False),
    ],
)
def test_what_runs_a_script_at_its_installation_says_so(shelf, package, more, has):
    folder, index = shelf(package(**more))
    (version,) = _told(folder, index, "@acme/tool")["versions"].values()
    assert version.get("hasInstallScript", False) is has


def test_nothing_but_packages_and_a_sign_of_life_is_served(shelf, package):
    folder, index = shelf(package())
    assert set(index) == {"/@acme/tool", "/@acme/tool/-/tool-1.2.0.tgz", "/-/ping"}
    assert all((folder / entry["file"]).is_file() for entry in index.values())


def _cached(tmp_path, content):
    digest = hashlib.sha512(content).hexdigest()
    file = tmp_path / "_cacache/content-v2/sha512" / digest[:2] / digest[2:4] / digest[4:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def _entry(content, **more):
    return {"version": "1.0.0", "integrity": _integrity(content), **more}


def test_the_packages_of_a_lockfile_are_found_in_npms_cache(tmp_path):
    file = _cached(tmp_path, b"one")
    lock = {
        "packages": {
            "": {"name": "app"},
            "node_modules/a/node_modules/@acme/one": _entry(b"one"),
            "node_modules/elsewhere": _entry(b"other", optional=True, os=["darwin"]),
            "node_modules/other-cpu": _entry(b"other", optional=True, os=["linux"], cpu=["arm64"]),
            "node_modules/below-another-system": _entry(b"other", optional=True),
        }
    }
    (found,) = npm_mirror.packages_of(lock, tmp_path, "amd64")
    assert found == Package("@acme/one", "1.0.0", _integrity(b"one"), file)


@pytest.mark.parametrize(
    "more", [{}, {"dev": True}, {"optional": True, "os": ["linux"], "cpu": ["x64"], "libc": ["musl"]}]
)
def test_a_package_that_linux_needs_and_npm_did_not_fetch_is_an_error(tmp_path, more):
    lock = {"packages": {"node_modules/one": _entry(b"one", **more)}}
    with pytest.raises(WorkbookError, match=r"did not fetch one 1\.0\.0"):
        list(npm_mirror.packages_of(lock, tmp_path, "amd64"))


def test_a_system_can_be_excluded_by_name(tmp_path):
    lock = {"packages": {"node_modules/one": _entry(b"one", os=["!linux"])}}
    assert list(npm_mirror.packages_of(lock, tmp_path, "amd64")) == []


def test_packages_that_a_dockerfile_names_are_read_from_it():
    text = (
        "FROM node:20@sha256:12\nRUN npm ci && npm install --no-save --nodedir=/usr unix-dgram@2.0.7\n"
        "RUN npm i @node-rs/argon2@2.0.2\nRUN cd x && npx --yes postject@1.0.0-alpha.6 a b\n"
        "RUN npm install\nRUN echo user@1.2.3\n"
    )
    assert npm_mirror.named_in(text) == [
        "unix-dgram@2.0.7",
        "@node-rs/argon2@2.0.2",
        "postject@1.0.0-alpha.6",
    ]


def test_every_lockfile_of_a_project_that_is_built_counts():
    names = {file.parent.name for file in npm_mirror.lockfiles()}
    assert names == {"sample_app", "vault"}
    assert "@node-rs/argon2@2.0.2" in npm_mirror.named()
