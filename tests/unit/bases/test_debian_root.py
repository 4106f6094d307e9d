"""Which package brought which file, on a small made-up Debian; and what must not stay in an image."""

from __future__ import annotations

import os

import pytest

from helpers.bases import debian_root
from helpers.host import debian
from helpers.host.debian import DebianError
from helpers.host.workshop import Workshop

STATUS = """\
Package: base
Essential: yes
Depends: libc

Package: apt
Depends: shell | no-such-shell

Package: libc

Package: dash
Provides: shell

Package: curl
Depends: libcurl (>= 7), libc

Package: libcurl
Depends: virtual-ssl

Package: ssl
Provides: virtual-ssl (= 3)

Package: gcc
Pre-Depends: libc
Depends: libcurl:any

Package: orphan
"""
FILES = {
    "libc": ["lib/libc.so", "usr/lib"],
    "curl": ["usr/bin/curl"],
    "ssl:amd64": ["usr/lib/ssl.so"],
    "gcc": ["usr/bin/gcc", "usr/lib/gcc"],
    "orphan": ["usr/bin/orphan"],
}


@pytest.fixture
def root(tmp_path):
    for folder in ("etc", "usr/bin", "usr/lib/gcc", "var/lib/dpkg/info"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    for package, names in FILES.items():
        lines = "".join(f"/{name}\n" for name in names)
        (tmp_path / f"var/lib/dpkg/info/{package}.list").write_text(lines)
        for name in names:
            if not (tmp_path / name).exists():
                (tmp_path / name).write_text(package)
    (tmp_path / "usr/lib/gcc/made-by-a-script").write_text("x")
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    return tmp_path


def test_each_group_holds_what_it_added(root):
    base, curl, gcc = debian_root.split(root, [["curl"], ["gcc"]])
    assert {"usr/lib/libc.so", "etc/passwd", "lib"} <= set(base)
    assert {"usr/bin/curl", "usr/lib/ssl.so", "var/lib/dpkg/info/ssl:amd64.list"} <= set(curl)
    assert {"usr/bin/gcc", "usr/lib/gcc/made-by-a-script", "usr/bin/orphan"} <= set(gcc)


def test_nothing_is_lost_and_nothing_is_double(root):
    shares = debian_root.split(root, [["curl"], ["gcc"]])
    names = [name for share in shares for name in share]
    assert len(names) == len(set(names))
    assert set(names) == set(debian_root.everything(root))


def test_a_user_is_added_with_a_home(root, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_, **__: None)
    (root / "etc/skel").mkdir()
    (root / "etc/skel/.profile").write_text("hello")
    debian_root.add_user(root, "node", 1000, "/bin/bash")
    assert "node:x:1000:1000::/home/node:/bin/bash\n" in (root / "etc/passwd").read_text()
    assert (root / "home/node/.profile").read_text() == "hello"


def test_no_login_of_a_mirror_gets_into_an_image():
    line = "deb [signed-by=/k.gpg] https://user:word@mirror.example/debian bookworm main"
    shown = "deb [signed-by=/k.gpg] https://mirror.example/debian bookworm main"
    assert debian_root.without_login(line) == shown


def test_it_needs_root_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(DebianError, match="needs root"):
        debian_root.make("bookworm", [], "amd64", Workshop(tmp_path), tmp_path)


def test_another_architecture_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    other = "arm64" if debian.architecture() == "amd64" else "amd64"
    with pytest.raises(DebianError, match=other):
        debian_root.make("bookworm", [], other, Workshop(tmp_path), tmp_path)
