"""Whatever starts a container, it starts within the limits: read from the engine's own events.

A watcher hears of each container that the engine makes while the verbs run, and reads its settings
before it may be removed. Each verb says which containers it makes, so that one that is not seen fails.
"""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import tarfile
import threading
import time

import docker
import pytest
from docker.models.containers import Container
from docker.utils.proxy import ProxyConfig

from helpers import buildx
from helpers.bases import host_settings, local_registry, npm_mirror, npm_registry
from helpers.bases.host_settings import HostSettings
from helpers.buildx import Request
from helpers.engine import container, sidecar
from helpers.examine import gather, run
from helpers.exercises.attempt import Attempt
from helpers.exercises.projects import Project
from helpers.host.workshop import Workshop
from helpers.image.secrets import search
from helpers.lesson import verbs
from helpers.measure import howlow, pins, pipeline, stages, surface

pytestmark = pytest.mark.engine

BASE = "node:20-alpine"
SERVER = """\
if (process.env.STOP) process.exit(3);
const answer = (_, to) => to.setHeader('content-type', 'application/json').end('{"status":"ok"}');
for (const port of [3000, 5000]) require('http').createServer(answer).listen(port);
"""
DOCKERFILE = f"""\
FROM {BASE}
LABEL workbook.test={{mark}}
COPY index.js /app/dist/index.js
CMD ["node", "/app/dist/index.js"]
"""
PROXY = "http://reader:planted-password@proxy.invalid:3128"


