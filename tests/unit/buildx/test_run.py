"""The command of a build, and what is said of each way it can end; a script plays the docker command."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from docker.errors import APIError, ImageNotFound

from helpers.bases import Base, BaseError, Source
from helpers.buildx import (
    BuildError,
    Request,
    build,
    dockerfile,
    plan,
)
from helpers.buildx import run as builds
from helpers.buildx.dockerfile_words import DockerfileError
from helpers.engine import Engine, EngineError
from helpers.host import processes
from helpers.host.errors import StoppedByReaderError, WorkbookError

STREAMS = Path(__file__).parent / "streams"
REQUEST = Request(Path("app/prod.Dockerfile"), Path("app"), "shop:1")


class _Images:
    """An engine's images: what has been built under a tag."""

    def __init__(self) -> None:
        self.by_name: dict[str, SimpleNamespace] = {}
        self.error: Exception | None = None

    def get(self, name: str) -> SimpleNamespace:
        if self.error:
            raise self.error
        if name not in self.by_name:
            raise ImageNotFound("no such image")
        return self.by_name[name]


def _engine(docker: str = "docker", store: str = "overlay2", **environment: str) -> Engine:
    client = SimpleNamespace(images=_Images())
    return Engine(docker, environment, "26.1.5", "0.13.1", "amd64", store, "/d", False, client)


@pytest.fixture
def docker(tmp_path):
    """Make an engine whose docker command prints a stream and ends with a code."""

    def make(stream: str = "", code: int = 0, then: str = "true") -> Engine:
        (tmp_path / "stream").write_text(stream)
        script = tmp_path / "docker"
        metadata = '{"containerimage.config.digest": "sha256:i", "containerimage.digest": "sha256:d"}'
        script.write_text(
            "#!/bin/bash\ntrap 'exit 130' INT\n"
            'while [ "$1" != --metadata-file ]; do shift; done\n'
            f"echo $$ > {shlex.quote(str(tmp_path / 'pid'))}\n"
            f"cat {shlex.quote(str(tmp_path / 'stream'))} >&2\n"
            f"{then}\n"
            f"""[ {code} = 0 ] && echo '{metadata}' > "$2"\nexit {code}\n"""
        )
        script.chmod(0o755)
        return _engine(str(script))

    return make


@pytest.fixture
def request_here(tmp_path) -> Request:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    return Request(tmp_path / "Dockerfile", tmp_path, "wb:test")


def _recorded(name: str) -> str:
    return (STREAMS / f"{name}.txt").read_text()


def _assert_short(error: WorkbookError) -> None:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 400
    assert text[0].isupper()
    assert error.__cause__ is None


# The command


def test_the_command_is_what_one_would_type():
    assert REQUEST.command(_engine(), []) == shlex.split(
        "docker buildx build --load --file app/prod.Dockerfile --tag shop:1 --label workbook=build app"
    )


def test_every_wish_of_a_request_is_in_the_command():
    request = dataclasses.replace(
        REQUEST, target="prod", build_args={"V": "20", "W": "a b"}, cold=True, extra=("--pull=false",)
    )
    wishes = "--target prod --build-arg V=20 --build-arg 'W=a b' --no-cache --pull=false app"
    assert shlex.join(request.command(_engine(), [])).endswith(f" workbook=build {wishes}")


def test_a_stand_in_shows_in_the_command_and_a_real_base_does_not():
    stand_in = Base("node:20", Source.STAND_IN, "workbook/node:1")
    real = Base("alpine", Source.PRESENT, "alpine")
    command = REQUEST.command(_engine(), [stand_in, real])
    assert command[10:-1] == ["--build-context", "node:20=docker-image://workbook/node:1"]


def test_the_containerd_store_gets_no_attestation_in_its_image():
    assert "--provenance=false" in REQUEST.command(_engine(store="containerd"), [])
    assert "--provenance=false" not in REQUEST.command(_engine(), [])


def test_what_follows_the_build_is_not_part_of_the_command_shown(docker, request_here):
    result = build(request_here, engine=docker(_recorded("cold-buildx-0.13.1")))
    assert list(result.command) == plan(request_here, result.engine)
    assert "rawjson" not in result.shell_command


def test_the_command_shown_can_be_pasted_with_its_settings():
    where = _engine(DOCKER_HOST="unix:///a b.sock")
    request = dataclasses.replace(REQUEST, context=Path("mit Umläuten"))
    result = _result(request, where)
    assert result.shell_command.startswith("DOCKER_HOST='unix:///a b.sock' docker buildx build ")
    assert shlex.split(result.shell_command)[-1] == "mit Umläuten"


