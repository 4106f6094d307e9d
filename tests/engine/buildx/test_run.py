"""Builds against a real engine: what is reused, what is sent, what comes out, and how a build ends.

Most builds are FROM scratch with a static busybox, so that they need no base image and take a second.
"""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.bases import BaseError
from helpers.buildx import BuildError, BuildResult, Request, build, dockerfile, plan
from helpers.buildx.dockerfile_words import DockerfileError
from helpers.host.errors import StoppedByReaderError, WorkbookError

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

SHELL = "COPY busybox /bin/sh\nCOPY busybox /bin/busybox\n"
APP = f"""\
FROM scratch AS tools
{SHELL}
FROM tools AS deps
RUN busybox echo installed > /deps
FROM deps AS app
COPY source.txt /source.txt
RUN busybox cat /deps /source.txt > /app
FROM tools AS unused
RUN busybox false
FROM scratch
COPY --from=app /app /app
"""


def _request(context: Path, tag: str, text: str = APP, **wishes) -> Request:
    path = context / "Dockerfile"
    path.write_text(text)
    return Request(path, context, tag, **wishes)


def _cached(result: BuildResult) -> dict[str, bool]:
    return {step.instruction: step.cached for step in result.steps if not step.internal}


def _assert_short(error: WorkbookError) -> None:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 500
    assert len(re.findall(r"[.:!?] +[A-Z]", text)) <= 3
    assert error.__cause__ is None


# What is reused


def test_a_source_edit_reuses_the_install_step(engine, context, tag):
    request = _request(context, tag)
    build(dataclasses.replace(request, cold=True), engine=engine)
    (context / "source.txt").write_text(f"edited {time.time_ns()}\n")
    cached = _cached(build(request, engine=engine))
    assert cached == {
        "COPY busybox /bin/sh": True,
        "COPY busybox /bin/busybox": True,
        "RUN busybox echo installed > /deps": True,
        "COPY source.txt /source.txt": False,
        "RUN busybox cat /deps /source.txt > /app": False,
        "COPY --from=app /app /app": False,
    }


def test_a_cold_build_runs_every_step(engine, context, tag):
    request = _request(context, tag, cold=True)
    build(request, engine=engine)
    result = build(request, engine=engine)
    assert not any(_cached(result).values())
    assert len(_cached(result)) == 6


def test_an_unchanged_build_runs_no_step_and_gives_the_same_image(engine, context, tag):
    request = _request(context, tag)
    first, second = build(request, engine=engine), build(request, engine=engine)
    assert all(_cached(second).values())
    assert second.image_id == first.image_id


def test_a_steps_seconds_are_the_time_it_took(engine, context, tag):
    text = f"FROM scratch\n{SHELL}RUN busybox sleep 1\n"
    result = build(_request(context, tag, text, cold=True), engine=engine)
    frame = result.to_frame().set_index("step")
    assert frame.loc["RUN busybox sleep 1", "seconds"] >= 1.0
    assert frame["seconds"].sum() < result.seconds
    assert set(frame["stage"]) == {""}


def test_the_watcher_sees_steps_begin_and_end(engine, context, tag):
    states: list[tuple[int, int]] = []

    def watch(progress):
        steps = [step for step in progress.steps if not step.internal]
        states.append((len(steps), sum(step.done for step in steps)))

    build(_request(context, tag, cold=True), watch, engine)
    assert states[-1] == (6, 6)
    assert [done for _, done in states] == sorted(done for _, done in states)
    assert len(set(states)) > 6


# What is sent


def test_context_bytes_are_the_files_plus_little_per_file(engine, context, tag):
    """The protocol adds up to 64 bytes a message, and messages of 32 KB carry the files."""
    for number in range(50):
        (context / f"file-{number}").write_bytes(os.urandom(10_000))
    (context / "big").write_bytes(os.urandom(5_000_000))
    files = sum(path.stat().st_size for path in context.iterdir() if path.name != "Dockerfile")
    result = build(_request(context, tag, "FROM scratch\nCOPY . /\n"), engine=engine)
    assert files <= result.context_bytes <= files * 1.002 + 200 * 53 + 1000


