"""Base images for real: made here, loaded, run, built upon; and pulled from a registry of our own."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import docker
import pytest

from helpers import bases
from helpers.bases import Source, host_settings, image_writer, standin_layers, standins
from helpers.bases.host_settings import HostSettings
from helpers.engine import ContainerError, PrivateEngine, container, pull
from helpers.host import debian, paths
from helpers.host.workshop import Workshop

pytestmark = [
    pytest.mark.engine,
    pytest.mark.private_engine,
]

ALPINE = "node:20-alpine"
DISTROLESS = "gcr.io/distroless/nodejs20-debian12"
DOCKERFILE = f"""\
FROM {ALPINE} AS builder
WORKDIR /app
RUN echo 'console.log("built by", process.env.BUILDER)' > main.js
FROM {DISTROLESS}
COPY --from=builder /app/main.js /app/main.js
ENV BUILDER=alpine
CMD ["/app/main.js"]
"""


@pytest.fixture(scope="module")
def ready(engine):
    """Prepare the article's bases as stand-ins, whatever else the engine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBOOK_STANDINS", "only")
        return {base.name: base for base in bases.prepare(engine)}


def _run(engine, reference, *command, **options):
    """Run a command to its end; the SDK's own ``run`` leaves a container behind that does not start."""
    asked = {"network_mode": "none", **options}
    done = container.finished(reference, *command, patience=120.0, engine=engine, options=asked)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.every_engine
def test_every_stand_in_says_what_it_is(engine, ready):
    for name, base in ready.items():
        image = engine.client.images.get(base.reference)
        assert image.labels["workbook"] == "stand-in"
        assert image.labels["workbook.stands-for"] == name
        assert base.source is Source.STAND_IN
        assert "stand-in" in base.note


@pytest.mark.parametrize("name", ["node:20", ALPINE])
def test_node_npm_and_a_shell_work(engine, ready, name):
    script = "node --version && npm --version && npx --version && id -un && ls /home && pwd"
    lines = _run(engine, ready[name].reference, "sh", "-c", script).split()
    assert lines == [f"v{ready[name].node}", "10.8.2", "10.8.2", "root", "node", "/"]


@pytest.mark.parametrize("name", ["node:20", ALPINE])
def test_a_program_runs_as_the_user_node(engine, ready, name):
    script = 'cd ~ && touch mine && node -p "os.userInfo().username + os.tmpdir()"'
    assert _run(engine, ready[name].reference, "sh", "-c", script, user="node") == "node/tmp\n"


def test_a_native_module_can_be_compiled_on_the_big_one(engine, ready):
    script = (
        "python3 --version && make --version > /dev/null && git --version && cd /tmp"
        ' && printf "#include <node_api.h>\\nint main(void){return NAPI_VERSION ? 0 : 1;}" > a.c'
        " && gcc -I/usr/local/include/node a.c -o a && ./a && echo compiled"
    )
    assert _run(engine, ready["node:20"].reference, "sh", "-c", script).endswith("compiled\n")


def test_the_big_ones_apt_knows_its_packages(engine, ready):
    script = "dpkg --audit && dpkg-query --show | wc -l"
    assert int(_run(engine, ready["node:20"].reference, "sh", "-c", script)) > 350


def test_the_alpine_one_does_not_pretend_to_be_alpine(engine, ready):
    script = "cat /etc/os-release; ls /etc/alpine-release /lib/apk 2>&1 || true"
    shown = _run(engine, ready[ALPINE].reference, "sh", "-c", script)
    assert "ID=workbook-standin" in shown
    assert shown.count("No such file") == 2