def _result(request: Request, where: Engine, bases: tuple[Base, ...] = ()) -> builds.BuildResult:
    command = tuple(request.command(where, list(bases)))
    day = datetime(2026, 11, 25, tzinfo=UTC)
    parsed = dockerfile.parse("FROM scratch\n")
    return builds.BuildResult(request, parsed, command, "i", "d", 1.0, (), 0, bases, day, where)


def test_conditions_name_engine_bases_and_date():
    base = Base("node:20", Source.STAND_IN, "workbook/node:1")
    assert _result(REQUEST, _engine(), (base,)).conditions == (
        "Docker Engine 26.1.5, buildx 0.13.1, linux/amd64 · node:20, stand-in · 2026-11-25"
    )
    assert _result(REQUEST, _engine()).conditions.count("·") == 1


def test_the_builders_checks_are_asked_with_nothing_that_writes():
    extra = ("--push", "--secret", "id=a,src=b", "--output=out", "-t", "mine:1", "--iidfile", "id")
    request = dataclasses.replace(REQUEST, target="prod", build_args={"V": "20"}, extra=extra)
    stand_in = Base("node:20", Source.STAND_IN, "workbook/node:1")
    command = request.check_command(_engine(), [stand_in])
    assert shlex.join(command) == (
        "docker buildx build --call=check,format=json --file app/prod.Dockerfile --target prod "
        "--build-arg V=20 --build-context node:20=docker-image://workbook/node:1 --secret id=a,src=b app"
    )


# A build that ends well


def test_a_result_has_the_steps_the_bytes_and_the_digests(docker, request_here):
    seen: list[int] = []
    where = docker(_recorded("cold-buildx-0.13.1"))
    result = build(request_here, lambda progress: seen.append(len(progress.steps)), where)
    assert (result.image_id, result.digest, result.tag) == ("sha256:i", "sha256:d", "wb:test")
    assert result.context_bytes > 2_000_000
    assert seen == sorted(seen)
    assert seen[-1] == len(result.steps)
    frame = result.to_frame()
    assert list(frame.columns) == ["stage", "step", "seconds", "cached"]
    assert list(frame["stage"]) == ["one", "one", "one", "two", "stage-3"]


def test_an_image_of_docker_29_is_known_by_the_digest_of_its_index(tmp_path):
    said = json.loads((Path(__file__).parents[1] / "image/engine29.json").read_text())
    (tmp_path / "metadata.json").write_text(json.dumps(said["metadata of a build"]))
    index = "sha256:b0b1c38b2d8cd80bc3d3ecf5f5025083df377e571f39d4ce932db0fb3fa03c6e"
    assert builds._digests(tmp_path / "metadata.json") == (index, index)


def test_cached_steps_count_no_seconds(docker, request_here):
    frame = build(request_here, engine=docker(_recorded("cached-buildx-0.29.1"))).to_frame()
    assert frame["cached"].all()
    assert frame["seconds"].sum() == 0.0


# A build that fails


FAILED = '[build 1/1] RUN echo compiling; echo "src/app.ts(3,1): error TS2322" >&2; exit 2'


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        ("failing-buildx-0.13.1", f"The step `{FAILED}` failed: exit code: 2. Its last words: "),
        ("failing-buildx-0.29.1", f"The step `{FAILED}` failed: exit code: 2. Its last words: "),
        (
            "pair-failing-buildx-0.36.1",
            'The step `[builder 6/6] RUN node -e "process.exit(3)"` failed: exit code: 3.',
        ),
        (
            "syntax-buildx-0.13.1",
            "The build did not start: dockerfile parse error on line 2: unknown instruction: FOO "
            "(did you mean FROM?).",
        ),
        (
            "nofile-buildx-0.13.1",
            'The step `[1/1] COPY missing /x` failed: not in the build context: "/missing": not found.',
        ),
        (
            "nobase-buildx-0.13.1",
            "The step `[internal] load metadata for nowhere.invalid/node:20`",
        ),
    ],
)
def test_each_failure_is_one_short_error(docker, request_here, stream, sentence):
    with pytest.raises(BuildError) as caught:
        build(request_here, engine=docker(_recorded(stream), code=1))
    assert str(caught.value).startswith(sentence)
    _assert_short(caught.value)