def test_an_edit_sends_the_edited_file_alone(engine, context, tag):
    request = _request(context, tag)
    build(request, engine=engine)
    (context / "source.txt").write_bytes(os.urandom(20_000))
    assert 20_000 <= build(request, engine=engine).context_bytes < 25_000


def test_what_dockerignore_names_is_not_sent(engine, context, tag):
    (context / "secret").write_bytes(os.urandom(1_000_000))
    (context / ".dockerignore").write_text("secret\nbusybox\n")
    result = build(_request(context, tag, "FROM scratch\nCOPY . /\n"), engine=engine)
    assert result.context_bytes < 10_000


# What a named context gives


@pytest.mark.parametrize("option", [["--build-context", "{}={}"], ["--build-context={}={}"]])
@pytest.mark.parametrize(
    "text",
    [
        "FROM scratch\nCOPY --from=assets logo /logo\n",
        f"FROM scratch\n{SHELL}RUN --mount=from=assets,target=/mnt busybox cat /mnt/logo > /logo\n",
    ],
)
def test_a_named_context_is_no_image_to_be_had(engine, context, tag, tmp_path, text, option):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "logo").write_text("logo\n")
    extra = tuple(word.format("assets", tmp_path / "assets") for word in option)
    result = build(_request(context, tag, text, extra=extra), engine=engine)
    assert result.image.read("/logo") == b"logo\n"


def test_a_named_context_takes_the_place_of_a_stage_and_of_what_that_stands_on(
    engine, context, tag, tmp_path
):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "logo").write_text("logo\n")
    text = "FROM nowhere.invalid/x AS assets\nRUN false\nFROM scratch\nCOPY --from=assets logo /logo\n"
    extra = ("--build-context", f"assets={tmp_path / 'assets'}")
    result = build(_request(context, tag, text, extra=extra), engine=engine)
    assert result.image.read("/logo") == b"logo\n"


def test_a_named_context_takes_the_place_of_a_base(engine, context, new_tag):
    base = build(_request(context, new_tag(), f"FROM scratch\n{SHELL}"), engine=engine)
    extra = ("--build-context", f"nowhere.invalid/base=docker-image://{base.tag}")
    text = "FROM nowhere.invalid/base:latest\nRUN busybox echo built > /built\n"
    result = build(_request(context, new_tag(), text, extra=extra), engine=engine)
    assert result.image.read("/built") == b"built\n"


# What a step says


def test_a_step_that_prints_an_error_and_succeeds_is_told(engine, context, tag):
    said = "npm error Exit handler never called!"
    text = f"FROM scratch\n{SHELL}RUN busybox echo '{said}' >&2\nRUN busybox echo all is well\n"
    result = build(_request(context, tag, text, cold=True), engine=engine)
    assert [printed.line for printed in result.printed_errors] == [said]
    assert result.printed_errors[0].step.instruction.startswith("RUN busybox echo 'npm error")


# What comes out


def test_the_image_is_the_engines_and_bears_our_label(engine, context, tag):
    result = build(_request(context, tag), engine=engine)
    image = engine.client.images.get(tag)
    assert result.image_id == image.id
    assert image.labels["workbook"] == "build"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", result.digest)
    if engine.store != "containerd":
        assert result.digest == image.id


def test_rebuilding_a_tag_leaves_no_image_without_a_name(engine, context, tag):
    made = set()
    for number in range(3):
        (context / "source.txt").write_text(f"{number} {time.time_ns()}\n")
        made.add(build(_request(context, tag), engine=engine).image_id)
    assert len(made) == 3
    nameless = {image.id for image in engine.client.images.list(filters={"dangling": True})}
    assert not made & nameless


def test_a_target_builds_that_stage(engine, context, tag):
    result = build(_request(context, tag, target="deps"), engine=engine)
    assert {step.stage for step in result.steps if not step.internal} == {"tools", "deps"}


def test_the_command_shown_builds_the_same_image(engine, context, tag):
    request = _request(context, tag)
    result = build(request, engine=engine)
    assert list(result.command) == plan(request, engine)
    pasted = result.shell_command
    subprocess.run(["sh", "-c", pasted], check=True, capture_output=True)
    assert engine.client.images.get(tag).id == result.image_id