class Seen:
    """What the engine made while a block ran: settings by id, only of images that are ours."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.facts: dict[str, dict] = {}
        self.images: set[str] = set()
        self._client = client
        self._inspected = threading.Condition()

    def listen(self, events) -> None:
        for event in events:
            if event["Actor"]["Attributes"].get("image") not in self.images:
                continue  # another process's
            facts = self._client.api.inspect_container(event["id"])
            with self._inspected:
                self.facts[event["id"]] = facts
                self._inspected.notify_all()

    def wait(self, identity: str) -> None:
        with self._inspected:
            assert self._inspected.wait_for(lambda: identity in self.facts, 10), "the event did not come"

    @contextlib.contextmanager
    def made_by(self, count: int):
        """Check what a block makes: at least so many containers, each within the limits."""
        before = set(self.facts)
        yield
        new = [self.facts[identity] for identity in self.facts if identity not in before]
        assert len(new) >= count
        for facts in new:
            check(facts)


def check(facts: dict) -> None:
    """Hold a container against what SECURITY.md says of all; what it says of one is given by kind."""
    config, host = facts["Config"], facts["HostConfig"]
    kind = config["Labels"]["workbook"]
    assert host["Memory"] == 512 << 20
    assert host["PidsLimit"] == container.PROCESSES
    assert host["CapDrop"] == ["ALL"]
    assert (host["CapAdd"] or []) == (["SYS_PTRACE"] if host["PidMode"] else [])
    assert "no-new-privileges" in host["SecurityOpt"]
    assert not [word for word in host["SecurityOpt"] if "unconfined" in word]
    assert host["Privileged"] is False
    assert host["IpcMode"] == "private"
    assert host["UTSMode"] == ""
    assert not host["Devices"]
    assert not host["Binds"]
    assert not [mount for mount in facts["Mounts"] if mount["Type"] == "bind"]
    for mode in (host["PidMode"], host["NetworkMode"]):
        assert mode in ("", "default", "bridge") or mode.startswith("container:")
    for published in (host["PortBindings"] or {}).values():
        assert [entry["HostIp"] for entry in published] == ["127.0.0.1"]
    assert "planted-password" not in json.dumps(facts)
    if kind in ("npm-registry", host_settings.OVERLAY):
        assert container.OWNER_LABEL not in config["Labels"]
    else:
        assert kind in ("run", "read")
        assert config["Labels"][container.OWNER_LABEL] == container.this_process()
        assert host["RestartPolicy"]["Name"] in ("", "no")


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "index.js").write_text(SERVER)
    (folder / "Dockerfile").write_text(DOCKERFILE.format(mark=secrets.token_hex(6)))
    return folder


@pytest.fixture
def result(engine, app, tag):
    return buildx.build(Request(app / "Dockerfile", app, tag), engine=engine)


@pytest.fixture
def seen(engine, result, monkeypatch):
    """Listen while a test runs, as a reader whose Docker configuration has a proxy with a password."""
    proxies = ProxyConfig.from_dict({"httpProxy": PROXY, "httpsProxy": PROXY})
    monkeypatch.setattr(engine.client.api, "_proxy_configs", proxies)
    seen = Seen(engine.client)
    seen.images |= {result.tag, result.image_id}
    events = engine.client.events(
        decode=True, since=int(time.time()) - 1, filters={"type": "container", "event": "create"}
    )
    listener = threading.Thread(target=seen.listen, args=[events], daemon=True)
    listener.start()
    remove = Container.remove

    def remove_once_seen(self, **options):
        seen.wait(self.id)
        remove(self, **options)

    monkeypatch.setattr(Container, "remove", remove_once_seen)
    yield seen
    events.close()
    listener.join(10)


def test_the_lessons_verbs_make_no_container_beyond_the_limits(engine, result, seen):
    with seen.made_by(2):
        verbs.shells_and_managers(result)
        pipeline.seconds_to_first_response(result)
    with seen.made_by(2):
        howlow.starts({"app": result.image_id}, 1, engine)
        howlow.in_use(result.image_id, "node", engine)
    with seen.made_by(3):
        surface.observe(result.image_id, engine)
    with seen.made_by(1):
        assert surface.health_story(result.image_id, engine)[0] == surface.NO_CHECK
    with seen.made_by(2):
        pins.runtime(result.image_id, engine)
        container.finished(result.image_id, "true", engine=engine)


def test_a_look_inside_has_one_capability_more_and_no_other_power(engine, result, seen):
    with (
        seen.made_by(3),
        stages.serving(result) as api,
        sidecar.sidecar(api.container, result.image_id, engine=engine) as side,
    ):
        assert side.run("true").code == 0
        assert sidecar.can_join(api.container, result.image_id, engine)
    environment = {"STOP": "1"}
    with (
        seen.made_by(1),
        sidecar.stopped(result.image_id, environment=environment, engine=engine) as ended,
    ):
        assert sidecar.exit_code(ended) == 3


def test_an_answer_to_an_exercise_runs_within_them(engine, app, seen):
    files = {"Dockerfile": (app / "Dockerfile").read_text()}
    with Attempt("limits-test", Project(app, "index.js"), files) as attempt:
        seen.images |= {attempt.result.image_id}
        with seen.made_by(1), attempt.running() as api:
            assert api.execute("true")[0] == 0


def test_what_is_only_read_never_starts_and_could_do_nothing(engine, result, seen, tmp_path):
    with seen.made_by(2):
        result.image.read("/app/dist/index.js")
        result.image.extract("/app", tmp_path)
    assert not [facts for facts in seen.facts.values() if facts["State"]["Status"] != "created"]
    with seen.made_by(0):
        assert search(result.image, "planted-password").sightings == ()


def test_an_examination_makes_none_beyond_them(engine, app, seen, monkeypatch, new_tag):
    monkeypatch.setattr(run, "TAG", new_tag())
    with seen.made_by(0):
        report = run.examine(gather.find(app))
    assert report.image, report.failure


def test_a_registry_of_our_own_in_a_container_runs_within_them(engine, result, seen):
    with seen.made_by(1), local_registry.serving(engine, image=result.tag) as address:
        assert address.startswith("127.0.0.1:")


def test_the_npm_registry_runs_within_them_and_publishes_nothing(
    engine, result, seen, tmp_path, monkeypatch
):
    monkeypatch.setattr(npm_registry, "NAME", f"workbook-test-{secrets.token_hex(4)}")
    npm_mirror.lay_out([], tmp_path / "shelf")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(tmp_path / "shelf", npm_registry.FOLDER)
    content.seek(0)
    with seen.made_by(1):
        npm_registry.start(engine, result.image_id, content)
        (shelf,) = seen.facts
        assert not seen.facts[shelf]["HostConfig"]["PortBindings"]
        assert seen.facts[shelf]["Config"]["User"] == "1000:1000"
        npm_registry.stop(engine)


@pytest.fixture
def overlaid(engine, result):
    """Give the name of the image's overlay, which is gone afterwards."""
    name = host_settings.overlay_tag(result.tag)
    yield name
    for made in engine.client.images.list(name):
        engine.client.images.remove(made.id, force=True)


def test_an_overlay_is_never_started_and_takes_no_secret_along(engine, result, overlaid, seen, tmp_path):
    host = HostSettings(None, ("registry=http://npm.invalid/",))
    with seen.made_by(1):
        host_settings.make_overlay(result.tag, result.image_id, host, engine, Workshop(tmp_path))
    assert [facts["State"]["Status"] for facts in seen.facts.values()] == ["created"]
    made = engine.client.images.get(overlaid)
    told = json.dumps([made.attrs, made.history()])
    assert "planted-password" not in told
    assert "proxy" not in told.lower()
    assert container.OWNER_LABEL not in made.labels