def test_the_failing_step_and_its_own_words_come_with_the_error(docker, request_here):
    with pytest.raises(BuildError) as caught:
        build(request_here, engine=docker(_recorded("failing-buildx-0.13.1"), code=1))
    assert caught.value.step.stage == "build"
    assert sorted(caught.value.log) == ["compiling", "src/app.ts(3,1): error TS2322"]


def _failing_step(*lines: str, error: str = "exit code: 1") -> str:
    from base64 import b64encode
    from json import dumps

    process = f'process "/bin/sh -c npm ci" did not complete successfully: {error}'
    vertex = {"digest": "d", "name": "[build 2/3] RUN npm ci", "error": process}
    data = b64encode("".join(f"{line}\n" for line in lines).encode()).decode()
    logs = [{"vertex": "d", "stream": 2, "data": data}]
    other = [{"vertex": "e", "stream": 1, "data": b64encode(b"another step\n").decode()}]
    return (
        dumps({"vertexes": [vertex]}) + "\n" + dumps({"logs": logs}) + "\n" + dumps({"logs": other})
        + f"\nERROR: failed to solve: {process}\n"
    )  # fmt: skip


def test_the_last_words_are_the_compilers_not_npms_farewell(docker, request_here):
    stream = _failing_step(
        "src/app.ts(3,1): error TS2322: Type 'x'.",
        "npm error Lifecycle script `build` failed",
        "npm error A complete log of this run can be found in: /root/.npm/_logs",
    )
    with pytest.raises(BuildError, match=r"last words: src/app\.ts\(3,1\): error TS2322"):
        build(request_here, engine=docker(stream, code=1))


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (
            "npm error network request to http://x failed: getaddrinfo ENOTFOUND x",
            "npm could not",
        ),
        ("npm error code ECONNRESET", r"npm could not .*\(ECONNRESET\)"),
        ("npm error 502 Bad Gateway - GET http://x/y.tgz\nnpm error code E502", r"\(E502\)"),
        ("npm ERR! code EINTEGRITY", "not the one of package-lock.json"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"),
    ],
)
def test_a_known_trouble_of_npm_comes_with_its_remedy(docker, request_here, line, hint):
    with pytest.raises(BuildError, match=hint) as caught:
        build(request_here, engine=docker(_failing_step(line), code=1))
    _assert_short(caught.value)


def test_the_apps_own_trouble_with_a_network_is_not_taken_for_npms(docker, request_here):
    stream = _failing_step("Error: connect ECONNREFUSED 127.0.0.1:5432", "npm error code 1")
    with pytest.raises(BuildError, match=r"last words: Error: connect ECONNREFUSED 127\.0\.0\.1"):
        build(request_here, engine=docker(stream, code=1))


def test_where_npm_alone_spoke_its_reason_is_quoted_and_not_its_farewell(docker, request_here):
    stream = _failing_step(
        "npm error code ERESOLVE",
        "npm error ERESOLVE unable to resolve dependency tree",
        "npm error A complete log of this run can be found in: /root/.npm/_logs",
    )
    with pytest.raises(BuildError, match="last words: npm error ERESOLVE unable to resolve"):
        build(request_here, engine=docker(stream, code=1))


def test_a_long_step_and_long_words_are_cut(docker, request_here):
    stream = _failing_step("w" * 5000).replace("npm ci", "npm ci && " + "x" * 5000)
    with pytest.raises(BuildError) as caught:
        build(request_here, engine=docker(stream, code=1))
    _assert_short(caught.value)


@pytest.mark.parametrize("where_said", ["log", "reason"])
def test_a_full_disk_is_told_apart(docker, request_here, where_said):
    sentence = "write /x: no space left on device"
    stream = _failing_step(sentence) if where_said == "log" else f"ERROR: failed to solve: {sentence}\n"
    with pytest.raises(BuildError, match="disk is full"):
        build(request_here, engine=docker(stream, code=1))


@pytest.mark.parametrize(
    "line",
    [
        # Seen with engine 26.1.5, buildx 0.13.1: killed, stopped, and never there.
        "failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF",
        "failed to solve: Unavailable: error reading from server: EOF",
        "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?",
    ],
)
def test_an_engine_that_went_away_is_told_apart(docker, request_here, line):
    with pytest.raises(EngineError, match="went away") as caught:
        build(request_here, engine=docker(f"ERROR: {line}\n", code=1))
    _assert_short(caught.value)


