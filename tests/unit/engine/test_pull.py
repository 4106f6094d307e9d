"""What an engine says about a registry, read for what it means."""

from __future__ import annotations

import threading
import time
import types

import pytest
import requests
from docker.errors import APIError

from helpers.engine import pull
from helpers.engine.pull import UnreachableError
from helpers.host import disk_full
from helpers.host.errors import WorkbookError

UNREACHABLE = [
    'Get "https://r/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host',
    'Get "https://r/v2/": net/http: request canceled while waiting for connection',
    "dial tcp 10.0.0.1:443: connect: connection refused",
    'Get "https://r/v2/": net/http: TLS handshake timeout',
    "context deadline exceeded",
    'Get "https://r/v2/": tls: failed to verify certificate: x509: unknown authority',
    'Get "https://r/v2/": EOF',
    "error parsing HTTP 403 response body: invalid character '<'",
    'Get "https://r/v2/": Proxy Authentication Required',
]
REFUSED = {
    "manifest for node:0 not found: manifest unknown: manifest unknown": "no image",
    "no matching manifest for linux/arm64/v8 in the manifest list entries": "no image",
    "pull access denied for x, repository does not exist or may require 'docker login'": "login",
    "unauthorized: authentication required": "login",
    "toomanyrequests: You have reached your pull rate limit.": "no more pulls",
}


@pytest.mark.parametrize("words", UNREACHABLE)
def test_no_answer_is_told_from_a_refusal(words):
    assert pull.is_unreachable(words)
    assert isinstance(pull.refusal("node:20", words), UnreachableError)


@pytest.mark.parametrize(("words", "meaning"), REFUSED.items())
def test_a_refusal_is_one_sentence_that_names_the_image(words, meaning):
    error = pull.refusal("node:20", words)
    assert not isinstance(error, UnreachableError)
    assert meaning in str(error)
    assert "node:20" in str(error)


def test_other_trouble_keeps_the_engines_words():
    error = pull.refusal("node:20", "operation not permitted")
    assert str(error) == "Docker could not pull node:20: operation not permitted."


def test_a_full_disk_is_said_as_for_a_build():
    words = "failed to register layer: write /usr/lib/x: no space left on device"
    assert str(pull.refusal("node:20", words)) == disk_full.ENGINE_FULL


def _engine(number, ask=None):
    api = types.SimpleNamespace(base_url=f"fake://{number}", inspect_distribution=ask)
    return types.SimpleNamespace(client=types.SimpleNamespace(api=api))


def test_a_registry_that_keeps_silent_counts_as_unreachable(monkeypatch):
    monkeypatch.setattr(pull, "PROBE_SECONDS", 0.1)
    release = threading.Event()
    started = time.monotonic()
    assert not pull.reachable("node:20", _engine("silent", ask=lambda _: release.wait(60)))
    assert time.monotonic() - started < 30
    release.set()


def test_each_registry_is_asked_once():
    asked = []
    engine = _engine("once", ask=asked.append)
    for name in ("node:20", "node:20-alpine", "gcr.io/distroless/static", "gcr.io/other"):
        assert pull.reachable(name, engine)
    assert asked == ["node:20", "gcr.io/distroless/static"]


def test_a_registry_that_was_out_of_reach_is_asked_again_later(monkeypatch):
    answers = iter(["dial tcp: no route to host", None])

    def ask(_name):
        if (trouble := next(answers)) is not None:
            raise APIError(trouble)

    engine = _engine("comes back", ask=ask)
    assert not pull.reachable("node:20", engine)
    assert not pull.reachable("node:20", engine)
    now = time.monotonic()
    monkeypatch.setattr(pull.time, "monotonic", lambda: now + 61)
    assert pull.reachable("node:20", engine)


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (APIError("pull access denied"), WorkbookError, "does not give"),
        (requests.ReadTimeout("read timed out"), UnreachableError, "stalled"),
    ],
)
def test_a_pull_that_fails_at_once_or_stalls_is_a_typed_error(monkeypatch, error, kind, sentence):
    def events(_name, _engine):
        raise error
        yield

    monkeypatch.setattr(pull, "_events", events)
    with pytest.raises(kind, match=sentence):
        pull.pull("node:20", _engine("fails"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("node:20", ""),
        ("library/node", ""),
        ("gcr.io/distroless/static", "gcr.io"),
        ("localhost/x", "localhost"),
        ("box:5000/node:20", "box:5000"),
    ],
)
def test_the_registry_of_a_name(name, expected):
    assert pull.registry_of(name) == expected


def test_a_pull_stops_when_it_is_told_to_also_while_the_engine_is_silent(monkeypatch):
    release = threading.Event()
    told = iter([False, False, True])

    def stop():
        if next(told):
            raise InterruptedError

    def events(_name, _engine):
        yield {"status": "Downloading"}
        release.wait()

    monkeypatch.setattr(pull, "_events", events)
    with pytest.raises(InterruptedError):
        pull.pull("node:20", _engine("long"), stop)
    release.set()
