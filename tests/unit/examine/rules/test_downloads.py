"""What a build fetches by address, pinned or not."""

from __future__ import annotations

import pytest

from helpers.examine.findings import Severity
from helpers.examine.rules import cache
from tests.unit.examine.projects import of_text


def told(text: str, rule: str) -> list:
    return [f for f in cache.check(of_text(text)) if f.rule == rule]


def test_an_address_is_to_be_pinned():
    assert told("FROM a\nADD https://example.com/a.tgz /\n", "remote-add")
    assert not told("FROM a\nADD --checksum=sha256:0 https://example.com/a.tgz /\n", "remote-add")
    assert not told("FROM a\nADD a.tgz /\n", "remote-add")


@pytest.mark.parametrize(
    "source",
    [
        *(
            "https://example.com/x.git",
            "https://example.com/x.git#v1",
            "https://example.com/x.git?ref=v1",
        ),
        *("git@example.com:x.git#v1", f"https://example.com/{'1a' * 20}/file"),
    ],
)
def test_a_git_source_takes_no_checksum_and_a_commit_is_one(source):
    assert not told(f"FROM a\nADD {source} /x\n", "remote-add")


@pytest.mark.parametrize("check", ["echo '0  a.tgz' | sha256sum -c -", "gpg --verify a.asc a.tgz"])
def test_the_next_step_may_verify_it(check):
    text = "FROM a\nADD https://example.com/a.tgz /\n"
    assert not told(f"{text}RUN {check}\n", "remote-add")
    assert told(f"{text}RUN tar xf a.tgz\nRUN {check}\n", "remote-add")


def test_a_clone_of_whatever_is_there_is_found():
    assert told("FROM a\nRUN git clone https://example.com/x\n", "stale-clone")
    assert not told("FROM a\nRUN git clone https://example.com/x && git checkout 1a2b\n", "stale-clone")
    assert not told("FROM a\nRUN git clone --branch=v1 https://example.com/x\n", "stale-clone")


@pytest.mark.parametrize(
    "command",
    [
        *(
            "curl -fsSL https://example.com/install | sh",
            "wget -qO- https://example.com/a | sudo -E bash -",
        ),
        *("curl https://example.com/a.tgz | tar xz", "curl -O https://example.com/a.zip && unzip a.zip"),
        "wget https://example.com/a.deb && dpkg -i a.deb",
    ],
)
def test_what_is_run_or_unpacked_unseen_is_found(command):
    (finding,) = told(f"FROM a\nRUN {command}\n", "unchecked-download")
    assert (finding.line, finding.severity) == (2, Severity.HINT)
    assert "https://example.com/" in finding.sentence


@pytest.mark.parametrize(
    "command",
    [
        "curl -O https://example.com/a.tgz && echo '0  a.tgz' | sha256sum -c && tar xf a.tgz",
        "curl https://example.com/key | gpg --dearmor > /k",
        "curl https://example.com/a.json | jq .version",
        "curl https://example.com/health",
    ],
)
def test_what_is_checked_or_only_read_is_left(command):
    assert not told(f"FROM a\nRUN {command}\n", "unchecked-download")


def test_an_address_that_nothing_protects_on_its_way_is_a_warning_and_all_are_one_finding():
    text = "FROM a\nRUN curl https://example.com/a | sh\nRUN curl http://example.com/b | sh\n"
    (finding,) = told(text, "unchecked-download")
    assert finding.severity is Severity.WARNING
    assert "http://example.com/b" in finding.sentence
    assert "line 3" in finding.sentence