def test_words_of_a_step_that_sound_like_a_lost_engine_do_not_count(docker, request_here):
    stream = _failing_step("503 Service Unavailable", "closing connection")
    with pytest.raises(BuildError) as caught:
        build(request_here, engine=docker(stream, code=1))
    assert type(caught.value) is BuildError


@pytest.mark.parametrize(
    "advice",
    [
        "See 'docker buildx build --help'.\n",  # buildx 0.13
        "\nUsage:  docker buildx build [OPTIONS] PATH | URL | -\n\n"
        "Run 'docker buildx build --help' for more information\n",  # later ones
    ],
)
def test_an_option_that_the_builder_does_not_know_is_named(docker, request_here, advice):
    stream = f"unknown flag: --nope\n{advice}"
    with pytest.raises(BuildError, match=r"^The build did not start: unknown flag: --nope\.$"):
        build(request_here, engine=docker(stream, code=125))


def test_a_step_that_prints_an_error_and_succeeds_is_told(docker, request_here):
    stream = _failing_step("added 3 packages", "npm error Exit handler never called!", "bye")
    stream = stream.partition("\nERROR:")[0].replace('"error":', '"before":')
    stream = stream.replace(
        '{"digest"', '{"completed": "2026-01-01T00:00:02Z", "started": "2026-01-01T00:00:01Z", "digest"'
    )
    result = build(request_here, engine=docker(stream + "\n"))
    assert [str(printed) for printed in result.printed_errors] == [
        "`RUN npm ci` succeeded and printed an error: npm error Exit handler never called!"
    ]


def test_a_command_that_dies_without_a_word_is_still_an_error(docker, request_here):
    with pytest.raises(BuildError, match="gave no reason"):
        build(request_here, engine=docker("", code=1))


def test_a_command_that_was_killed_is_told_apart_from_one_that_failed(docker, request_here):
    half = _recorded("cold-buildx-0.13.1")[:5000]
    for where in (docker(half, code=255), docker(half, then="kill -9 $$")):
        with pytest.raises(BuildError, match="was killed in the middle of the build") as caught:
            build(request_here, engine=where)
        _assert_short(caught.value)


def test_what_the_reader_of_the_stream_does_not_know_is_passed_over(docker, request_here):
    strange = r"{\"future\":{\"vertexes\":1}}\n[1,2]\n{\"vertexes\":[{\"digest\":\"d\"\n\xff\xfe\x00{\n"
    where = docker(_recorded("cold-buildx-0.13.1"), then=f"printf '{strange}' >&2")
    result = build(request_here, engine=where)
    assert list(result.to_frame()["stage"]) == ["one", "one", "one", "two", "stage-3"]


@pytest.mark.parametrize("metadata", ["", "{", "[]", '{"containerimage.config.digest": "sha256:d"}'])
def test_a_build_that_does_not_say_what_it_built_is_one_sentence(docker, request_here, metadata):
    write = f"""echo '{metadata}' > "$2"; exit 0"""
    with pytest.raises(BuildError, match="without a word on what it built") as caught:
        build(request_here, engine=docker(_recorded("cold-buildx-0.13.1"), then=write))
    _assert_short(caught.value)


def test_a_stream_cut_in_the_middle_of_a_document_is_no_other_error(docker, request_here):
    text = _recorded("failing-buildx-0.13.1")
    with pytest.raises(BuildError):
        build(request_here, engine=docker(text[: text.rfind('"completed"')], code=1))


# Before it begins


def test_missing_inputs_are_said_before_docker_is_asked(tmp_path, request_here):
    where = _engine("/no/such/docker")
    missing = tmp_path / "no"
    for wrong, kind, reason in (
        (dataclasses.replace(request_here, context=missing), BuildError, "no build context"),
        (dataclasses.replace(request_here, dockerfile=missing), DockerfileError, "no Dockerfile"),
        (dataclasses.replace(request_here, target="no"), DockerfileError, "no stage 'no'"),
    ):
        for verb in (build, plan) if kind is DockerfileError else (build,):
            with pytest.raises(kind, match=reason) as caught:
                verb(wrong, engine=where)
            _assert_short(caught.value)


def test_a_base_that_cannot_be_had_is_an_error_of_the_bases(monkeypatch, tmp_path, request_here):
    def resolve(names, _engine):
        raise BaseError(f"{names} cannot be had.")

    monkeypatch.setattr(builds.base_images, "resolve", resolve)
    with pytest.raises(BaseError, match=r"\[\] cannot be had"):
        build(request_here, engine=_engine())