def test_distroless_has_no_shell_and_no_package_manager(engine, ready):
    program = (
        "const fs = require('fs');"
        "console.log(['/bin/sh', '/bin/bash', '/usr/bin/dpkg', '/usr/bin/apt', '/usr/bin/env',"
        "'/nodejs/lib/node_modules', '/busybox'].filter(fs.existsSync).length,"
        "fs.readdirSync('/var/lib/dpkg/status.d').includes('libssl3'), process.getuid())"
    )
    assert _run(engine, ready[DISTROLESS].reference, "-e", program) == "0 true 0\n"
    with pytest.raises(ContainerError, match="not found"):
        _run(engine, ready[DISTROLESS].reference, entrypoint=["sh", "-c", "id"])
    inherited = {"label": "workbook=stand-in"}  # by a container that was made without labels of its own
    assert not engine.client.containers.list(all=True, filters=inherited, ignore_removed=True)


def test_distroless_knows_certificates_and_time_zones(engine, ready):
    program = (
        "require('https').globalAgent; const pem = require('fs').readFileSync("
        "process.env.SSL_CERT_FILE, 'utf8'); new (require('crypto').X509Certificate)(pem);"
        "console.log(pem.split('BEGIN CERT').length > 100,"
        "new Date(0).toLocaleString('en', {timeZone: 'Europe/Paris'}))"
    )
    assert _run(engine, ready[DISTROLESS].reference, "-e", program).startswith("true 1/1/1970, 1:00")


def test_its_variants_run_as_nonroot_and_with_a_debug_shell(engine, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")
    nonroot, debug = bases.resolve([f"{DISTROLESS}:nonroot", f"{DISTROLESS}:debug"], engine)
    assert _run(engine, nonroot.reference, "-p", "process.getuid() + process.cwd()") == (
        "65532/home/nonroot\n"
    )
    shown = _run(engine, debug.reference, "-c", "id -u; which wget", entrypoint=["/busybox/sh"])
    assert shown.split() == ["0", "/busybox/wget"]


@pytest.mark.every_engine
def test_a_dockerfile_builds_and_runs_on_them_unchanged(engine, ready, tmp_path):
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    substitutions = [word for base in ready.values() for word in base.arguments()]
    tag = "localhost/workbook-test/on-stand-ins:1"
    labelled = ["--label", "workbook=test", "--tag", tag]
    subprocess.run(
        engine.command("buildx", "build", "--load", *labelled, *substitutions, str(tmp_path)),
        env=engine.process_environment(),
        check=True,
        capture_output=True,
    )
    try:
        assert _run(engine, tag) == "built by alpine\n"
    finally:
        engine.client.images.remove(tag, force=True)


@pytest.mark.every_engine
def test_no_official_name_is_in_the_engine_because_of_us(engine, ready):
    for base in ready.values():
        tags = engine.client.images.get(base.reference).tags
        assert all(tag.startswith("localhost/workbook-") for tag in tags)


def test_the_second_preparation_asks_no_registry_and_loads_nothing(engine, ready, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")
    monkeypatch.setattr(pull, "reachable", None)
    monkeypatch.setattr(image_writer, "load", None)
    assert {base.name: base for base in bases.prepare(engine)} == ready
    assert bases.resolve(bases.ARTICLE, engine) == list(ready.values())


@pytest.mark.parametrize("name", [pytest.param(ALPINE, marks=pytest.mark.rare), DISTROLESS])
def test_made_again_elsewhere_it_is_the_same_image(engine, ready, name, tmp_path):
    recipe = standins.recipe(name, engine.architecture, host_settings.read())
    layers = recipe.make(Workshop(tmp_path))
    tag = "localhost/workbook-test/again:1"
    image_writer.load(engine, tag, layers, recipe.settings)
    try:
        again = engine.client.images.get(tag)
        assert again.id == engine.client.images.get(ready[name].reference).id
    finally:
        engine.client.images.remove(tag)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.rare
def test_debian_made_again_elsewhere_has_the_same_layers(engine, ready, tmp_path):
    recipe = standins.recipe("node:20-bookworm-slim", engine.architecture)
    first, again = (
        image_writer.layers_of(recipe.layers[0], Workshop(folder))
        for folder in (paths.state("standins"), tmp_path)
    )
    assert [layer.digest for layer in first] == [layer.digest for layer in again]


def test_two_processes_make_one_stand_in(engine, tmp_path):
    program = (
        "from helpers.bases import bases\nfrom helpers.engine import engine\n"
        "print(bases.prepare(engine.find(), ['gcr.io/distroless/nodejs22-debian12'],"
        " lambda name, phrase: print(phrase)))"
    )
    environment = {
        **engine.process_environment(),
        "WORKBOOK_STATE": str(tmp_path),
        "WORKBOOK_STANDINS": "only",
    }
    recipe = standins.recipe("gcr.io/distroless/nodejs22-debian12", engine.architecture)
    _remove(engine, recipe.tag)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            cwd=paths.ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=900)[0] for process in processes]
    _remove(engine, recipe.tag)
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(output.count("loading") for output in outputs) == 1