def test_two_builds_at_once_keep_their_steps_apart(engine, context, new_tag, tmp_path):
    requests = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.Dockerfile"
        path.write_text(f"FROM scratch\n{SHELL}RUN busybox echo {name} > /name\n")
        requests.append(Request(path, context, new_tag(), cold=True))
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda request: build(request, engine=engine), requests))
    for name, result in zip(("one", "two"), results, strict=True):
        assert list(_cached(result))[-1] == f"RUN busybox echo {name} > /name"
    assert results[0].image_id != results[1].image_id


# Which stages the builder needs: `dockerfile` says so beforehand

NAMED = "FROM scratch AS {0}\nCOPY busybox /{0}\n"
STAGES = {
    "a chain": NAMED.format("a") + "FROM a AS b\nCOPY busybox /b\n" + NAMED.format("c") + "FROM b\nCOPY busybox /d\n",
    "copied by name in other case": NAMED.format("abc") + "FROM scratch\nCOPY --from=ABC /abc /x\n",
    "copied by number": NAMED.format("a") + NAMED.format("b") + "FROM scratch\nCOPY --from=1 /b /x\n",
    "mounted": NAMED.format("a")
    + NAMED.format("b")
    + f"FROM scratch\n{SHELL}RUN --mount=from=a,target=/mnt busybox ls /mnt/a\n",
    "a name given twice": NAMED.format("a") + "FROM a AS b\nCOPY busybox /b\n" + NAMED.format("a")
    + "FROM b\nCOPY --from=a /a /x\n",
    "by an argument": "ARG WHICH=b\n" + NAMED.format("a") + NAMED.format("b")
    + "FROM ${WHICH:-a} AS c\nCOPY busybox /c\n",
    "by a default": NAMED.format("a") + NAMED.format("b") + "FROM ${WHICH:-a} AS c\nCOPY busybox /c\n",
    "by an alternative": "ARG DEBUG=1\n" + NAMED.format("a") + NAMED.format("a-debug")
    + "FROM a${DEBUG:+-debug} AS c\nCOPY busybox /c\n",
    "by the architecture": NAMED.format("on-amd64") + NAMED.format("on-arm64")
    + "FROM on-${TARGETARCH} AS c\nCOPY busybox /c\n",
    "inherited by ONBUILD": NAMED.format("z") + "FROM scratch AS a\nCOPY busybox /a\nONBUILD COPY --from=z /z /z\n"
    + "FROM a\nCOPY --from=z /z /y\n",
    "inside a here-document": NAMED.format("a")
    + f"FROM scratch AS b\n{SHELL}RUN <<EOF\nbusybox echo 'FROM a' > /x\nEOF\n",
}  # fmt: skip


@pytest.mark.parametrize("text", STAGES.values(), ids=STAGES.keys())
def test_the_stages_we_foretell_are_those_the_builder_runs(engine, context, tag, text):
    result = build(_request(context, tag, text), engine=engine)
    ran = {step.stage for step in result.steps if not step.internal}
    foretold = dockerfile.parse(text, architecture=engine.architecture).needs()
    assert ran == {stage.label for stage in foretold}


@pytest.mark.parametrize("target", ["0", "stage-1", "nope"])
def test_a_target_we_refuse_the_builder_refuses_too(engine, context, tag, target):
    request = _request(context, tag, f"FROM scratch AS a\n{SHELL}FROM a\nCOPY busybox /b\n")
    command = [*plan(request, engine)[:-1], "--target", target, str(context)]
    done = subprocess.run(command, env=engine.process_environment(), capture_output=True, check=False)
    assert done.returncode != 0
    assert b"could not be found" in done.stderr
    with pytest.raises(DockerfileError):
        build(dataclasses.replace(request, target=target), engine=engine)


