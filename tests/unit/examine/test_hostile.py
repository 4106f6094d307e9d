"""Projects with every kind of fault: each ends in a report or in one sentence, never in a traceback.

Nothing is built here; `tests/engine/examine/test_hostile.py` builds such projects.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.examine import Report, examine, find, linters
from helpers.examine.findings import Check
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.unforeseen import UnforeseenError
from tests.unit.examine.hostile import DOCKERFILES


def outcome(path: Path, *given: object, **wishes: object) -> Report | str:
    """Return the report, or the sentence in its place; both in every form that there is."""
    try:
        report = examine(find(path, *given, **wishes), build=False)
    except UnforeseenError as error:
        pytest.fail(f"the last line of defence was needed: {error}")
    except WorkbookError as error:
        return one_sentence(str(error))
    assert json.loads(report.to_json())["checks"]
    for written in (report.to_html(), report.to_text(), repr(report)):
        assert report.project in written
    return report


def one_sentence(said: str) -> str:
    assert "\n" not in said
    assert said.endswith("."), said
    return said


@pytest.mark.parametrize("text", DOCKERFILES.values(), ids=DOCKERFILES)
def test_any_bytes_for_a_dockerfile_end_in_a_report_or_a_sentence(tmp_path, monkeypatch, text):
    monkeypatch.setattr(linters, "hadolint", lambda *_: Check("hadolint", note="It was left out."))
    (tmp_path / "Dockerfile").write_bytes(text)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("print(1)\n")
    outcome(tmp_path)


IGNORE_FILES = {
    "nothing": b"",
    "zeroes": b"\0" * 100,
    "UTF-16": "src\n".encode("utf-16"),
    "Latin-1": b"caf\xe9\n!caf\xe9/x\n",
    "lines of Windows": b"\xef\xbb\xbfsrc\r\n!src/x\r\n",
    "patterns that are none": b"[\n",
    "turned around": b"!\n",
    "an empty range": b"[z-a]\n",
    "out of the context": b"../..\n/\n//x\n",
    "an escape at the end": b"a\\\n",
    "many stars": b"**/" * 200 + b"x\n" + b"*a" * 200 + b"\n",
    "a huge line": b"x" * 100_000 + b"\n",
    "many lines": b"*.a\n!*.b\n" * 500,
}


@pytest.mark.parametrize("ignore", IGNORE_FILES.values(), ids=IGNORE_FILES)
def test_any_bytes_for_an_ignore_file_leave_the_rest_of_the_report(tmp_path, ignore):
    (tmp_path / "Dockerfile").write_text("FROM node:20\nCOPY . .\nRUN npm ci\n")
    (tmp_path / "main.js").touch()
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / ".dockerignore").write_bytes(ignore)
    report = outcome(tmp_path)
    assert isinstance(report, Report)
    assert "sources-before-install" in {f.rule for f in report.findings}


def test_a_path_that_is_no_project_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").mkdir()
    listening = socket.socket(socket.AF_UNIX)
    with listening:
        monkeypatch.chdir(tmp_path)
        listening.bind("socket")
    for path in (
        *("pipe", "loop", "loop/x", "socket", "empty", "Dockerfile/x", "no\0where", "x" * 5000),
        *("~nobody-of-this-name/x", "/dev/null", "/proc/self/mem/x", "a\ud800b", "[", "*"),
    ):
        assert isinstance(outcome(Path(path)), str), path
    for file in ("pipe", "loop", "empty", "x" * 5000, "a\0b", "../..", "/", "\udcff"):
        assert isinstance(outcome(tmp_path, file), str), file
    for context in ("pipe", "loop", "Dockerfile", "x" * 5000, "a\0b", "\udcff"):
        assert isinstance(outcome(tmp_path, context=tmp_path / context), str), context


def test_wishes_that_cannot_be_are_one_sentence(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a AS b\nARG X\nRUN echo $X\n")
    for target in ("no", "", "0", "a\0b", "$X", "b/../b", "ü", "\ud800"):
        outcome(tmp_path, target=target)
    for name, value in (("X", "a\0b"), ("", ""), ("=", "="), ("(", ")"), ("X", 1), ("\ud800", None)):
        outcome(tmp_path, build_args={name: value})
    outcome(tmp_path, extra=("--secret", "id=\0"))


def test_what_lies_in_a_context_is_shown_whatever_it_is(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\nCOPY . .\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "out").symlink_to("/proc")
    (tmp_path / "up").symlink_to("..")
    for name in (b"caf\xe9.pem", b"\xff\xfe", b"a\nb.key", b"\x1b[31m.env", b"[bold]x[nothing].log"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"-----BEGIN " + b"PRIVATE KEY-----\n" * 99)
    (tmp_path / "holes").touch()
    os.truncate(tmp_path / "holes", 2**40)
    deep = tmp_path
    for _ in range(300):
        deep = deep / "deeper"
        deep.mkdir()
    report = outcome(tmp_path)
    assert isinstance(report, Report)
    assert "xe9.pem" in report.to_text(200)
    assert "secret-in-context" in {f.rule for f in report.findings}


def test_a_project_whose_own_name_is_no_utf_8_gets_a_report(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.Dockerfile")).write_text("FROM a\n")
    assert isinstance(outcome(folder, os.fsdecode(b"\xff.Dockerfile")), Report)
    assert isinstance(outcome(folder), str)


@contextlib.contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Run the block as somebody whom permissions bind: root reads everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("closed", ["Dockerfile", ".dockerignore", "data", "src/main.py", "."])
def test_what_may_not_be_read_is_said(closed):
    outcome(paths.SAMPLE_APP, "dockerfiles/01_naive.Dockerfile")  # loads what is loaded late
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "Dockerfile").write_text("FROM a\nCOPY . .\n")
        (folder / ".dockerignore").write_text("*.log\n")
        for name in ("data", "src"):
            (folder / name).mkdir()
        (folder / "src" / "main.py").write_text("print(1)\n")
        (folder / closed).chmod(0)
        with bound_by_permissions():
            outcome(folder)
            outcome(folder / "Dockerfile")
            outcome(folder, context=folder / "data")
        (folder / closed).chmod(0o755)


def test_the_command_ends_in_a_sentence_in_any_terminal(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\nCOPY . .\n")
    (tmp_path / ".env").write_text("API_KEY=sk_fake_1a2b3c4d\n")
    command = [sys.executable, "-m", "helpers", "examine", "--no-build", "--no-rebuild", str(tmp_path)]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    if str(paths.ROOT).isascii():  # else Python cannot read its own environment's paths there
        plain["LC_ALL"] = "C"
    done = subprocess.run(command, cwd=paths.ROOT, env=plain, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"secret-in-context" in done.stdout
    piped = subprocess.Popen(command, cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    piped.stdout.close()
    assert piped.stderr.read() == b""
    piped.stderr.close()
    piped.wait()
