"""How packages of another suite are asked for, without asking."""

from __future__ import annotations

import platform
import shutil
import subprocess

import pytest

from helpers.host import debian
from helpers.host.debian import DebianError, Mirror, Suite

TARGETS = """\
http://mirror.example/debian|http://mirror.example/debian/|bookworm|main
http://mirror.example/debian|http://mirror.example/debian/|bookworm-updates|main
http://other.example/debian|http://other.example/debian/|bookworm|contrib
http://mirror.example/security|http://mirror.example/security/|bookworm-security|main
"""


@pytest.fixture
def bookworm(monkeypatch):
    release = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    return release


@pytest.fixture
def commands(monkeypatch):
    """Commands that would have been run; each prints apt's targets."""
    seen: list[list[str]] = []

    def run(command, cwd=None, **environment):
        seen.append(command)
        return TARGETS

    monkeypatch.setattr(debian, "_run", run)
    return seen


@pytest.mark.parametrize(("machine", "name"), [("x86_64", "amd64"), ("AARCH64", "arm64")])
def test_an_architecture_has_debians_name(machine, name):
    assert debian.architecture(machine) == name


def test_an_unknown_architecture_is_named_in_the_error():
    with pytest.raises(DebianError, match="riscv64"):
        debian.architecture("riscv64")


def test_a_host_that_is_not_debian_is_told_what_to_do_instead(bookworm):
    bookworm["ID"] = "fedora"
    with pytest.raises(DebianError, match="install Docker"):
        debian.host_suite()


def test_the_mirror_is_the_hosts_own(bookworm, commands):
    found = debian.host_mirror()
    assert found == Mirror("http://mirror.example/debian", "http://mirror.example/security")
    assert commands[0][:2] == ["apt-get", "indextargets"]


@pytest.mark.skipif(not shutil.which("apt-get"), reason="there is no apt to ask")
def test_the_mirror_is_known_on_a_host_that_has_never_updated(tmp_path, monkeypatch):
    sources = tmp_path / "sources.list"
    archive, security = "http://mirror.example/debian", "http://mirror.example/security"
    sources.write_text(f"deb {archive} bookworm main\ndeb {security} bookworm-security main\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir::State "{tmp_path}";\nDir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setattr(debian, "host_suite", lambda: "bookworm")
    assert debian.host_mirror() == Mirror(archive, security)


def test_a_host_whose_sources_lack_its_own_release_is_told_to_add_one(bookworm, commands):
    bookworm["VERSION_CODENAME"] = "trixie"
    with pytest.raises(DebianError, match="no mirror with Debian trixie"):
        debian.host_mirror()


def test_another_suite_comes_from_the_same_mirror_and_is_signed(bookworm, commands):
    lines = debian.sources_of("trixie")
    signed = f"deb [signed-by={debian.KEYRING}]"
    assert lines == [
        f"{signed} http://mirror.example/debian trixie main",
        f"{signed} http://mirror.example/security trixie-security main",
    ]


def test_the_testing_suite_has_no_security_part(bookworm, commands):
    assert "security" not in "".join(debian.sources_of("forky"))


def test_the_private_apt_writes_only_under_its_folder(tmp_path):
    text = Suite(tmp_path, "trixie", "arm64")._configuration()
    folder = tmp_path / "trixie-arm64"
    for key in ("Dir::State", "Dir::State::status", "Dir::Cache", "Dir::Etc::sourcelist"):
        assert f'{key} "{folder}' in text
    assert 'APT::Architectures { "arm64"; };' in text
    assert "AllowUnauthenticated" not in text


def test_a_login_in_the_hosts_sources_is_for_its_owner_alone(bookworm, commands, tmp_path):
    suite = debian.Suite(tmp_path, "bookworm", "amd64")
    suite.update()
    assert (suite.folder / "sources.list").stat().st_mode & 0o777 == 0o600


def test_indexes_are_fetched_once_for_each_object(bookworm, commands, tmp_path):
    suite = Suite(tmp_path, "trixie", "amd64")
    suite.update()
    suite.update()
    updates = [command for command in commands if "update" in command]
    assert updates == [["apt-get", "update", "-qq", "--error-on=any"]]


def test_versions_are_read_from_the_index(bookworm, commands, monkeypatch, tmp_path):
    shown = "Package: a\nVersion: 1:2-3\nDescription: x\n Version: 9\n\nPackage: b\nVersion: 4\n"
    suite = Suite(tmp_path, "trixie", "amd64")
    monkeypatch.setattr(suite, "update", lambda: None)
    monkeypatch.setattr(suite, "_apt", lambda *_, **__: shown)
    assert suite.versions(["a", "b"]) == {"a": "1:2-3", "b": "4"}


def test_files_are_found_by_version_for_the_machine_and_for_all(tmp_path):
    suite = Suite(tmp_path, "trixie", "amd64")
    packages = suite.folder / "packages"
    packages.mkdir(parents=True)
    (packages / "a_1%3a2-3_amd64.deb").touch()
    (packages / "b_4_all.deb").touch()
    assert suite._file("a", "1:2-3").name == "a_1%3a2-3_amd64.deb"
    assert suite._file("b", "4").name == "b_4_all.deb"
    with pytest.raises(DebianError, match="no file for b 5"):
        suite._file("b", "5")


def test_dependencies_are_those_of_an_empty_machine(monkeypatch, tmp_path):
    plan = "Reading...\nInst libc6 (2.41 Debian:13 [amd64])\nInst a (1)\nConf a (1)\n"
    suite = Suite(tmp_path, "trixie", "amd64")
    monkeypatch.setattr(suite, "_apt", lambda command, cwd=None: plan)
    assert suite._closure(["a"]) == ["a", "libc6"]


def test_a_missing_program_is_named():
    with pytest.raises(DebianError, match="no-such-program is not on this host"):
        debian._run(["no-such-program"])


def test_a_failure_is_quoted_by_its_first_error():
    script = "echo 'W: careful' >&2; echo 'E: no such package' >&2; echo 'E: gone' >&2; exit 100"
    with pytest.raises(DebianError, match=r"failed: no such package$"):
        debian._run(["sh", "-c", script])


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is Debian's")
def test_packages_are_unpacked_and_their_scripts_not_run(tmp_path):
    source = tmp_path / "source"
    (source / "DEBIAN").mkdir(parents=True)
    (source / "usr/bin").mkdir(parents=True)
    (source / "usr/bin/hello").write_text("hello")
    control = "Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: x\n"
    (source / "DEBIAN/control").write_text(control)
    script = source / "DEBIAN/postinst"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    package = tmp_path / "hello.deb"
    subprocess.run(["dpkg-deb", "--build", str(source), str(package)], check=True)
    into = debian.unpack([package], tmp_path / "a folder with Umläuten")
    assert (into / "usr/bin/hello").read_text() == "hello"
    assert not (tmp_path / "ran").exists()


def test_indexes_that_would_not_fit_are_not_asked_for(bookworm, commands, monkeypatch, tmp_path):
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=50 * 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: nearly_full)
    with pytest.raises(DebianError, match=r"need 100 MB in .*; free some room"):
        Suite(tmp_path, "bookworm", "amd64").update()
    assert not [command for command in commands if "update" in command]
