"""A report in its forms: tables, JSON, HTML, text; and what the command takes."""

from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest

from helpers.examine import command, gather, run
from helpers.examine.credentials import Secret
from helpers.examine.findings import Check, Finding, Listing, Severity, counted, in_order
from helpers.examine.rebuild import Outcome, Rebuild
from helpers.examine.removable import Share
from helpers.examine.report import BuildContext, BuiltImage, Folder, LayerSize, Report
from helpers.examine.unwanted import Unwanted
from helpers.host.errors import WorkbookError

EVIL = "<script>alert('x')</script>[/b]"
FINDINGS = in_order(
    [
        Finding("b", "size", Severity.HINT, 2, "a hint"),
        Finding("a", "cache", Severity.ERROR, 9, f"an error {EVIL}", "a remedy"),
        Finding("c", "context", Severity.WARNING, None, "a warning", source="hadolint"),
    ]
)
REPORT = Report(
    project=EVIL,
    dockerfile="docker/Dockerfile",
    target="",
    stages=(("one", EVIL), ("two", "scratch")),
    checks=(Check("rules", FINDINGS), Check("hadolint", note=EVIL)),
    context=BuildContext(
        "", (Folder("src/", 300, 200), Folder("a", 100, 0)), (Unwanted("a", 1, "x", "a"),)
    ),
    image=BuiltImage(
        "t",
        "root",
        (
            LayerSize("FROM x", True, 5_000_000, 2_000_000, 0),
            LayerSize(EVIL, False, 1_000_000, 1, 500_000),
        ),
        (Share("caches", 3, 400_000, "by place"),),
        (Secret("/app/.env", "`KEY`"),),
        1.5,
        1,
        2,
    ),
    rebuild=Rebuild("src/[/b].js", 2.0, (Outcome("one", "RUN x", 1.0, False, 0.0, True),)),
    conditions="Docker Engine 1",
    failure="",
)
BARE = Report("p", "D", "", (("s", "b"),), (), None, None, None, "", "It failed.")


class Page(HTMLParser):
    seen: set[str] = set()  # noqa: RUF012 - one page a test

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)


def test_findings_come_gravest_first():
    assert [f.severity for f in FINDINGS] == [Severity.ERROR, Severity.WARNING, Severity.HINT]
    assert counted(FINDINGS) == "1 error, 1 warning, 1 hint"
    assert counted(FINDINGS[:1] * 2) == "2 errors"
    assert counted(()) == "no findings"


def test_figures_are_sums_of_their_parts():
    assert REPORT.image.uncompressed_bytes == 6_000_000
    assert REPORT.image.wasted_bytes == 500_000
    assert REPORT.context.sent_bytes == 200
    figures = REPORT.figures().set_index("what")["value"]
    assert figures["image on disk"] == 6.0
    assert figures["not needed by a final stage, at least"] == 0.4
    assert figures["steps that the edit made run again"] == 0


def test_json_holds_everything_with_units_in_its_names():
    found = json.loads(REPORT.to_json())
    assert found["image"]["uncompressed_bytes"] == 6_000_000
    assert found["context"]["sent_bytes"] == 200
    assert found["findings"][0] == {
        "rule": "a",
        "topic": "cache",
        "severity": "error",
        "line": 9,
        "sentence": f"an error {EVIL}",
        "remedy": "a remedy",
        "source": "workbook",
    }
    assert found["stages"][1] == {"name": "two", "base": "scratch"}
    assert found["rebuild"]["steps"][0]["cached"] is True


@pytest.mark.parametrize(
    "html", [REPORT.to_html(), REPORT._repr_html_(), Listing(FINDINGS)._repr_html_()]
)
def test_nothing_of_a_project_becomes_markup(html):
    page = Page()
    page.feed(html)
    assert "script" not in page.seen
    assert "alert" in html


def test_a_notebook_folds_the_details_and_a_page_does_not():
    folded, page = REPORT._repr_html_(), REPORT.to_html()
    assert folded.index("The figures") < folded.index("Findings") < folded.index("<details")
    assert folded.index("<details") < folded.index("Layers") < folded.index("Rebuild after")
    assert "<details open>" not in folded
    assert page.count("<details open>") == page.count("<details") == folded.count("<details")


def test_the_text_has_every_part_and_fits_its_width():
    text = REPORT.to_text(100)
    for part in (
        "The figures",
        "1 error, 1 warning, 1 hint",
        "Layers",
        "Build context",
        "Rebuild after",
    ):
        assert part in text
    rows = [line for line in text.splitlines() if not line.startswith("Measured")]
    assert max(len(line) for line in rows) <= 100


def test_a_report_without_an_image_still_has_every_form():
    assert "no image" in repr(BARE)
    assert "No image: It failed." in str(BARE)
    assert "It failed." in BARE.to_html()
    assert json.loads(BARE.to_json())["image"] is None
    for table in (BARE.layers(), BARE.removable(), BARE.sent(), BARE.steps(), BARE.to_frame()):
        assert len(table) == 0


