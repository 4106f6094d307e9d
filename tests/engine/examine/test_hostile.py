"""Projects with every kind of fault, built on a real engine: a report or a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.examine import Report, examine, find, run
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.unforeseen import UnforeseenError
from tests.unit.examine.hostile import DOCKERFILES

pytestmark = pytest.mark.engine

SHELL = "COPY busybox /bin/sh\nCOPY busybox /bin/busybox\n"


@pytest.fixture(autouse=True)
def _apart(monkeypatch, tag):
    """Give each test a tag of its own, and ask no registry for bases that cannot be."""
    monkeypatch.setattr(run, "TAG", tag)
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")


def examined(path: Path, *given: object, **wishes: object) -> Report | str:
    """Return the report, or the sentence in its place."""
    try:
        report = examine(find(path, *given, **wishes))
    except UnforeseenError as error:
        pytest.fail(f"the last line of defence was needed: {error}")
    except WorkbookError as error:
        return str(error)
    for said in (report.failure, *report.not_done):
        assert "Traceback" not in said
    assert {"the image", "a build after an edit"} <= {check.what for check in report.checks}
    assert bool(report.image) != bool(report.failure)
    assert json.loads(report.to_json().encode())["checks"]
    assert (report.to_html() + report.to_text()).encode()
    return report


QUICK = {name: text for name, text in DOCKERFILES.items() if "long chain" not in name}


@pytest.mark.parametrize("text", QUICK.values(), ids=QUICK)
def test_any_bytes_for_a_dockerfile_end_in_a_report_or_a_sentence(context, text):
    (context / "Dockerfile").write_bytes(text)
    examined(context)


def test_a_name_that_is_none_leaves_what_can_be_read(context):
    (context / "package.json").write_text("{}")
    for text in (
        "ARG V\nFROM node:$V-alpine\nCOPY . .\nRUN npm ci\n",
        "FROM Node:20\nCOPY . .\nRUN npm ci\n",
        "FROM node:20:21\nCOPY . .\nRUN npm ci\n",
        "FROM https://example.invalid/node:20\nCOPY . .\nRUN npm ci\n",
        "FROM node@sha256:abc\nCOPY . .\nRUN npm ci\n",
    ):
        (context / "Dockerfile").write_text(text)
        report = examined(context)
        assert isinstance(report, Report), text
        assert "not valid" in report.failure, report.failure
        assert "sources-before-install" in {f.rule for f in report.findings}


def test_a_dockerfile_that_is_a_link_has_the_ignore_file_beside_the_link(context):
    (context / "docker").mkdir()
    (context / "docker" / "real").write_text(f"FROM scratch\n{SHELL}COPY . /all\n")
    (context / "Dockerfile").symlink_to("docker/real")
    (context / "Dockerfile.dockerignore").write_text(".env\n")
    (context / ".env").write_text("KEY=fake\n")
    report = examined(context)
    assert isinstance(report, Report)
    assert not report.failure
    assert report.context.ignore_file == "Dockerfile.dockerignore"
    assert not {"secret-in-image", "secret-in-context"} & {f.rule for f in report.findings}


def test_a_dockerfile_that_leads_out_of_the_context_is_no_traceback(context, tmp_path):
    (tmp_path / "outside").write_text(f"FROM scratch\n{SHELL}")
    (context / "Dockerfile").symlink_to(tmp_path / "outside")
    examined(context)


def test_a_context_of_everything_is_built_or_said(context):
    (context / "Dockerfile").write_text(f"FROM scratch\n{SHELL}COPY . /all\n")
    (context / "loop").symlink_to("loop")
    (context / "out").symlink_to("/proc")
    for name in (b"\x1b[31m.env", b"[bold]x[nothing].log", b"a\nb.key"):
        (context / os.fsdecode(name)).write_bytes(b"x" * 2000)
    assert isinstance(examined(context), Report)
    os.mkfifo(context / "pipe")
    assert isinstance(examined(context), Report)
    (context / os.fsdecode(b"caf\xe9.pem")).write_text("x")
    assert isinstance(examined(context), Report)


def test_a_folder_that_is_kept_out_and_closed_does_not_matter(context):
    (context / "Dockerfile").write_text(f"FROM scratch\n{SHELL}COPY . /all\n")
    (context / ".dockerignore").write_text("data\n")
    (context / "data").mkdir()
    (context / "data" / "file").write_text("x")
    (context / "data").chmod(0)
    report = examined(context)
    assert isinstance(report, Report)
    assert not report.failure


@pytest.mark.parametrize(
    "extra",
    [
        ("--no-such-option",),
        ("--progress=plain",),
        ("--metadata-file", "m.json"),
        ("--push",),
        ("--output", "type=tar,dest=/nowhere/x.tar"),
        ("--build-context", "assets=/does/not/exist"),
        ("--secret", "id=x,src=/does/not/exist"),
        ("--platform", "plan9/z80"),
        ("--builder", "no-such-builder"),
        ("--target", "nope"),
        ("--call=outline",),
        ("--tag", "Not A Tag"),
        ("--help",),
        ("another", "context"),
        ("--",),
        ("",),
    ],
    ids=" ".join,
)
def test_any_argument_of_the_build_ends_in_a_report(context, extra):
    (context / "Dockerfile").write_text(f"FROM scratch\n{SHELL}")
    assert examined(context, extra=extra)


def test_a_named_context_is_no_traceback(context):
    (context / "assets").mkdir()
    (context / "assets" / "a").write_text("x")
    (context / "Dockerfile").write_text(f"FROM scratch\n{SHELL}COPY --from=assets a /a\n")
    examined(context, extra=("--build-context", f"assets={context / 'assets'}"))
    examined(context)


def test_the_command_ends_without_a_traceback(context, tmp_path):
    (context / "Dockerfile").write_text("ARG V\nFROM node:$V-alpine\n")
    for words in ((), ("--json", "/dev/full"), ("--json", tmp_path), ("--target", "x"), ("--file", "/")):
        done = subprocess.run(
            [sys.executable, "-m", "helpers", "examine", context, *map(str, words)],
            cwd=paths.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        assert "fault of the workbook" not in done.stdout + done.stderr
