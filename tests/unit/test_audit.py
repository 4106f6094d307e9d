"""An audit tells three things apart: nothing is known, something is, and nobody could be asked.

pip's settings and npm itself are the real ones; the registries are a server of this test's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from helpers import audit
from helpers.audit import Answer, Audit, Audited
from helpers.host import paths

LOCK = """\
alpha==1.0 \\
    --hash=sha256:00
beta==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:00
beta==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:00
"""
KNOWN = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fixed_in": ["2.1"], "withdrawn": None}
ADVISORY = {
    "id": 1,
    "url": "https://example.com/GHSA-1",
    "title": "Prototype pollution",
    "severity": "high",
    "vulnerable_versions": "<1.2.4",
}
BULK = "/-/npm/v1/security/advisories/bulk"


class Registry(ThreadingHTTPServer):
    """Answers what it is told to, else 404; remembers what it was asked and with which sign-in."""

    def __init__(self):
        self.answers: dict[str, object] = {}
        self.asked: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        found = self.server.answers.get(self.path)
        self.send_response(404 if found is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def registry(monkeypatch):
    """Serve, and set pip and npm up with it, as a reader of a company's index has them."""
    with Registry() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://reader:pass%40word@{server.place}/simple/")
        monkeypatch.setenv("npm_config_registry", f"http://{server.place}/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield server
        server.shutdown()


@pytest.fixture
def lock(tmp_path) -> Path:
    file = tmp_path / "requirements.lock"
    file.write_text(LOCK)
    return file


@pytest.fixture
def npm_lock(tmp_path) -> Path:
    dependencies = {"dependencies": {"minimist": "1.2.0"}}
    package = {"version": "1.2.0", "integrity": "sha512-AAAA"}
    (tmp_path / "package.json").write_text(json.dumps({"name": "app", **dependencies}))
    file = tmp_path / "package-lock.json"
    packages = {"": {"name": "app", **dependencies}, "node_modules/minimist": package}
    file.write_text(json.dumps({"name": "app", "lockfileVersion": 3, "packages": packages}))
    return file


def tell(registry, **holes):
    for name, version in (("alpha", "1.0"), ("beta", "2.0")):
        registry.answers[f"/pypi/{name}/{version}/json"] = {"vulnerabilities": holes.get(name, [])}


def test_an_index_that_knows_of_nothing_gives_clean(registry, lock):
    tell(registry)
    found = audit.python(lock)
    assert (found.answer, found.packages) == (Answer.CLEAN, 2)
    assert str(found).endswith("know of nothing.")


def test_what_it_knows_is_named_with_its_remedy_and_what_was_withdrawn_is_not(registry, lock):
    tell(registry, beta=[KNOWN, {**KNOWN, "id": "PYSEC-2", "withdrawn": "2026-01-01T00:00:00Z"}])
    found = audit.python(lock)
    assert found.answer is Answer.VULNERABLE
    assert "beta 2.0: PYSEC-1 CVE-1; fixed in 2.1" in str(found)
    assert "PYSEC-2" not in str(found)


def test_it_signs_in_as_pip_does_and_tells_nobody(registry, lock):
    tell(registry)
    told = str(audit.python(lock))
    assert {login for _, login in registry.asked} == {"Basic cmVhZGVyOnBhc3NAd29yZA=="}
    assert "pass" not in told.replace("packages", "")
    assert f"http://{registry.place}/simple" in told


def test_an_index_without_advisories_is_not_called_clean_and_not_asked_about_the_rest(
    registry, tmp_path
):
    many = tmp_path / "many.lock"
    many.write_text("".join(f"package-{n}==1.0 \\\n    --hash=sha256:00\n" for n in range(40)))
    found = audit.python(many)
    assert found.answer is Answer.NOT_ASKED
    assert "could not be asked: no answer for 40 of them, since it answered 404" in str(found)
    assert len(registry.asked) == 3


def test_an_answer_that_tells_no_advisories_is_not_called_clean(registry, lock):
    registry.answers = {"/pypi/alpha/1.0/json": {"info": {}}, "/pypi/beta/2.0/json": {"info": {}}}
    assert audit.python(lock).answer is Answer.NOT_ASKED


def test_one_package_that_could_not_be_asked_about_is_enough_not_to_be_clean(registry, lock):
    tell(registry)
    del registry.answers["/pypi/beta/2.0/json"]
    found = audit.python(lock)
    assert found.answer is Answer.NOT_ASKED
    assert "no answer for 1 of them" in found.reason


def test_nobody_who_listens_is_not_called_clean(lock, npm_lock, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert audit.python(lock).answer is Answer.NOT_ASKED
    assert audit.npm(npm_lock).answer is Answer.NOT_ASKED


def test_npms_own_audit_is_read(registry, npm_lock):
    registry.answers = {BULK: {}}
    assert audit.npm(npm_lock).answer is Answer.CLEAN
    packument = {"name": "minimist", "versions": {"1.2.0": {"name": "minimist", "version": "1.2.0"}}}
    registry.answers = {BULK: {"minimist": [ADVISORY]}, "/minimist": packument}
    found = audit.npm(npm_lock)
    assert found.answer is Answer.VULNERABLE
    assert "minimist <1.2.4: https://example.com/GHSA-1 (high); Prototype pollution" in str(found)


def test_a_registry_that_takes_no_audits_is_not_called_clean(registry, npm_lock):
    found = audit.npm(npm_lock)
    assert found.answer is Answer.NOT_ASKED
    assert "404" in found.reason


@pytest.mark.parametrize(
    ("answers", "whole"),
    [
        ([Answer.CLEAN, Answer.CLEAN], Answer.CLEAN),
        ([Answer.CLEAN, Answer.NOT_ASKED], Answer.NOT_ASKED),
        ([Answer.NOT_ASKED, Answer.VULNERABLE], Answer.VULNERABLE),
    ],
)
def test_the_gravest_answer_is_the_whole_ones(answers, whole):
    hole = (audit.Hole("a", "b", "c"),)
    holes = {Answer.VULNERABLE: hole}
    reasons = {Answer.NOT_ASKED: "no"}
    files = [Audited("f", 1, "d", holes.get(a, ()), reasons.get(a, "")) for a in answers]
    assert Audit(None, tuple(files)).answer is whole


def test_the_command_covers_every_lock_file_and_exits_with_the_answer(registry):
    done = subprocess.run(
        [sys.executable, "-m", "helpers", "audit"], cwd=paths.ROOT, capture_output=True, text=True
    )
    locks = [paths.ROOT / "requirements.lock", *paths.ROOT.glob("sample_app/**/package-lock.json")]
    locks += (paths.ROOT / "helpers").rglob("package-lock.json")
    assert len(locks) > 2
    for file in locks:
        assert f"{file.relative_to(paths.ROOT).as_posix()}, " in done.stdout
    assert done.returncode == Answer.NOT_ASKED
    assert "Traceback" not in done.stderr