# What goes wrong


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("FROM scratch\nFOO bar\n", BuildError, r"did not start: .* line 2: unknown instruction: FOO"),
        ("FROM scratch\nCOPY --frmo=a b c\n", BuildError, r"did not start: .* unknown flag: -{0,2}frmo"),
        ("FROM scratch\nCOPY missing /x\n", BuildError, r'step `\[1/1\] COPY missing /x` failed: .*not found'),
        (
            f"FROM scratch AS base\n{SHELL}RUN echo hello; echo it broke >&2; exit 3\n",
            BuildError,
            r"step `\[3/3\] RUN echo hello; .*` failed: exit code: 3\. Its last words: (it broke|hello)$",
        ),
        ("FROM scratch\nRUN true\n", BuildError, r"step `\[1/1\] RUN true` failed: "),
        ("RUN true\n", DockerfileError, r"Dockerfile: it has no FROM"),
        ("FROM scratch\nRUN <<EOF\n", DockerfileError, r"<<EOF on line 2 has no end line"),
        ("FROM scratch AS a\nCOPY --from=a /x /y\n", BuildError, r"did not start: circular dependency"),
        ("FROM scratch AS 1a\nCOPY busybox /x\n", DockerfileError, r"line 1 calls its stage 1a"),
        (
            "FROM scratch AS a\nCOPY --from=z /z /z\nFROM scratch AS z\nCOPY busybox /z\nFROM a\n",
            BuildError,
            r'did not start: cannot copy from stage "z", it needs to be defined before',
        ),
    ],
)  # fmt: skip
def test_each_bad_dockerfile_is_one_typed_short_error(engine, context, tag, text, kind, sentence):
    with pytest.raises(kind, match=sentence) as caught:
        build(_request(context, tag, text), engine=engine)
    assert type(caught.value) is kind
    _assert_short(caught.value)
    assert not engine.client.images.list(filters={"reference": tag})


def test_each_missing_input_is_one_typed_short_error(engine, context, tag):
    request, missing = _request(context, tag), context / "missing"
    for wrong, kind, sentence in (
        (
            dataclasses.replace(request, dockerfile=missing),
            DockerfileError,
            "no Dockerfile at",
        ),
        (dataclasses.replace(request, context=missing), BuildError, "no build context at"),
        (dataclasses.replace(request, target="prod"), DockerfileError, "no stage 'prod'"),
        (dataclasses.replace(request, tag="Not A Name"), BuildError, "No image can be called|invalid"),
    ):
        with pytest.raises(kind, match=sentence) as caught:
            build(wrong, engine=engine)
        _assert_short(caught.value)


@pytest.mark.parametrize("option", ["--progress=plain", "--metadata-file=m.json", "--quiet"])
def test_an_option_that_would_hide_the_build_is_refused_before_it_begins(engine, context, tag, option):
    with pytest.raises(WorkbookError, match=r"^A build cannot be given --") as caught:
        build(_request(context, tag, extra=(option,)), engine=engine)
    _assert_short(caught.value)
    assert not engine.client.images.list(filters={"reference": tag})


@pytest.mark.parametrize("bad", ["file", "folder", "link", "named context", "Dockerfile"])
def test_a_name_that_is_not_utf_8_is_built_or_named(engine, context, tag, tmp_path, bad):
    request = _request(context, tag, "FROM scratch\nCOPY . /all\nCOPY --from=other . /other\n")
    other, name = tmp_path / "other", os.fsdecode(b"caf\xe9")
    other.mkdir()
    (other / "some").write_text("x")
    request = dataclasses.replace(request, extra=("--build-context", f"other={other}"))
    if bad == "folder":
        (context / name).mkdir()
        (context / name / "file").write_text("x")
    elif bad == "link":
        (context / "link").symlink_to(name)
    elif bad == "Dockerfile":
        request = dataclasses.replace(request, dockerfile=request.dockerfile.rename(context / name))
    else:
        ((other if bad == "named context" else context) / name).write_text("x")
    shown = "link" if bad == "link" else "caf\\xe9"
    files, refused = set(), ""
    try:
        files = {file.path for file in build(request, engine=engine).image.files}
    except BuildError as error:
        _assert_short(error)
        refused = str(error)
    built = f"/{'other' if bad == 'named context' else 'all'}/{shown}" in files
    assert built or f"refuses {shown}, which has, or leads to, a name that is not in UTF-8" in refused


def test_an_option_that_the_builder_does_not_know_is_named(engine, context, tag):
    with pytest.raises(BuildError, match=r"did not start: unknown flag: --nope\.$") as caught:
        build(_request(context, tag, extra=("--nope",)), engine=engine)
    _assert_short(caught.value)


