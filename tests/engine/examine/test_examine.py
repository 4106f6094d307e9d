"""Examinations on a real engine: Dockerfiles as they are found in the wild, and what is measured."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from helpers import bases
from helpers.buildx import context as contexts
from helpers.buildx import dockerfile
from helpers.buildx.dockerfile_words import DockerfileError
from helpers.examine import gather, run
from helpers.examine import rebuild as rebuilds
from helpers.examine.findings import Severity
from helpers.examine.report import Report
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.lesson import own

pytestmark = pytest.mark.engine

SHELL = "COPY busybox /bin/sh\nCOPY busybox /bin/busybox\n"


@pytest.fixture(autouse=True)
def _own_tag(monkeypatch, tag):
    """Give each test a tag of its own: the workbook's may be in use by a reader."""
    monkeypatch.setattr(run, "TAG", tag)


@pytest.fixture
def project(context) -> Path:
    (context / "src").mkdir()
    (context / "src" / "main.sh").write_text("echo hello\n")
    (context / "pom.xml").touch()  # its tools leave a folder that an ignore file would keep out
    return context


def fingerprint(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path} {path.lstat().st_mode} {path.lstat().st_mtime_ns}".encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def examined(folder: Path, text: str | bytes, file: str = "Dockerfile", **wishes) -> Report:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = fingerprint(folder)
    names = {"target", "build_args", "context", "extra"}
    project = gather.find(folder, file, **{k: v for k, v in wishes.items() if k in names})
    options = {k: v for k, v in wishes.items() if k not in names}
    report = run.examine(project, **({"measure_rebuild": False} | options))
    assert fingerprint(folder) == before
    return report