def test_a_build_argument_needs_a_name_and_an_equals_sign():
    assert command.pair("--build-arg", "A=b=c") == ("A", "b=c")
    assert command.pair("--build-arg", "A=") == ("A", "")
    for wrong in ("A", "=b", ""):
        with pytest.raises(WorkbookError, match="NAME=VALUE"):
            command.pair("--build-arg", wrong)


def test_a_project_is_found_by_folder_by_file_and_by_containerfile(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    assert gather.find(tmp_path).dockerfile == (tmp_path / "Dockerfile").resolve()
    assert gather.find(tmp_path / "Dockerfile").context == tmp_path.resolve()
    other = tmp_path / "other"
    other.mkdir()
    (other / "Containerfile").write_text("FROM a\n")
    assert gather.find(other).dockerfile.name == "Containerfile"
    outside = gather.find(other, "../Dockerfile", context=tmp_path)
    assert (outside.dockerfile.parent, outside.context) == (tmp_path.resolve(), tmp_path.resolve())


@pytest.mark.parametrize(
    "wrong", [{"path": Path("/does/not/exist")}, {"file": "nope"}, {"context": "nope"}]
)
def test_what_is_not_there_is_one_sentence(tmp_path, wrong):
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    options = {key: value for key, value in wrong.items() if key == "file"}
    if "context" in wrong:
        options["context"] = tmp_path / "nope"
    with pytest.raises(WorkbookError) as caught:
        gather.find(wrong.get("path", tmp_path), **options)
    assert "\n" not in str(caught.value)


def test_no_report_is_written_into_the_project(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    project = gather.find(tmp_path)
    with pytest.raises(WorkbookError, match="never changed"):
        command.check_place(tmp_path / "report.html", project)
    with pytest.raises(WorkbookError, match="no folder"):
        command.check_place(tmp_path.parent / "no-such-folder" / "r.html", project)


def test_without_a_build_the_report_needs_no_engine(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    (tmp_path / "Dockerfile").write_text("FROM node:20\nCOPY . .\nRUN npm ci\n")
    (tmp_path / ".env").write_text("API_KEY=sk_fake_1a2b3c4d\n")
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "main.js").touch()
    report = run.examine(gather.find(tmp_path), build=False)
    assert not report.failure
    assert {"sources-before-install", "secret-in-context", "no-ignore-file"} <= {
        f.rule for f in report.findings
    }
    assert report.context.sent_bytes > 0


def test_a_name_that_is_no_utf_8_can_be_written_in_every_form(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM node:20\nCOPY . .\n")
    (tmp_path / os.fsdecode(b"caf\xe9.pem")).write_text(f"-----BEGIN {'PRIVATE'} KEY-----\n")
    report = run.examine(gather.find(tmp_path), build=False)
    for written in (report.to_json(), report.to_html(), str(report)):
        assert "xe9.pem" in written.encode().decode()


@pytest.mark.parametrize("pattern", ["!", "[z-a]"])
def test_a_broken_ignore_file_is_a_note(tmp_path, pattern):
    (tmp_path / "Dockerfile").write_text("FROM node:20\nCOPY . .\n")
    (tmp_path / ".dockerignore").write_text(f"{pattern}\n")
    report = run.examine(gather.find(tmp_path), build=False)
    assert report.context is None
    assert any("context was not looked at" in note for note in report.not_done)


def test_what_the_builder_will_stumble_over_in_the_context_is_named(tmp_path, monkeypatch):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /x/\n")
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
    (tmp_path / "db").mkdir()
    scandir = os.scandir

    def scan(path):
        if str(path).endswith("/db"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)

    def told() -> dict[str, str]:
        report = run.examine(gather.find(tmp_path), build=False)
        return {f.rule: f.sentence for f in report.findings}

    assert told()["unreadable-in-context"].startswith("db cannot be read")
    assert "caf\\xe9" in told()["name-not-utf-8"]
    (tmp_path / ".dockerignore").write_text("db\ncaf*\n")
    assert not {"unreadable-in-context", "name-not-utf-8"} & told().keys()


def test_a_dockerfile_that_is_a_link_has_the_ignore_file_beside_the_link(tmp_path):
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Real").write_text("FROM scratch\nCOPY . /x/\n")
    (tmp_path / "Dockerfile").symlink_to("docker/Real")
    (tmp_path / "Dockerfile.dockerignore").write_text(".env\n")
    (tmp_path / ".env").write_text("KEY=1")
    report = run.examine(gather.find(tmp_path), build=False)
    assert report.context.ignore_file == "Dockerfile.dockerignore"
    assert "secret-in-context" not in {f.rule for f in report.findings}
