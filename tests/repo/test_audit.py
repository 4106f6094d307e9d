"""An audit tells three things apart: nothing is known, something is, and somebody could not be asked.

npm and pip-audit are the real ones; the registry is a server of this test's own.
"""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from helpers.host import paths

CLEAN, VULNERABLE, NOT_ASKED = 0, 1, 3
NOBODY = "http://127.0.0.1:9"
ADVISORY = {
    "id": 1,
    "url": "https://example.com/GHSA-1",
    "title": "Prototype pollution",
    "severity": "high",
    "vulnerable_versions": "<1.2.4",
}


class Handler(BaseHTTPRequestHandler):
    """Answer npm's questions from what the server knows, else with 404."""

    def do_GET(self):
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
def answers(monkeypatch):
    """Serve as npm's registry; give the answers by path, to be filled."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers = {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield server.answers
        server.shutdown()


@pytest.fixture
def npm_lock(tmp_path):
    dependencies = {"dependencies": {"minimist": "1.2.0"}}
    package = {"version": "1.2.0", "integrity": "sha512-AAAA"}
    (tmp_path / "package.json").write_text(json.dumps({"name": "app", **dependencies}))
    file = tmp_path / "package-lock.json"
    packages = {"": {"name": "app", **dependencies}, "node_modules/minimist": package}
    file.write_text(json.dumps({"name": "app", "lockfileVersion": 3, "packages": packages}))
    return file


def audit(*locks):
    return subprocess.run(
        [paths.ROOT / ".ci/audit", *map(str, locks)], capture_output=True, text=True, check=False
    )


def test_a_registry_that_knows_of_nothing_gives_success(answers, npm_lock):
    answers["/-/npm/v1/security/advisories/bulk"] = {}
    done = audit(npm_lock)
    assert done.returncode == CLEAN, done.stdout
    assert "found 0 vulnerabilities" in done.stdout


def test_what_is_known_is_named(answers, npm_lock):
    answers["/-/npm/v1/security/advisories/bulk"] = {"minimist": [ADVISORY]}
    answers["/minimist"] = {
        "name": "minimist",
        "versions": {"1.2.0": {"name": "minimist", "version": "1.2.0"}},
    }
    done = audit(npm_lock)
    assert done.returncode == VULNERABLE, done.stdout
    assert "GHSA-1" in done.stdout


def test_a_registry_that_takes_no_audits_is_not_called_clean(answers, npm_lock):
    done = audit(npm_lock)
    assert done.returncode == NOT_ASKED, done.stdout
    assert "Not every package of" in done.stdout


def test_an_index_that_cannot_be_reached_is_not_called_clean(tmp_path, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"alpha==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    done = audit(lock)
    assert done.returncode == NOT_ASKED, done.stdout
    assert "Not every package of" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_every_lock_file_is_audited():
    command = ["make", "--dry-run", "--old-file=environment", "audit"]
    shown = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
    locks = [*paths.ROOT.glob("sample_app/package-lock.json"), *paths.ROOT.glob("*.lock")]
    for kind in ("package-lock.json", "*.lock"):
        locks += (paths.ROOT / "helpers").rglob(kind)
    assert len(locks) > 3
    for file in locks:
        assert file.relative_to(paths.ROOT).as_posix() in shown