@pytest.mark.rare
@pytest.mark.parametrize(
    ("driver", "where"),
    [
        ("docker-container", ["--driver-opt", "image=nowhere.invalid/buildkit:none"]),
        ("remote", ["tcp://127.0.0.1:9"]),
    ],
)
def test_a_builder_that_does_not_start_is_said_to_be_one(
    engine, context, tag, tmp_path, monkeypatch, driver, where
):
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path / "buildx"))
    name = f"wb-{uuid.uuid4().hex[:8]}"
    create = engine.command("buildx", "create", "--name", name, "--driver", driver, *where)
    settings = engine.process_environment() | {"BUILDX_CONFIG": str(tmp_path / "buildx")}
    subprocess.run(create, env=settings, check=True, capture_output=True)
    monkeypatch.setenv("BUILDX_BUILDER", name)
    try:
        with pytest.raises(BuildError, match=r"does not start: .*BUILDX_BUILDER") as caught:
            build(_request(context, tag), engine=engine)
    finally:
        remove = engine.command("buildx", "rm", "--force", name)
        subprocess.run(remove, env=settings, check=True, capture_output=True)
    _assert_short(caught.value)


def test_a_base_out_of_reach_with_stand_ins_off_is_one_short_error(engine, context, tag, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "off")
    begun = time.monotonic()
    with pytest.raises(BaseError, match=r"registry\.invalid/node:20 is not in the engine") as caught:
        build(_request(context, tag, "FROM registry.invalid/node:20\n"), engine=engine)
    assert time.monotonic() - begun < 60
    _assert_short(caught.value)


def test_a_failed_build_leaves_the_earlier_image_alone(engine, context, tag):
    first = build(_request(context, tag), engine=engine)
    with pytest.raises(BuildError):
        build(_request(context, tag, f"FROM scratch\n{SHELL}RUN exit 1\n"), engine=engine)
    assert engine.client.images.get(tag).id == first.image_id


# Stopped in the middle


def _sleeper(context: Path, tag: str) -> tuple[Request, str]:
    """Return a build that sleeps for five minutes, and the words by which its process is known."""
    seconds = 300 + time.time_ns() % 10**9 / 10**9
    words = f"busybox sleep {seconds:.9f}"
    text = f"FROM scratch\n{SHELL}RUN echo ready; {words}\n"
    return _request(context, tag, text, cold=True), words


def _processes(words: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in command:
            found.append(int(entry.name))
    return found


def _when_it_runs(act):
    """Return a watcher that acts once the sleeping step has spoken.

    Not as soon as it has begun: BuildKit 0.13 that is told to stop before the container exists says
    "failed to kill process" in its log and lets the step run to its end.
    """
    acted = threading.Event()

    def watch(progress):
        if not acted.is_set() and "ready" in progress.log:
            acted.set()
            act()

    return watch


def _assert_gone(words: str, tag: str) -> None:
    end = time.monotonic() + 60
    while (_processes(words) or _processes(tag)) and time.monotonic() < end:
        time.sleep(0.1)
    assert _processes(words) == []
    assert _processes(tag) == []


def test_an_interrupt_by_signal_stops_client_and_step(engine, context, tag):
    request, words = _sleeper(context, tag)
    main, seen = threading.main_thread().ident, []

    def interrupt():
        seen.extend(_processes(words))
        signal.pthread_kill(main, signal.SIGINT)

    watch = _when_it_runs(lambda: threading.Timer(0.5, interrupt).start())
    begun = time.monotonic()
    with pytest.raises(StoppedByReaderError, match="stopped at your request") as caught:
        build(request, watch, engine)
    assert time.monotonic() - begun < 120
    assert seen or not Path(engine.root).is_dir(), "the step should have been seen running"
    _assert_gone(words, tag)
    _assert_short(caught.value)
    assert not engine.client.images.list(filters={"reference": tag})
    assert build(_request(context, tag), engine=engine).image_id


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_watcher_that_raises_leaves_nothing_running(engine, context, tag, error):
    request, words = _sleeper(context, tag)

    def fail():
        raise error("a broken watcher")

    expected = StoppedByReaderError if error is KeyboardInterrupt else ValueError
    with pytest.raises(expected):
        build(request, _when_it_runs(fail), engine)
    _assert_gone(words, tag)
