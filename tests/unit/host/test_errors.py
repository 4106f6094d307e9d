"""Credentials that come along by themselves are taken out of whatever a reader may pass on."""

from __future__ import annotations

import pytest

from helpers import engine
from helpers.buildx import BuildError, BuildResult, Request, live
from helpers.host import debian, downloads
from helpers.host.errors import WorkbookError, redacted, redacted_within
from helpers.host.workshop import Workshop

SECRET = "planted-pässword"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"http://reader:{SECRET}@proxy.example:3128", "http://***@proxy.example:3128"),
        (f"--index-url=https://{SECRET}@pypi.example/simple", "--index-url=https://***@pypi.example/simple"),
        (f"//reader:{SECRET}@npm.example/", "//***@npm.example/"),
        (f"https://reader:a@b{SECRET}@npm.example/", "https://***@npm.example/"),
        (f"https://reader:a/b#{SECRET}@npm.example/x", "https://***@npm.example/x"),
        (f"'ssh://reader:{SECRET}@host'", "'ssh://***@host'"),
        (f"http://a:{SECRET}@one.example, http://b:{SECRET}@two.example", "http://***@one.example, http://***@two.example"),
        (f"//npm.example/:_authToken={SECRET}", "//npm.example/:_authToken=***"),
        (f"_auth = {SECRET}", "_auth = ***"),
        (f"//npm.example/:_password={SECRET}", "//npm.example/:_password=***"),
        (f"Authorization: Basic {SECRET}", "Authorization: Basic ***"),
        (f"authorization: bearer {SECRET}", "authorization: bearer ***"),
    ],
)  # fmt: skip
def test_a_credential_is_hidden_and_the_rest_stays(written, shown):
    assert redacted(written) == shown


@pytest.mark.parametrize(
    "plain",
    [
        "node:20@sha256:0123abc",
        "docker-image://node@sha256:0123abc",
        "docker-image://localhost:5000/node@sha256:0123abc",
        "https://registry.example/@team/package",
        "http://localhost:4873/@team/package",
        "npm install postject@1.0.0",
        "ssh://reader@builder.example",
        "reader@example.com",
        "// a comment: with a colon, and an @ sign",
        "the basic idea of an author",
    ],
)
def test_what_is_no_credential_stays(plain):
    assert redacted(plain) == plain


def test_it_reaches_into_what_a_report_is_made_of():
    step = Request(None, None, f"http://a:{SECRET}@b", build_args={"P": f"http://a:{SECRET}@b"})
    assert SECRET not in repr(redacted_within((step, f"https://{SECRET}@b")))


def test_every_sentence_for_a_reader_is_free_of_them():
    """Also those of the subclasses: each family of errors ends in the one that takes them out."""
    families = [WorkbookError]
    for family in families:
        families += [kind for kind in family.__subclasses__() if kind not in families]
    assert len(families) > 10
    for kind in families:
        error = kind(f"It failed at https://reader:{SECRET}@host.example/.")
        assert SECRET not in str(error), kind
        assert SECRET not in "".join(error._render_traceback_()), kind


def test_a_failed_build_keeps_them_out_of_its_log():
    assert SECRET not in "".join(BuildError("It failed.", None, [f"GET http://a:{SECRET}@b/"]).log)


def test_a_shown_command_and_a_shown_step_are_free_of_them():
    request = Request(None, None, "t", build_args={"HTTP_PROXY": f"http://a:{SECRET}@b"})
    where = engine.Engine("docker", {"DOCKER_HOST": f"tcp://a:{SECRET}@b:1"}, *["x"] * 5, False, None)
    command = tuple(request.command(where, []))
    result = BuildResult(request, None, command, "", "", 0.0, (), 0, (), None, where)
    assert SECRET in "".join(result.command)
    assert SECRET not in result.shell_command
    assert "http://***@b" in result.shell_command
    assert SECRET not in live._plain(f"RUN wget http://a:{SECRET}@b/")


def test_pips_apts_and_npms_own_words_are_free_of_them(tmp_path, monkeypatch):
    """Each is asked for real, of an address on which nobody listens."""
    at = f"reader:{SECRET}@127.0.0.1:9"
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, f"http://{at}/simple")
    for name in ("PIP_RETRIES", "npm_config_fetch_retries"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("PIP_NO_INDEX", "")
    monkeypatch.setenv("npm_config_registry", f"http://{at}/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    workshop = Workshop(tmp_path)
    with pytest.raises(WorkbookError) as pip:
        downloads.from_pypi("no-such-package-of-ours", "1", "any", workshop)
    with pytest.raises(WorkbookError) as npm:
        downloads.from_npm("no-such-package-of-ours", "1.0.0", workshop)
    monkeypatch.setattr(debian, "_RETRIES", 0)
    monkeypatch.setattr(debian, "host_mirror", lambda: debian.Mirror(f"http://{at}/debian", None))
    with pytest.raises(debian.DebianError) as apt:
        debian.Suite(tmp_path, "bookworm").update()
    for said in (pip, npm, apt):
        assert SECRET not in str(said.value)
        assert "planted" not in str(said.value)