def test_a_name_that_no_image_can_have_is_said_so(docker, request_here):
    where = docker()
    response = SimpleNamespace(status_code=400, reason="Bad Request")
    where.client.images.error = APIError("x", response, "invalid reference format")
    with pytest.raises(BuildError, match="No image can be called 'Not A Name'") as caught:
        build(dataclasses.replace(request_here, tag="Not A Name"), engine=where)
    _assert_short(caught.value)


def test_an_engine_that_is_gone_before_the_build_is_said_so(docker, request_here):
    import requests

    where = docker()
    where.client.images.error = requests.ConnectionError("refused")
    with pytest.raises(EngineError, match="went away"):
        build(request_here, engine=where)


# Stopped in the middle


def _pid(tmp_path: Path) -> int:
    return int((tmp_path / "pid").read_text())


ENDLESS = "exec sleep 60"


def test_an_interrupt_stops_the_command_and_is_typed(docker, request_here, tmp_path):
    def watch(_):
        raise KeyboardInterrupt

    with pytest.raises(StoppedByReaderError) as caught:
        build(request_here, watch, docker(_recorded("cold-buildx-0.13.1"), then=ENDLESS))
    assert isinstance(caught.value, KeyboardInterrupt)
    assert "stopped at your request" in str(caught.value)
    assert not processes.alive(_pid(tmp_path))


def test_a_watcher_that_raises_leaves_nothing_running(docker, request_here, tmp_path):
    def watch(_):
        raise ValueError("a broken watcher")

    with pytest.raises(ValueError, match="a broken watcher"):
        build(request_here, watch, docker(_recorded("cold-buildx-0.13.1"), then=ENDLESS))
    assert not processes.alive(_pid(tmp_path))


def test_a_command_that_ignores_the_interrupt_is_killed(docker, request_here, tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "_PATIENCE", 0.3)
    deaf = "trap '' INT; while true; do sleep 0.1; done"

    def watch(progress):
        time.sleep(0.2)  # so that the script has set its trap
        raise KeyboardInterrupt

    with pytest.raises(StoppedByReaderError):
        build(request_here, watch, docker(_recorded("cold-buildx-0.13.1"), then=deaf))
    assert not processes.alive(_pid(tmp_path))


def test_a_second_interrupt_while_stopping_kills_at_once(docker, request_here, tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "_PATIENCE", 120)
    deaf = "trap '' INT; while true; do sleep 0.1; done"
    main = threading.main_thread().ident

    def watch(progress):
        time.sleep(0.2)
        threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(StoppedByReaderError):
        build(request_here, watch, docker(_recorded("cold-buildx-0.13.1"), then=deaf))
    assert time.monotonic() - begun < 60
    assert not processes.alive(_pid(tmp_path))


def test_a_command_with_much_to_say_while_stopping_is_not_waited_for(
    docker, request_here, tmp_path, monkeypatch
):
    monkeypatch.setattr(builds, "_PATIENCE", 120)
    talkative = "trap 'head -c 1000000 /dev/zero >&2; exit 1' INT; while true; do sleep 0.1; done"

    def watch(progress):
        time.sleep(0.2)
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(StoppedByReaderError):
        build(request_here, watch, docker(_recorded("cold-buildx-0.13.1"), then=talkative))
    assert time.monotonic() - begun < 60
    assert not processes.alive(_pid(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a child that its parent died")
def test_a_python_that_is_killed_takes_its_build_along(docker, request_here, tmp_path):
    where = docker(_recorded("cold-buildx-0.13.1"), then="trap 'kill $!; exit' INT; sleep 60 & wait")
    program = f"""
from types import SimpleNamespace
from helpers import buildx
buildx.follow(["{where.docker}", "--metadata-file", "x"],
              SimpleNamespace(process_environment=lambda: None))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(builds.__file__).parents[2])}
    python = subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=tmp_path)
    _wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    time.sleep(0.2)
    python.kill()
    python.wait()
    _wait_for(lambda: not processes.alive(_pid(tmp_path)))


def _wait_for(happened, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_errors_show_no_traceback_in_a_notebook():
    error = BuildError("The step failed.")
    assert error._render_traceback_() == ["BuildError: The step failed."]
    assert not re.search("Traceback", "".join(error._render_traceback_()))
