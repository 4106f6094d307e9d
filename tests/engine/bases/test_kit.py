"""The kit: written here, loaded into an engine whose network leads nowhere, and built with there."""

from __future__ import annotations

import dataclasses
import subprocess
from contextlib import suppress

import docker
import pytest
from docker.errors import ImageNotFound

from helpers import bases, buildx
from helpers.bases import Source, host_settings, image_writer, kit, npm_registry
from helpers.buildx import Request
from helpers.engine import PrivateEngine, pull
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.measure import sample

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.private_engine,
]

REAL = "localhost/workbook-test/node:real"
NPMS_DEFAULT = (  # whatever the machine's own settings say
    "env -u NPM_CONFIG_REGISTRY -u npm_config_registry"
    " NPM_CONFIG_USERCONFIG=/none/user NPM_CONFIG_GLOBALCONFIG=/none/global npm config get registry"
)
BASES = ("node:20-alpine", "gcr.io/distroless/nodejs20-debian12")
_ASK = (
    "const again = left => left ? setTimeout(ask, 100, left - 1) : process.exit(1);"
    "const ask = left => fetch('http://127.0.0.1:3000/healthz')"
    ".then(a => process.exit(a.ok ? 0 : 1), () => again(left)); ask(600)"
)


@pytest.fixture(scope="module")
def real(engine):
    """Have an image under a name for which there is no stand-in, as a pulled one would be."""
    (alpine,) = bases.resolve(["node:20-alpine"], engine)
    engine.client.images.get(alpine.reference).tag(REAL)
    yield REAL
    for name in (REAL, host_settings.overlay_tag(REAL)):
        with suppress(ImageNotFound):
            engine.client.images.remove(name)


@pytest.fixture(scope="module")
def archive(engine, real, tmp_path_factory):
    """Write a kit with the bases of one variant and a real one; the wheels are another matter."""
    file = tmp_path_factory.mktemp("kit") / "kit.tar"
    manifest = kit.write(file, engine, [*BASES, real], wheels=False)
    assert {image.name for image in manifest.images} == {*BASES, real}
    return file


@pytest.fixture(scope="module")
def isolated(engine, programs, tmp_path_factory):
    """Start an engine in a network of its own, from which no route leads out."""
    own = PrivateEngine(tmp_path_factory.mktemp("isolated"), isolated=True, programs=programs)
    try:
        own.start()
        client = docker.DockerClient(base_url=f"unix://{own.socket}", timeout=300)
        routes = subprocess.run(
            own.command_inside(["cat", "/proc/net/route"]), capture_output=True, text=True, check=True
        ).stdout.splitlines()[1:]
        assert [row.split()[0] for row in routes] == [own.name]
        yield dataclasses.replace(
            engine,
            docker=str(own.docker),
            environment=own.environment(),
            root=str(own.home / "data"),
            client=client,
        )
    finally:
        own.remove()


@pytest.fixture(scope="module")
def loaded(archive, isolated, tmp_path_factory):
    """Load the kit there, as on a new laptop; no registry is asked and no stand-in is made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBOOK_STATE", str(tmp_path_factory.mktemp("state")))
        patch.setattr(pull, "reachable", None)
        patch.setattr(image_writer, "load", None)
        return kit.load(archive, isolated)


def test_the_kit_knows_nothing_of_the_host_that_wrote_it(loaded, isolated):
    for base in (base for base in loaded if base.source is Source.STAND_IN):
        settings = isolated.client.images.get(base.reference).attrs["Config"]["Env"]
        assert not [line for line in settings if line.startswith("NODE_EXTRA_CA_CERTS=")], base.name


def test_after_loading_every_base_is_there(loaded, isolated):
    found = {base.name: base for base in loaded}
    assert set(found) == {*BASES, REAL}
    assert found[REAL].note == f"{REAL}, here already, with the kit's npm registry"
    assert bases.resolve(list(found), isolated) == loaded


def test_with_the_network_off_the_image_builds_and_answers(loaded, isolated):
    request = Request(sample.dockerfile("distroless_pruned"), paths.SAMPLE_APP, "workbook-kit-test:app")
    result = buildx.build(request, engine=isolated)
    assert f"{npm_registry.NAME}:{npm_registry.address(isolated)}" in result.command
    container = isolated.client.containers.run(result.image_id, detach=True)
    try:
        assert container.exec_run(["/nodejs/bin/node", "-e", _ASK]).exit_code == 0
    finally:
        container.remove(force=True)


def test_a_real_base_takes_a_native_module_for_musl_from_the_shelf(loaded, isolated, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        f"FROM {REAL}\nWORKDIR /app\nRUN npm install @node-rs/argon2@2.0.2\n"
        "RUN node -e \"require('@node-rs/argon2').hashSync('x')\"\n"
    )
    request = Request(tmp_path / "Dockerfile", tmp_path, "workbook-kit-test:libc")
    assert buildx.build(request, engine=isolated).image_id


def test_no_other_registry_can_be_reached_from_there(loaded, isolated):
    """So the builds above did take their packages from the shelf."""
    node = next(base for base in loaded if base.name == "node:20-alpine")
    ask = "fetch(process.argv[1]).then(() => console.log('answered'), () => console.log('nothing'))"
    default = isolated.client.containers.run(node.reference, ["sh", "-c", NPMS_DEFAULT], remove=True)
    public = default.decode().strip()
    assert public.startswith("https://")
    for address in (public, npm_registry.REGISTRY):
        said = isolated.client.containers.run(node.reference, ["node", "-e", ask, address], remove=True)
        assert said.decode() == "nothing\n"


def test_what_is_not_on_the_shelf_is_not_found(loaded, isolated):
    shelf = isolated.client.containers.get(npm_registry.NAME)
    ask = (
        f"const ask = path => fetch('http://127.0.0.1:{npm_registry.PORT}' + path).then(a => a.status);"
        "Promise.all(['/express', '/left-pad', '/../index.json', '/server.cjs', '/%'].map(ask))"
        ".then(found => console.log(found.join(' ')))"
    )
    assert shelf.exec_run(["node", "-e", ask]).output.decode().split() == [
        "200",
        "404",
        "404",
        "404",
        "404",
    ]
    assert shelf.ports == {}


def test_a_shelf_that_was_stopped_comes_back_and_one_taken_down_does_not(loaded, isolated, archive):
    isolated.client.containers.get(npm_registry.NAME).stop()
    assert npm_registry.address(isolated)
    npm_registry.stop(isolated)
    assert npm_registry.address(isolated) is None


def test_a_damaged_kit_changes_nothing(archive, isolated, tmp_path, monkeypatch):
    monkeypatch.setattr(kit, "_load_images", None)
    damaged = tmp_path / "kit.tar"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(WorkbookError, match=r"is damaged; copy it anew"):
        kit.load(damaged, isolated)
