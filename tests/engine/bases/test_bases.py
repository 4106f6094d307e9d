"""Base images for real: made here, loaded, run, built upon; and pulled from a registry of our own."""

from __future__ import annotations

import subprocess

import pytest

from helpers import bases
from helpers import engine as engines
from helpers.bases import Source
from helpers.engine import ContainerError, container

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
def engine():
    """Find the reader's engine."""
    return engines.find()


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
