"""Credentials planted where readers have theirs turn up in nothing that the workbook makes or says."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import buildx
from helpers.bases import host_settings
from helpers.buildx import BuildError, Request
from helpers.examine import gather, run
from helpers.host import paths
from helpers.host.workshop import Workshop
from helpers.image import Image
from helpers.image.secrets import search

pytestmark = pytest.mark.engine

SECRET = "planted-password"
PROXY = f"http://reader:{SECRET}@proxy.invalid:3128"
SHELL = 'FROM scratch\nCOPY busybox /bin/sh\nSHELL ["/bin/sh", "-c"]\n'


@pytest.fixture
def reader(engine, tmp_path, monkeypatch):
    """Return the engine as a reader has it whose every setting holds a login."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".npmrc").write_text(
        f"registry=https://reader:{SECRET}@npm.invalid/\n//npm.invalid/:_authToken={SECRET}\n"
        f"@team:registry=https://reader:a/b{SECRET}@team.invalid/?token={SECRET}\n"
    )
    own = {**os.environ, **engine.environment}.get("DOCKER_CONFIG") or Path.home() / ".docker"
    config = Path(own) / "config.json"
    settings = json.loads(config.read_text()) if config.is_file() else {}
    settings["proxies"] = {"default": {"httpProxy": PROXY, "httpsProxy": PROXY}}
    settings.setdefault("auths", {})["registry.invalid"] = {"auth": "cmVhZGVyOnBsYW50ZWQtcGFzc3dvcmQ="}
    (home / "config.json").write_text(json.dumps(settings))
    if (Path(own) / "cli-plugins").is_dir():
        (home / "cli-plugins").symlink_to(Path(own) / "cli-plugins")
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, PROXY)
    monkeypatch.setenv("PIP_INDEX_URL", f"https://reader:{SECRET}@pypi.invalid/simple")
    monkeypatch.setenv("NODE_AUTH_TOKEN", SECRET)
    monkeypatch.setenv("HOME", str(home))
    return dataclasses.replace(engine, environment={**engine.environment, "DOCKER_CONFIG": str(home)})


def write(context: Path, steps: str) -> Path:
    file = context / "Dockerfile"
    file.write_text(SHELL + steps.format(unique=secrets.token_hex(4)))
    return file


def test_an_image_and_its_history_hold_none(reader, context, tag):
    """Docker's client hands its proxies to each step, which did see them here."""
    file = write(context, 'RUN test "$HTTP_PROXY" = "$http_proxy" && test -n "$HTTP_PROXY" # {unique}\n')
    result = buildx.build(Request(file, context, tag), engine=reader)
    assert search(result.image, SECRET).sightings == ()
    assert SECRET not in result.shell_command + repr(result.to_frame().to_dict())


def test_a_base_with_this_hosts_settings_holds_none(reader, context, tag, tmp_path):
    result = buildx.build(Request(write(context, 'CMD ["/bin/sh"]\n'), context, tag), engine=reader)
    host = host_settings.read(os.environ)
    assert len(host.lines) == 2
    assert "npm.invalid" in "".join(host.lines)
    of_pip = "".join(host_settings.read_pip(os.environ).lines)
    assert "pypi.invalid" in of_pip
    assert SECRET not in of_pip
    host_settings.make_overlay(tag, result.image_id, host, reader, Workshop(tmp_path / "workshop"))
    made = reader.client.images.get(host_settings.overlay_tag(tag))
    try:
        assert search(Image(reader, str(made.id)), "npm.invalid").count("layer")
        assert search(Image(reader, str(made.id)), SECRET).sightings == ()
        stored = [file.read_bytes() for file in (tmp_path / "workshop").rglob("*") if file.is_file()]
        assert stored
        assert not [content for content in stored if SECRET.encode() in content]
    finally:
        reader.client.images.remove(made.id, force=True)


def test_a_step_that_prints_them_fails_without_telling(reader, context, tag):
    file = write(context, 'RUN echo "$HTTP_PROXY //npm.invalid/:_authToken={unique}"; exit 7\n')
    with pytest.raises(BuildError) as failed:
        buildx.build(Request(file, context, tag), engine=reader)
    told = "\n".join([str(failed.value), *failed.value.log])
    assert "proxy.invalid" in told
    assert SECRET not in told
    assert "_authToken=***" in told


def test_a_report_tells_none_whatever_the_dockerfile_says(reader, context, tag, monkeypatch):
    monkeypatch.setattr(run, "TAG", tag)
    monkeypatch.setattr(run.engines, "find", lambda: reader)
    steps = (
        f"ARG AT=https://reader:{SECRET}@files.invalid\n"
        f"RUN echo https://reader:{SECRET}@files.invalid/x > /got # {{unique}}\nRUN cp /bin/sh /bin/copy\n"
    )
    write(context, steps)
    report = run.examine(gather.find(context))
    assert report.image, report.failure
    shown = [
        report.to_json(),
        report.to_html(),
        str(report),
        repr(report),
        repr(report.layers().to_dict()),
    ]
    assert "files.invalid" in shown[0]
    assert not [text for text in shown if SECRET in text]


@pytest.mark.parametrize("command", ["doctor", "engine", "bases"])
def test_a_command_that_finds_no_engine_tells_none(command, tmp_path):
    settings = {"DOCKER_HOST": f"tcp://reader:{SECRET}@127.0.0.1:9", "WORKBOOK_STATE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "helpers", command],
        cwd=paths.ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
