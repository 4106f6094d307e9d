"""What the files of an image are for: every byte in one category."""

from __future__ import annotations

import json

import pytest

from helpers.image import composition, filesystem, npm_packages
from helpers.image.composition import Debian
from helpers.image.layer_tar import Entry
from tests.unit.image.stored import StoredImage

STATUS = """\
Package: base-files
Essential: yes
Priority: required
Pre-Depends: awk
Description: a first line
 Depends: nothing, this is prose

Package: mawk
Priority: optional
Provides: awk (= 1), other
Depends: libc6 (>= 2.36) | libc7, libgone

Package: libc6
Priority: optional

Package: gcc
Priority: optional
Depends: libc6, libisl23

Package: libisl23
Priority: optional

Package: python3.11
Priority: optional
"""
LISTS = {
    "base-files.list": "/.\n/etc\n/etc/issue\n/usr\n/usr/lib\n/usr/share",
    "mawk.list": "/usr/bin/mawk",
    "libc6:amd64.list": "/lib\n/lib/libc.so.6\n/lib/gcc-shared",
    "gcc.list": "/usr/bin/gcc\n/usr/lib\n/usr/lib/gcc\n/usr/lib/gcc/cc1\n/usr/lib/gcc-shared",
    "libisl23:amd64.list": "/usr/lib/libisl.so.23",
    "python3.11.list": "/usr/lib/python3.11\n/usr/lib/python3.11/os.py",
}
RECORD = {
    "packages": {
        "node_modules/express": {"version": "5.1.0"},
        "node_modules/typescript": {"version": "5.9.3", "dev": True},
        "node_modules/both": {"version": "1.0.0", "devOptional": True},
        "node_modules/@scope/tool": {"version": "2.0.0", "dev": True},
        "node_modules/@scope/tool/node_modules/express": {"version": "4.0.0", "dev": True},
    }
}
FILES = {
    "/etc/issue": "operating system",
    "/etc/made-later": "operating system",
    "/usr/bin/mawk": "operating system",
    "/usr/lib/libc.so.6": "operating system",
    "/usr/lib/gcc-shared": "operating system",
    "/lib/libisl.so.23": "toolchain",
    "/usr/bin/gcc": "toolchain",
    "/usr/lib/gcc/cc1": "toolchain",
    "/usr/lib/python3.11/os.py": "toolchain",
    "/usr/lib/python3.11/__pycache__/os.pyc": "toolchain",
    "/usr/local/bin/node": "Node runtime",
    "/usr/local/include/node/v8.h": "Node runtime",
    "/usr/local/CHANGELOG.md": "Node runtime",
    "/nodejs/bin/node": "Node runtime",
    "/usr/local/bin/nodemon": "operating system",
    "/usr/local/lib/node_modules/npm/index.js": "npm",
    "/root/.npm/_cacache/x": "npm download cache",
    "/home/node/.npm/_cacache/x": "npm download cache",
    "/opt/yarn-v1.22/bin/yarn": "npm",
    "/app/node_modules/express/index.js": "production dependencies",
    "/app/node_modules/typescript/lib/tsc.js": "devDependencies",
    "/app/node_modules/both/index.js": "devDependencies",
    "/app/node_modules/@scope/tool/index.js": "devDependencies",
    "/app/node_modules/@scope/tool/node_modules/express/a/b.js": "devDependencies",
    "/app/node_modules/.package-lock.json": "other",
    "/app/node_modules/express-like/index.js": "other",
    "/app/dist/index.js": "app build output",
    "/app/src/index.ts": "app sources and tests",
    "/app/package.json": "app sources and tests",
    "/app/distant.ts": "app sources and tests",
    "/app/.env.local": "secrets swept in (.env*)",
    "/app/config/.env": "secrets swept in (.env*)",
    "/app/.env.example": "app sources and tests",
    "/apple": "operating system",
}


@pytest.fixture
def stored():
    """Stand for an image: its small files by path; a test changes them as it likes."""
    small = {
        "/app/node_modules/.package-lock.json": json.dumps(RECORD).encode(),
        "/var/lib/dpkg/status": STATUS.encode(),
        **{f"/var/lib/dpkg/info/{name}": text.encode() for name, text in LISTS.items()},
    }

    entries = [Entry(path, "file", 2**number, 0o644, 0, 0, "") for number, path in enumerate(FILES)]
    merged, _ = filesystem.merge([[Entry("/app", "directory", 0, 0o755, 0, 0, ""), *entries]])
    return StoredImage(small, merged)


@pytest.mark.parametrize("path", FILES)
def test_each_file_is_of_its_category(stored, path):
    found = {file.path: category for file, category in composition.classified(stored)}
    assert found[path] == FILES[path]


def test_every_byte_belongs_to_one_category(stored):
    frame = composition.composition(stored)
    assert list(frame["what"]) == list(composition.CATEGORIES)
    assert frame["bytes"].sum() == stored.files.bytes
    assert frame["files"].sum() == len(FILES)


def test_without_dpkg_all_outside_the_app_is_the_system_or_node(stored):
    for path in [path for path in stored.texts if "dpkg" in path]:
        del stored.texts[path]
    found = {category for file, category in composition.classified(stored) if "/app/" not in file.path}
    assert found == {"operating system", "Node runtime", "npm", "npm download cache"}


@pytest.mark.parametrize("record", [None, b"not json", b"{}"])
def test_without_npms_record_nothing_is_guessed_of_its_packages(stored, record):
    if record is None:
        del stored.texts["/app/node_modules/.package-lock.json"]
    else:
        stored.texts["/app/node_modules/.package-lock.json"] = record
    assert npm_packages.recorded(stored) == []
    found = {
        category for file, category in composition.classified(stored) if "/app/node_mo" in file.path
    }
    assert found == {"other"}


def test_packages_are_a_table_the_heaviest_first(stored):
    frame = composition.packages(stored)
    assert list(frame.columns) == ["package", "version", "dev", "bytes", "path"]
    assert list(frame["package"]) == ["express", "@scope/tool", "both", "typescript", "express"]
    assert list(frame["dev"]) == [True, True, True, True, False]
    assert frame["bytes"].is_monotonic_decreasing


def test_another_folder_can_be_the_app(stored):
    stored.texts["/srv/node_modules/.package-lock.json"] = json.dumps(RECORD).encode()
    assert npm_packages.recorded(stored, app="/srv")[0].path == "/srv/node_modules/express"
    assert "app build output" not in {category for _, category in composition.classified(stored, "/srv")}


def test_a_bare_system_is_what_the_essential_packages_need():
    assert composition._bare(STATUS) == {"base-files", "mawk", "libc6"}


def test_a_path_named_by_a_bare_package_too_is_not_added():
    debian = Debian(STATUS, LISTS)
    assert not debian.added("/lib/gcc-shared")
    assert debian.added("/usr/lib/gcc/anything/deep")
    assert not debian.added("/usr/lib/anything")


@pytest.mark.parametrize(
    "lock", [b"", b"[]", b"7", b"{}", b'{"packages": 7}', b'{"packages": [1]}', b"\xff"]
)
def test_a_lock_of_another_shape_lists_nothing(lock):
    assert npm_packages.listed(lock) == {}


def test_an_entry_of_a_lock_that_is_no_object_is_passed_over():
    assert npm_packages.listed(b'{"packages": {"a": 7, "b": {"version": "1"}}}') == {
        "b": {"version": "1"}
    }