def rules(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


def assert_whole(report: Report) -> None:
    """The report has its measured part, and comes out in every form."""
    assert not report.failure
    assert report.image.uncompressed_bytes > 1e6
    assert report.image.compressed_bytes > 1e5
    assert len(report.layers()) == len(report.image.layers)
    assert json.loads(report.to_json())["image"]["uncompressed_bytes"] == report.image.uncompressed_bytes
    assert report.project in repr(report)
    assert "Layers" in str(report)
    Page().feed(report.to_html())


class Page(HTMLParser):
    def handle_starttag(self, tag, attrs):
        assert tag != "script"


IN_THE_WILD = {
    "plain": f'FROM scratch\n{SHELL}CMD ["/bin/sh"]\n',
    "here-documents": f"FROM scratch\n{SHELL}RUN <<EOF\nbusybox echo 'FROM nothing' > /a\nEOF\n"
    "COPY <<-one.txt <<'two.txt' /texts/\n\tFROM nowhere\n\tone.txt\nRUN $x\ntwo.txt\n",
    "line continuations": f"FROM scratch\n{SHELL}RUN busybox echo a && \\\n  # a comment\n\n  busybox echo b \\\n",
    "escape directive": f"# escape=`\nFROM scratch\n{SHELL}RUN busybox echo a `\n  b\n",
    "check directive": f"# check=skip=all\nFROM scratch\n{SHELL}",
    "lines of Windows": f"FROM scratch\n{SHELL}RUN busybox echo a \\\n  b\n".replace("\n", "\r\n"),
    "byte order mark": f"\ufeffFROM scratch\n{SHELL}",
    "ONBUILD": f"FROM scratch AS base\n{SHELL}ONBUILD COPY src /src\nFROM base\n"
    "RUN busybox test -e /src/main.sh\n",
    "arguments in FROM": f"ARG BASE=scratch AS_NAME=final\nFROM ${{BASE}} AS tools\n{SHELL}"
    "FROM tools\nRUN busybox true\n",
    "the platform of the builder": f"FROM --platform=$BUILDPLATFORM scratch AS made\n{SHELL}"
    "FROM scratch\nCOPY --from=made /bin /bin\n",
    "several stages": f"FROM scratch AS made\n{SHELL}RUN busybox echo a > /a\nFROM scratch\n"
    "COPY --from=0 /a /a\nCOPY busybox /bin/busybox\n",
    "JSON form": f'FROM scratch\n{SHELL}RUN ["busybox", "echo", "a b"]\nCOPY ["src", "/with space/"]\n',
    "keywords in any case": f"from scratch as a\n{SHELL.replace('COPY', 'copy')}",
}


@pytest.mark.every_engine
@pytest.mark.parametrize("text", IN_THE_WILD.values(), ids=IN_THE_WILD)
def test_a_dockerfile_from_the_wild_gets_a_whole_report(project, text):
    assert_whole(examined(project, text))


def test_a_dockerfile_that_is_not_at_the_root_takes_its_own_ignore_file(project):
    (project / "docker").mkdir()
    (project / "docker" / "api.Dockerfile.dockerignore").write_text("src\n")
    report = examined(project, f"FROM scratch\n{SHELL}COPY . /all\n", "docker/api.Dockerfile")
    assert_whole(report)
    assert report.context.ignore_file == "api.Dockerfile.dockerignore"
    assert {f.name: f.sent_bytes for f in report.context.folders}["src/"] == 0


def test_target_and_build_arguments_are_those_of_the_build(project):
    text = f"ARG NAME\nFROM scratch AS one\n{SHELL}ARG WORD\nRUN busybox test $WORD = yes\nFROM $NAME AS two\n"
    report = examined(project, text, target="one", build_args={"NAME": "one", "WORD": "yes"})
    assert_whole(report)
    assert report.target == "one"


@pytest.mark.every_engine
def test_a_build_that_fails_in_the_middle_keeps_what_could_be_read(project):
    report = examined(
        project, f"FROM scratch\n{SHELL}COPY . /all\nRUN busybox false\nRUN busybox true\n"
    )
    assert report.image is None
    assert "busybox false" in report.failure
    assert "exit code: 1" in report.failure
    assert report.context.sent_bytes > 0
    assert "no-ignore-file" in rules(report)
    assert json.loads(report.to_json())["image"] is None


@pytest.mark.every_engine
def test_a_frontend_that_cannot_be_had_is_replaced_by_the_engines_own_and_named(project):
    text = f"# syntax=registry.invalid/dockerfile:1\nFROM scratch\n{SHELL}COPY . /all\n"
    report = examined(project, text)
    assert_whole(report)
    assert "registry.invalid/dockerfile:1 is out of reach" in report.conditions
    assert "no-ignore-file" in rules(report)


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        ("ARG V\nFROM node:$V-alpine\n", "FROM on line 2 .* because `V` has no value"),
        ("FROM $V\n", "FROM on line 1 .* because `V` has no value"),
        ("FROM node:${V:?say}\n", "FROM on line 1: V must be given: say"),
        ("FROM Node:20\n", "'Node:20', which is not valid"),
        ("FROM scratch\nCOPY --from=$V /a /a\n", "COPY on line 2 .* no variable"),
    ],
)
def test_a_name_that_is_none_is_said_and_the_rest_is_read(project, head, sentence):
    report = examined(project, f"{head}COPY . /all\n")
    assert re.search(sentence, report.failure)
    assert report.context.sent_bytes > 0
    assert "no-ignore-file" in rules(report)


def test_a_foreign_platform_is_said(project, engine):
    foreign = {"amd64": "arm64"}.get(engine.architecture, "amd64")
    text = f"FROM --platform=linux/{foreign} node:20-alpine\nRUN true\n"
    report = examined(project, text)
    assert report.image or f"linux/{foreign}" in report.failure  # some engines emulate it


