"""What containers are told of this host: certificates and npm's registry, never a secret."""

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
    assert settings.npmrc == (
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
    assert _read(home, PLACE="file").npmrc == ("registry=https://file.example/",)
    chosen = _read(home, npm_config_registry="https://variable.example/")
    assert chosen.npmrc == ("registry=https://variable.example/",)


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