@pytest.fixture
def slim(engine, monkeypatch):
    """Give the name of a stand-in that the engine does not have."""
    monkeypatch.setenv("WORKBOOK_CA", "off")
    tag = standins.recipe("node:20-slim", engine.architecture).tag
    _remove(engine, tag)
    return tag


@pytest.fixture
def preparing(engine, slim, tmp_path):
    """Prepare bases in a process of its own; go on when Debian's packages are being installed."""
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from helpers.bases import bases\nfrom helpers.engine import engine\n"
        "bases.prepare(engine.find(), ['node:20', 'node:20-slim'])"
    )
    environment = {
        **engine.process_environment(),
        "WORKBOOK_STATE": str(tmp_path),
        "WORKBOOK_STANDINS": "only",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        cwd=paths.ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _wait_for(lambda: list(tmp_path.glob("standins/scratch/*/root/var/lib/dpkg/status")))
        yield process
    finally:
        process.kill()
        process.communicate()


def _at_work_in(folder):
    """Return the processes that have a path below ``folder`` among their words, or stand there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            words = process.joinpath("cmdline").read_bytes().decode(errors="replace")
            stands = [str(process.joinpath(link).readlink()) for link in ("cwd", "root")]
            if str(folder) in " ".join((words, *stands)):
                found.append(words)
    return found


def test_ctrl_c_leaves_nothing_half_made(engine, slim, preparing, tmp_path):
    assert _at_work_in(tmp_path)
    preparing.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in preparing.communicate(timeout=300)[1]
    assert list((tmp_path / "standins/scratch").iterdir()) == []
    assert not list(tmp_path.glob("standins/layers/*/1.tar.gz"))
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert not _at_work_in(tmp_path)
    with pytest.raises(docker.errors.ImageNotFound):
        engine.client.images.get(slim)


def test_a_kill_while_debian_is_installed_ends_its_programs_and_the_next_run_cleans_up(
    preparing, tmp_path
):
    preparing.kill()
    preparing.wait()
    _wait_for(lambda: not _at_work_in(tmp_path))
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    with Workshop(tmp_path / "standins").scratch() as scratch:
        assert list((tmp_path / "standins/scratch").iterdir()) == [scratch]


@pytest.mark.every_engine
def test_the_hosts_settings_are_laid_over_a_real_base(engine, ready, tmp_path):
    real = engine.client.images.get(ready[ALPINE].reference)
    company = HostSettings(b"certificates of a company\n", ("registry=https://npm.example/",))
    tag = host_settings.overlay_tag("node:overlaid-in-a-test")
    host_settings.make_overlay("node:overlaid-in-a-test", real.id, company, engine, Workshop(tmp_path))
    try:
        script = "cat $NODE_EXTRA_CA_CERTS; npm config get registry; node -p 1 2>/dev/null"
        shown = _run(engine, tag, "sh", "-c", script)
        assert shown == "certificates of a company\nhttps://npm.example/\n1\n"
        overlay = engine.client.images.get(tag)
        assert overlay.labels["workbook"] == "host-overlay"
        assert len(overlay.attrs["RootFS"]["Layers"]) == len(real.attrs["RootFS"]["Layers"]) + 1
        assert overlay.attrs["Config"]["Cmd"] == ["node"]
    finally:
        engine.client.images.remove(tag)


def _remove(engine, tag):
    try:
        engine.client.images.remove(tag, force=True)
    except docker.errors.ImageNotFound:
        return


def _wait_for(condition):
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


# The registry of our own. It and its engine live on a loopback that nothing else can reach.

PORT = 5000
REGISTRY = f"127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def isolated(engine, ready, programs, tmp_path_factory):
    """Start an engine in a network of its own, whose mirror has the Alpine base and no more."""
    folder = tmp_path_factory.mktemp("isolated")
    own = PrivateEngine(
        folder / "engine", isolated=True, registry_mirror=f"http://{REGISTRY}", programs=programs
    )
    server = None
    try:
        own.start()
        server = _serve(own, folder)
        client = docker.DockerClient(base_url=f"unix://{own.socket}", timeout=600)
        mine = dataclasses.replace(
            engine, docker=str(own.docker), environment=own.environment(), client=client
        )
        _push(engine, mine, ready[ALPINE].reference)
        yield mine
    finally:
        if server:
            server.terminate()
            server.wait(10)
        own.remove()


def _serve(own, folder):
    package = debian.Suite(paths.state("standins") / "debian", "trixie").fetch(["docker-registry"])
    program = debian.unpack(package, folder / "registry") / "usr/bin/docker-registry"
    settings = standin_layers.registry_settings(str(folder / "images"), REGISTRY)
    (folder / "registry.yml").write_text(settings)
    return subprocess.Popen(
        own.command_inside([str(program), "serve", str(folder / "registry.yml")]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _push(engine, mine, reference):
    """Put an image into the registry under the official name; the engine keeps none of it."""
    pushed = f"{REGISTRY}/library/{ALPINE}"
    mine.client.images.load(engine.client.images.get(reference).save(named=reference))
    mine.client.images.get(reference).tag(pushed)
    _wait_for(lambda: "error" not in mine.client.images.push(pushed))
    mine.client.images.remove(pushed)
    mine.client.images.remove(reference)
    assert mine.client.images.list() == []


@pytest.fixture
def allowed(monkeypatch):
    """Every way to a base, and none decided before."""
    monkeypatch.delenv("WORKBOOK_STANDINS", raising=False)
    monkeypatch.setattr(pull, "_answers", {})


@pytest.mark.every_engine
def test_an_image_that_the_registry_has_is_pulled(isolated, allowed, monkeypatch):
    monkeypatch.setenv("WORKBOOK_CA", "off")
    (base,) = bases.resolve([ALPINE], isolated)
    assert (base.source, base.reference) == (Source.PULLED, ALPINE)
    assert base.arguments() == []
    (again,) = bases.resolve([ALPINE], isolated)
    assert again.source is Source.PRESENT
    isolated.client.images.remove(ALPINE)


def test_a_pulled_base_gets_the_hosts_settings_too(isolated, allowed, monkeypatch):
    company = HostSettings(b"certificates of a company\n", ())
    monkeypatch.setattr(host_settings, "read", lambda: company)
    (base,) = bases.resolve([ALPINE], isolated)
    assert base.note == f"{ALPINE}, pulled, with this host's CA bundle"
    assert isolated.client.images.get(base.reference).labels["workbook"] == "host-overlay"
    assert bases.find(ALPINE, isolated) == dataclasses.replace(base, source=Source.PRESENT)
    isolated.client.images.remove(base.reference)
    isolated.client.images.remove(ALPINE)


def test_a_registry_without_the_image_and_no_other_means_a_stand_in(isolated, allowed):
    """The mirror has no distroless, and nothing leads to the registry that has."""
    started = time.monotonic()
    assert not bases.registry_reachable(DISTROLESS, isolated)
    assert time.monotonic() - started < 60
    (base,) = bases.resolve([DISTROLESS], isolated)
    assert base.source is Source.STAND_IN
    assert _run(isolated, base.reference, "--version") == f"v{base.node}\n"
    isolated.client.images.remove(base.reference)
