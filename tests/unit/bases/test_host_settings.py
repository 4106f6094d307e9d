"""What containers are told of this host: certificates, npm's registry and pip's index, never a secret."""

from __future__ import annotations

import pytest

from helpers.bases import host_settings

SECRET = "npm_0123"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "ca.pem").write_text("certificates")
    return tmp_path


def _read(home, **environment):
    return host_settings.read({"HOME": str(home), "PATH": "", **environment})


def test_a_host_with_nothing_special_gives_nothing(home):
    assert not _read(home)
    assert _read(home) == host_settings.NOTHING


@pytest.mark.parametrize("name", ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "npm_config_cafile"])
def test_a_bundle_of_its_own_is_taken(home, name):
    settings = _read(home, **{name: str(home / "ca.pem")})
    assert settings.bundle == b"certificates"
    assert settings.environment == {"NODE_EXTRA_CA_CERTS": f"/{host_settings.CA_FILE}"}
    assert settings.phrase == "this host's CA bundle"


def test_a_bundle_that_is_not_there_is_passed_over(home):
    assert not _read(home, SSL_CERT_FILE=str(home / "none.pem"))


def test_the_switch_turns_it_off(home):
    assert not _read(home, SSL_CERT_FILE=str(home / "ca.pem"), WORKBOOK_CA="off")


def test_registries_are_taken_from_npms_files_without_credentials(home):
    (home / ".npmrc").write_text(
        "; registry=https://commented.example/\n"
        f"registry=https://user:{SECRET}@npm.company.example/\n"
        f"//npm.company.example/:_authToken={SECRET}\n"
        f"_auth={SECRET}\n"
        "@team:registry = https://team.example/\n"
        f"cafile={home}/ca.pem\n"
    )
    settings = _read(home)
    assert settings.lines == (
        "@team:registry=https://team.example/",
        "registry=https://npm.company.example/",
    )
    settings.write(home / "tree")
    written = "".join(path.read_text() for path in (home / "tree").rglob("*") if path.is_file())
    assert SECRET not in written
    assert "npm.company.example" in written
    assert settings.phrase == "this host's CA bundle and npm registry"


def test_a_variable_outranks_the_file_and_is_expanded_in_it(home):
    (home / ".npmrc").write_text("registry=https://${PLACE}.example/\n")
    assert _read(home, PLACE="file").lines == ("registry=https://file.example/",)
    chosen = _read(home, npm_config_registry="https://variable.example/")
    assert chosen.lines == ("registry=https://variable.example/",)


def test_other_settings_have_another_key(home):
    bundle = str(home / "ca.pem")
    keys = {
        _read(home).key,
        _read(home, SSL_CERT_FILE=bundle).key,
        _read(home, npm_config_registry="https://a.example/").key,
    }
    assert len(keys) == 3


@pytest.mark.parametrize(
    "written",
    [
        f"https://user:{SECRET}@npm.example/path/",
        f"https://{SECRET}@npm.example/path/",
        f"https://user:a#{SECRET}?b@npm.example/path/",
        f"https://user:a/{SECRET}@npm.example/path/",
        f"https://user:@{SECRET}@npm.example/path/",
        f"https://npm.example/path/?token={SECRET}",
    ],
)
def test_no_credentials_are_left_in_an_address_however_they_are_written(written):
    assert host_settings.without_credentials(written) == "https://npm.example/path/"


@pytest.mark.parametrize(
    "plain", ["https://npm.example:8080/@team/", "http://[::1]:4873/", "https://npm.example"]
)
def test_an_address_without_credentials_stays_as_it_is(plain):
    assert host_settings.without_credentials(plain) == plain


def _read_pip(home, **environment):
    return host_settings.read_pip({"HOME": str(home), "XDG_CONFIG_DIRS": str(home), **environment})


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch):
    monkeypatch.setattr(host_settings, "_PIP_OF_THIS_MACHINE", "")


def test_pip_gets_the_bundle_in_its_own_variable(home):
    settings = _read_pip(home, SSL_CERT_FILE=str(home / "ca.pem"))
    assert settings.environment == {"PIP_CERT": f"/{host_settings.CA_FILE}"}
    assert settings.bundle == b"certificates"
    assert not _read_pip(home, SSL_CERT_FILE=str(home / "ca.pem"), WORKBOOK_CA="off")


def test_pips_index_is_taken_without_credentials(home):
    (home / "pip").mkdir()
    (home / "pip/pip.conf").write_text(
        f"[global]\nindex-url = https://user:{SECRET}@pypi.company.example/simple\n"
        f"extra-index-url = https://{SECRET}@other.example/\n"
    )
    settings = _read_pip(home)
    assert settings.lines == ("[global]", "index-url = https://pypi.company.example/simple")
    assert settings.phrase == "this host's pip index"
    assert SECRET not in "".join(settings.lines)
    chosen = _read_pip(home, PIP_INDEX_URL="https://variable.example/simple")
    assert chosen.lines[1:] == ("index-url = https://variable.example/simple",)


@pytest.mark.parametrize("name", ["python:3.13", "docker.io/library/python", "python@sha256:0"])
def test_pip_runs_in_pythons_images(name):
    assert host_settings.pip_runs_in(name)
    assert not host_settings.npm_runs_in(name)


def test_pip_runs_in_no_image_of_another_name():
    assert not host_settings.pip_runs_in("mypython:3")
    assert not host_settings.pip_runs_in("node:24")
