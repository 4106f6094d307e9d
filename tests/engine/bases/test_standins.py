"""Stand-ins behave as the images that they stand for: asked in containers, not read off file lists."""

from __future__ import annotations

import pytest

from helpers import bases, buildx
from helpers.buildx import Request
from helpers.engine import container

pytestmark = [pytest.mark.engine, pytest.mark.private_engine]

ALPINE = "node:22.12-alpine"
SLIM = "node:24-trixie-slim"
SLIM_26 = "node:26-slim"
DISTROLESS = "gcr.io/distroless/nodejs24-debian13:nonroot"
DISTROLESS_26 = "gcr.io/distroless/nodejs26"
NAMES = (ALPINE, SLIM, SLIM_26, DISTROLESS, DISTROLESS_26)


@pytest.fixture(scope="module")
def run(engine):
    """Give what runs a command in the stand-in for an image; its output and its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBOOK_STANDINS", "only")
        ready = {base.name: base for base in bases.prepare(engine, NAMES)}

    def run(name, *command, **options):
        asked = {"network_mode": "none", **options}
        reference = ready[name].reference
        return container.finished(reference, *command, patience=120.0, engine=engine, options=asked)

    return run


@pytest.mark.parametrize(
    ("name", "version"),
    [
        (ALPINE, "v22.12.0"),
        (SLIM, "v24.19.0"),
        (SLIM_26, "v26.10.0"),
        (DISTROLESS, "v24.19.0"),
        (DISTROLESS_26, "v26.10.0"),
    ],
)
def test_node_starts_with_what_looks_like_its_option(run, name, version):
    assert run(name, "-p", "process.version").output == f"{version}\n"


@pytest.mark.parametrize("name", [ALPINE, SLIM, SLIM_26])
def test_the_entry_point_starts_commands_and_gives_scripts_to_node(run, name):
    assert run(name, "sh", "-c", "echo $0").output == "sh\n"
    assert run(name, "npm", "--version").exit_code == 0
    script = 'echo "console.log(process.argv0)" > /tmp/a.js && exec docker-entrypoint.sh /tmp/a.js'
    assert run(name, "sh", "-c", script).output == "node\n"


@pytest.mark.parametrize("name", [ALPINE, SLIM])
def test_yarn_and_corepack_are_there_up_to_24(run, name):
    done = run(name, "sh", "-c", "yarn --version && echo $YARN_VERSION && corepack --version")
    assert done.output.split()[:2] == ["1.22.22", "1.22.22"]
    assert done.exit_code == 0


def test_node_26_is_trixie_without_yarn_and_corepack(run):
    script = '. /etc/os-release; echo $VERSION_CODENAME "$YARN_VERSION"; which yarn corepack'
    assert run(SLIM_26, "sh", "-c", script).output.split() == ["trixie"]


def test_an_installation_leaves_no_archives_and_no_translations(run, engine, tag, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")
    install = "apt-get update && apt-get install -y --no-install-recommends tree"
    (tmp_path / "Dockerfile").write_text(f"FROM {SLIM}\nRUN {install}\n")
    buildx.build(Request(tmp_path / "Dockerfile", tmp_path, tag), engine=engine)
    script = "tree --version > /dev/null && find /var/cache/apt /var/lib/apt/lists -type f -size +0"
    options = {"network_mode": "none"}
    left = container.finished(tag, "sh", "-c", script, patience=120.0, engine=engine, options=options)
    names = [line.rpartition("/")[2] for line in left.output.split()]
    assert any("_Packages." in name for name in names)  # compressed
    assert not any(
        name.endswith((".deb", ".bin", "_Packages")) or "ranslation" in name for name in names
    )


def test_the_alpine_one_has_no_package_manager_of_others_and_says_that_it_has_no_packages(run):
    assert run(ALPINE, "sh", "-c", "which dpkg dpkg-deb rpm rpm2cpio").output == ""
    done = run(ALPINE, "sh", "-c", "apk add --no-cache python3 make g++ && npm ci")
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "apk add --no-cache python3 make g++: this stand-in for Alpine has no apk" in done.output


def test_the_alpine_one_has_openssl_for_its_own_c_library(run):
    program = (
        "try { process.dlopen({ exports: {} }, '/usr/lib/libssl.so.3') } catch (e) { print(e.message) }"
    )
    program = program.replace("print", "console.log")
    assert (
        "self-register" in run(ALPINE, "-e", program).output
    )  # it was loaded, and is no module of Node


@pytest.mark.parametrize("name", [DISTROLESS, DISTROLESS_26])
def test_distroless_names_the_packages_that_it_is_made_of(run, name):
    packages = run(name, "-p", "fs.readdirSync('/var/lib/dpkg/status.d').join(' ')").output.split()
    assert {"media-types", "tzdata-legacy", "libssl3t64", "zlib1g", "libstdc++6"} <= set(packages)
    assert ("libatomic1" in packages) == (name == DISTROLESS_26)
    assert "ca-certificates" not in packages


def test_distroless_on_debian_13_says_so_and_knows_certificates(run):
    program = (
        "new crypto.X509Certificate(fs.readFileSync(process.env.SSL_CERT_FILE));"
        "console.log(/^VERSION_ID=.*$/m.exec(fs.readFileSync('/etc/os-release'))[0], process.getuid())"
    )
    assert run(DISTROLESS, "-e", program).output == 'VERSION_ID="13" 65532\n'