@pytest.mark.every_engine
def test_arguments_of_the_build_go_through_as_they_are(project, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("x")
    text = (
        f"FROM scratch\n{SHELL}RUN --mount=type=secret,id=t,required=true "
        f"busybox test -s /run/secrets/t && busybox echo {uuid.uuid4()}\n"
    )
    assert "secret t" in examined(project, text).failure
    report = examined(project, text, extra=("--secret", f"id=t,src={secret}"), measure_rebuild=True)
    assert_whole(report)


def test_the_image_bears_the_workbooks_label(engine, project, tag):
    examined(project, f"FROM scratch\n{SHELL}")
    assert engine.client.images.get(tag).labels["workbook"] == "build"


def test_a_base_that_cannot_be_had_is_said_in_one_sentence(project):
    report = examined(project, "FROM registry.invalid/tools:3\nCOPY . .\nRUN pip install -r r.txt\n")
    assert "registry.invalid/tools:3" in report.failure
    assert "\n" not in report.failure
    assert "sources-before-install" in rules(report)


BROKEN = {
    "empty": "",
    "no FROM": "RUN x\n",
    "no end of a here-document": "FROM scratch\nRUN <<EOF\nx\n",
    "no text": b"\xff\xfe\x00F",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_is_no_dockerfile_is_one_clear_error(project, text):
    with pytest.raises(DockerfileError) as caught:
        examined(project, text)
    assert "\n" not in str(caught.value)


def test_an_unknown_instruction_or_target_is_one_sentence(project):
    assert "FOO" in examined(project, f"FROM scratch\n{SHELL}FOO bar\n").failure
    with pytest.raises(DockerfileError, match="no stage 'nope'"):
        examined(project, f"FROM scratch\n{SHELL}", target="nope")


def test_a_missing_dockerfile_names_those_that_there_are(project):
    (project / "docker").mkdir()
    (project / "docker" / "Dockerfile.dev").write_text("FROM scratch\n")
    with pytest.raises(WorkbookError, match=r"docker/Dockerfile\.dev"):
        gather.find(project)


@pytest.mark.every_engine
def test_an_edit_of_a_source_shows_which_steps_lose_their_cache(project):
    (project / "deps.txt").write_text("a\n")
    text = (
        f"FROM scratch\n{SHELL}COPY deps.txt /deps.txt\nRUN busybox cp /deps.txt /installed\n"
        "COPY src /src\nRUN busybox sh /src/main.sh\n"
    )
    for _ in range(2):  # the second time too: an edit that was built before would come from the cache
        report = examined(project, text, measure_rebuild=True)
        assert report.rebuild.edited == "src/main.sh"
        assert [(o.instruction, o.cached) for o in report.rebuild.steps] == [
            ("COPY busybox /bin/sh", True),
            ("COPY busybox /bin/busybox", True),
            ("COPY deps.txt /deps.txt", True),
            ("RUN busybox cp /deps.txt /installed", True),
            ("COPY src /src", False),
            ("RUN busybox sh /src/main.sh", False),
        ]


def test_a_rebuild_leaves_neither_copy_nor_image(engine, project, tag):
    before = set(paths.state("copies").glob(f"{os.getpid()}-*"))
    examined(project, f"FROM scratch\n{SHELL}COPY src /src\n", measure_rebuild=True)
    assert set(paths.state("copies").glob(f"{os.getpid()}-*")) <= before
    assert not engine.client.images.list(filters={"reference": f"{tag}-edited"})


def test_a_context_with_a_pipe_and_a_dangling_link_is_survived(project):
    import os

    os.mkfifo(project / "src" / "pipe")
    (project / "src" / "nowhere").symlink_to("/does/not/exist")
    report = examined(project, f"FROM scratch\n{SHELL}COPY src/main.sh /\n", measure_rebuild=True)
    assert_whole(report)
    assert report.rebuild.edited == "src/main.sh"


def test_a_large_context_is_not_copied_for_a_rebuild(project, monkeypatch):
    monkeypatch.setattr(rebuilds, "LARGEST", 1000)
    report = examined(project, f"FROM scratch\n{SHELL}COPY src /src\n", measure_rebuild=True)
    assert report.rebuild is None
    assert any("too much to copy" in note for note in report.not_done)


@pytest.mark.every_engine
def test_an_argument_above_a_step_that_does_not_use_it_costs_it_its_cache(project, engine):
    """The rule early-argument says so; this is its evidence."""
    text = f"FROM scratch\n{SHELL}ARG GIT_SHA\nRUN busybox echo installed > /a\n"
    first = examined(project, text, build_args={"GIT_SHA": "one"})
    again = examined(project, text, build_args={"GIT_SHA": "one"})
    other = examined(project, text, build_args={"GIT_SHA": project.as_posix()})
    assert "early-argument" in rules(first)
    assert again.image.steps_cached == again.image.steps
    assert other.image.steps_cached == other.image.steps - 1


@pytest.mark.every_engine
def test_bytes_that_a_later_layer_hides_are_found_and_counted(project):
    text = f"FROM scratch\n{SHELL}RUN busybox dd if=/dev/zero of=/big bs=1000000 count=3\nRUN busybox rm /big\n"
    report = examined(project, text)
    assert report.image.wasted_bytes == 3_000_000
    (finding,) = [f for f in report.findings if f.rule in ("hidden-bytes", "removed-later")]
    assert (finding.rule, finding.line) == ("removed-later", 5)
    assert "3.0 MB" in finding.sentence


def test_a_secret_that_is_swept_in_is_one_error_in_context_or_image(project):
    (project / ".env").write_text("API_KEY=sk_fake_1a2b3c4d\n")
    report = examined(project, f"FROM scratch\n{SHELL}COPY . /all\n")
    errors = [f.rule for f in report.findings if f.severity is Severity.ERROR]
    assert errors == ["secret-in-context"]
    made = "RUN busybox echo DB_PASSWORD=q7Fz29xLm4 > /all/.env\n"
    (project / ".env").unlink()
    report = examined(project, f"FROM scratch\n{SHELL}COPY . /all\n{made}")
    errors = [f.rule for f in report.findings if f.severity is Severity.ERROR]
    assert errors == ["secret-in-image"]
    assert "q7Fz29xLm4" not in str([f.sentence for f in report.findings if f.rule == errors[0]])
    (project / ".dockerignore").write_text(".env\n")
    assert not {"secret-in-context", "secret-in-image"} & rules(
        examined(project, f"FROM scratch\n{SHELL}COPY . /all\n")
    )


def test_what_a_final_stage_would_not_need_is_counted_by_kind(project):
    (project / "src" / "main.c").write_bytes(b"int main(void) { return 0; }\n" * 1000)
    record = "P:gcc\nF:usr/bin\nR:gcc\n\nP:musl\nF:lib\nR:libc.so\n"
    text = (
        f"FROM scratch\n{SHELL}COPY src /src\n"
        "RUN busybox mkdir -p /root/.npm /lib/apk/db /usr/bin && busybox dd if=/dev/zero of=/root/.npm/x "
        "bs=1000 count=50 && busybox dd if=/dev/zero of=/usr/bin/gcc bs=1000 count=70\n"
        f"COPY <<EOF /lib/apk/db/installed\n{record}EOF\n"
    )
    shares = {share.what: share.bytes for share in examined(project, text).image.removable}
    assert shares == {
        "compilers and headers": 70_000,
        "package caches": 50_000,
        "sources of compiled code": 29_000,
    }


def test_the_sample_app_shows_what_a_second_stage_would_save(tag):
    """The lower bound is one: the article's multi-stage image saves more than it says."""
    report = run.examine(
        gather.find(paths.SAMPLE_APP, "dockerfiles/01_naive.Dockerfile"), measure_rebuild=False
    )
    shares = {share.what: share.bytes for share in report.image.removable}
    assert shares["development dependencies"] > 10e6
    assert shares["compilers and headers"] > 100e6
    assert report.image.removable_bytes < report.image.uncompressed_bytes - 200e6
    assert {"one-stage", "dev-dependencies", "no-ignore-file"} <= rules(report)


@pytest.mark.every_engine
def test_the_builders_own_checks_take_part_where_the_builder_has_them(engine, project):
    report = examined(project, f"FROM scratch\n{SHELL}MAINTAINER me\n")
    checks = {f.rule for f in report.findings if f.source == "docker build --check"}
    notes = [note for note in report.not_done if "check" in note]
    if tuple(int(n) for n in engine.buildx.split(".")[:2]) >= (0, 15) and not notes:
        assert "MaintainerDeprecated" in checks
    else:
        assert not checks
        assert len(notes) == 1


def test_the_example_in_c_runs_from_an_image_of_one_file(engine, tag):
    report = run.examine(gather.find(own.example(), "multistage.Dockerfile"))
    assert report.image.uncompressed_bytes < 2e6
    done = subprocess.run(
        engine.command("run", "--rm", "--interactive", "--network=none", tag),
        env=engine.process_environment(),
        input='a - - [x] "GET /" HTTP/1.1" 200 5\nb "GET / HTTP/1.1" 404 1\nnothing\n',
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "200 1\n404 1\nwithout 1\n"


def test_the_lessons_examples_are_left_as_they_are(tag):
    before = fingerprint(own.EXAMPLE)
    report = own.examine(own.example(), build_args={"GIT_SHA": "1a2b3c"})
    assert fingerprint(own.EXAMPLE) == before
    assert {"early-argument", "copied-twice", "removed-later", "one-stage"} <= rules(report)
    assert report.image.wasted_bytes > 20e6
    table = own.compare(one=report, two=report)
    assert table.loc["image on disk, MB", "one"] == report.image.uncompressed_bytes / 1e6
    assert str(round(report.image.uncompressed_bytes / 1e6)) in own.chart_removable(report).alt


def command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "helpers", "examine", *map(str, words)],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_the_report_and_writes_both_files(project, tmp_path):
    (project / "Dockerfile").write_text(f"FROM scratch\n{SHELL}COPY . /all\n")
    files = tmp_path / "r.json", tmp_path / "r.html"
    done = command(project, "--no-rebuild", "--json", files[0], "--html", files[1])
    assert done.returncode == 0, done.stderr
    assert "no-ignore-file" in done.stdout
    assert json.loads(files[0].read_text())["image"]["steps"] == 3
    assert "no-ignore-file" in files[1].read_text()


def test_the_command_fails_in_one_sentence(project, tmp_path):
    (project / "Dockerfile").write_text(f"FROM scratch\n{SHELL}RUN busybox false\n")
    done = command(project)
    assert done.returncode == 1
    assert "No image: The step `" in done.stdout
    for words in (
        (tmp_path / "nothing",),
        (project, "--build-arg", "X"),
        (project, "--json", project / "x"),
    ):
        done = command(*words)
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert command(project, "--targt", "x").returncode == 2


def test_without_an_engine_the_report_holds_what_can_be_read(project, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    report = examined(project, f"FROM scratch\n{SHELL}COPY . /all\n")
    assert "No Docker engine answers" in report.failure
    assert "no-ignore-file" in rules(report)


def test_the_dockerfile_is_read_once_the_context_walked_once_and_the_bases_found_once(
    project, monkeypatch
):
    """With a rebuild and all: what an edit in between changes is in no report half."""
    (project / "Dockerfile").write_text(f"FROM scratch\n{SHELL}COPY src /src\n")
    counted: Counter[str] = Counter()

    def counting(name, call):
        def count(*given, **named):
            counted[name] += 1
            return call(*given, **named)

        return count

    read_bytes = Path.read_bytes

    def count_reads(path: Path) -> bytes:
        counted["read"] += path.name == "Dockerfile"
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", count_reads)
    monkeypatch.setattr(dockerfile, "parse", counting("parsed", dockerfile.parse))
    monkeypatch.setattr(contexts, "survey", counting("walked", contexts.survey))
    monkeypatch.setattr(bases, "resolve", counting("resolved", bases.resolve))
    report = run.examine(gather.find(project))
    assert report.rebuild
    assert counted == {"read": 1, "parsed": 1, "walked": 1, "resolved": 1}


# What is added to the build


def test_a_named_context_is_no_image_to_be_had(project, tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "logo").write_text("logo\n")
    extra = ("--build-context", f"assets={tmp_path / 'assets'}")
    report = examined(project, "FROM scratch\nCOPY --from=assets logo /logo\n", extra=extra)
    assert not report.failure
    assert report.image.layers[-1].uncompressed_bytes > 0


def test_an_examination_that_fails_leaves_the_last_good_image(engine, project, tag):
    examined(project, f"FROM scratch\n{SHELL}")
    good = engine.client.images.get(tag)
    report = examined(project, f"FROM scratch\n{SHELL}RUN busybox false\n")
    assert "busybox false" in report.failure
    assert engine.client.images.get(tag).id == good.id
    assert good.attrs["RootFS"]["Layers"]


def test_a_step_that_printed_an_error_and_succeeded_is_in_the_report(project):
    said = "npm error Exit handler never called!"
    report = examined(project, f"FROM scratch\n{SHELL}RUN echo '{said}'; echo {uuid.uuid4()} > /x\n")
    found = [finding for finding in report.findings if finding.rule == "error-in-a-step"]
    assert [finding.line for finding in found] == [4]
    assert said in found[0].sentence
