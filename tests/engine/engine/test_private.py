"""A private engine for real: installed, started, used, killed, stopped, and gone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from helpers.engine import PrivateEngine, private
from helpers.engine import private_processes as daemons
from helpers.engine.private_network import NetworkRules
from helpers.host import paths
from helpers.host.errors import PrivateEngineError
from helpers.host.processes import wait_for

pytestmark = [
    pytest.mark.engine,
    pytest.mark.private_engine,
]

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY busybox /bin/sh
RUN busybox mkdir /www && busybox echo hello from inside > /www/index.html
CMD ["busybox", "httpd", "-f", "-p", "80", "-h", "/www"]
"""


@pytest.fixture
def own(programs, tmp_path):
    """Give each test an engine of its own, made of the installed programs."""
    engine = PrivateEngine(tmp_path / "eine Maschine ß", programs=programs)
    yield engine
    engine.remove()


@pytest.fixture(scope="module")
def context(busybox, tmp_path_factory):
    """Make a build context with a static busybox."""
    made = tmp_path_factory.mktemp("context")
    shutil.copy(busybox, made / "busybox")
    (made / "Dockerfile").write_text(DOCKERFILE)
    return made


def docker(engine: PrivateEngine, *arguments: str) -> str:
    result = subprocess.run(
        [str(engine.docker), *arguments],
        env={**os.environ, **engine.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def serve(engine: PrivateEngine, context: Path) -> str:
    """Build the image, run it, and return the address it is published at."""
    docker(engine, "buildx", "build", "--tag", "hello", str(context))
    container = docker(engine, "run", "--detach", "--publish", "80", "hello")
    return docker(engine, "port", container, "80/tcp")


def fetch(address: str) -> str:
    said = []

    def answers() -> bool:
        with suppress(OSError), urllib.request.urlopen(f"http://{address}/", timeout=60) as reply:
            said.append(reply.read().decode().strip())
        return bool(said)

    assert wait_for(answers, 60), f"{address} does not answer"
    return said[0]


def test_engines_left_by_killed_runs_are_stopped_wherever_their_data_lie_below_a_folder(
    programs, tmp_path
):
    inside = PrivateEngine(tmp_path / "matrix/oldest/engine", programs=programs)
    outside = PrivateEngine(tmp_path / "elsewhere", programs=programs)
    try:
        inside.start()
        outside.start()
        private.stop_below(tmp_path / "matrix")
        assert_nothing_is_left(inside)
        assert outside.running
    finally:
        inside.remove()
        outside.remove()


def assert_nothing_is_left(engine: PrivateEngine) -> None:
    mountinfo = Path("/proc/self/mountinfo").read_bytes()
    rules = NetworkRules(engine.programs, engine.name)
    assert not engine.running
    assert engine._processes() == set()
    assert not Path("/sys/class/net", engine.name).exists()
    assert engine.name not in "".join(rules._rules("nat", "POSTROUTING"))
    assert engine.name not in "".join(rules._rules("filter", "FORWARD"))
    assert private.mounts_below(engine.home, mountinfo) == []
    assert private.mounts_below(engine.runtime, mountinfo) == []
    assert list(private.RUN.glob(f"*{engine.name}*")) == []
    assert list(Path("/sys/fs/cgroup").rglob(f"*{engine.name}*")) == []


def test_a_built_image_runs_and_is_reached_on_loopback_alone(own, context):
    own.start()
    address = serve(own, context)
    assert address.startswith("127.0.0.1:")
    assert fetch(address) == "hello from inside"


@pytest.mark.every_engine
def test_an_engine_that_has_started_is_as_it_was_configured(own):
    own.start()
    bridge = Path(f"/sys/class/net/{own.name}")
    assert int((bridge / "addr_assign_type").read_text()) == 3  # set by us, not taken from a port
    assert (bridge / "address").read_text().startswith("02:42:")
    *_, last = docker(own, "buildx", "inspect").partition("All: ")[2].split("GC Policy rule")
    assert re.search(r"All: +true\n (Keep Bytes|.*\n Max Used Space): +8GiB", last)


@pytest.mark.every_engine
def test_stopping_leaves_nothing_and_keeps_the_images(own, context):
    own.start()
    serve(own, context)
    own.stop()
    assert_nothing_is_left(own)
    own.stop()
    own.start()
    assert docker(own, "image", "ls", "--quiet", "hello")


def test_removing_leaves_no_file(own, context):
    own.start()
    serve(own, context)
    own.remove()
    assert not own.folder.exists()
    assert_nothing_is_left(own)


def test_starting_what_runs_does_nothing(own, monkeypatch):
    own.start()
    process = own._daemon()
    monkeypatch.setattr(own, "_locked", None)
    own.start()
    assert own._daemon() == process


@pytest.mark.rare
def test_it_is_fetched_into_a_folder_whose_name_is_not_plain_and_starts_there(tmp_path):
    engine = PrivateEngine(tmp_path / "mit Umläuten")
    try:
        engine.start()
        assert engine.running
    finally:
        engine.remove()


def test_installing_what_is_installed_does_nothing(own, monkeypatch):
    monkeypatch.setattr(own, "_locked", None)
    own.install()


@pytest.mark.every_engine
def test_an_engine_that_was_killed_starts_again(own, context):
    own.start()
    serve(own, context)
    os.kill(own._daemon(), signal.SIGKILL)
    own.start()
    assert fetch(serve(own, context)) == "hello from inside"


def test_an_engine_that_was_killed_is_undone_whole(own, context):
    own.start()
    serve(own, context)
    shims = Path("/run/containerd/s")
    ours = daemons.sockets_of(own._processes(), shims)
    os.kill(own._daemon(), signal.SIGKILL)
    own.stop()
    assert_nothing_is_left(own)
    assert ours
    assert not any(path.exists() for path in ours)


def test_two_that_start_it_at_once_start_one(own):
    again = PrivateEngine(own.folder, programs=own.programs)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(PrivateEngine.start, (own, again)))
    running = daemons.processes()
    servers = [pid for pid in own._processes() if b"dockerd\0" in running[pid].cmdline]
    assert servers == [own._daemon()]


def test_two_engines_live_beside_each_other(own, context, tmp_path):
    other = PrivateEngine(tmp_path / "other", programs=own.programs)
    try:
        own.start()
        other.start()
        addresses = [serve(one, context) for one in (own, other)]
        other.remove()
        assert_nothing_is_left(other)
        assert fetch(addresses[0]) == "hello from inside"
    finally:
        other.remove()


def test_it_outlives_the_process_that_started_it(own):
    script = (
        "import sys; from pathlib import Path; from helpers.engine.private import PrivateEngine;"
        "PrivateEngine(Path(sys.argv[1]), programs=Path(sys.argv[2])).start()"
    )
    command = [sys.executable, "-c", script, str(own.folder), str(own.programs)]
    subprocess.run(command, cwd=paths.ROOT, check=True, start_new_session=True)
    daemon = own._daemon()
    assert own.running
    assert Path(f"/proc/{daemon}/cwd").readlink() == Path("/")
    assert os.getsid(daemon) != os.getsid(0)


def test_an_isolated_engine_has_a_loopback_and_no_outside(programs, context, tmp_path):
    engine = PrivateEngine(tmp_path / "e", programs=programs, isolated=True)
    try:
        engine.start()
        address = serve(engine, context)
        client = [str(context / "busybox"), "wget", "-qO-", f"http://{address}/"]
        inside = subprocess.run(
            engine.command_inside(client), capture_output=True, text=True, check=False
        )
        assert inside.stdout.strip() == "hello from inside"
        assert subprocess.run(client, capture_output=True, check=False).returncode != 0
        routes = subprocess.run(
            engine.command_inside(["cat", "/proc/net/route"]),
            capture_output=True,
            text=True,
            check=True,
        )
        assert "\t00000000\t" not in routes.stdout.replace("\t00000000\t0001", "")
        engine.stop()
        assert_nothing_is_left(engine)
    finally:
        engine.remove()


def test_a_daemon_that_dies_at_its_start_is_quoted_and_undone(programs, tmp_path):
    engine = PrivateEngine(tmp_path / "e", programs=programs, registry_mirror="not an address")
    try:
        with pytest.raises(PrivateEngineError, match=r"died at its start: .*mirror.*dockerd\.log"):
            engine.start()
        assert_nothing_is_left(engine)
    finally:
        engine.remove()


OWN_MACHINE = """
held=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$held"
mount -t sysfs sysfs /sys
mount --rbind "$held" /sys/fs/cgroup
mount -t tmpfs tmpfs /run
exec "$@"
"""

STRICT_MACHINE = """
import sys
from pathlib import Path
from helpers.engine import private
from helpers.engine.private_network import NetworkRules
from helpers.engine import PrivateEngine

forwarding = Path("/proc/sys/net/ipv4/ip_forward")
forwarding.write_text("0")
engine = PrivateEngine(Path(sys.argv[1]), programs=Path(sys.argv[2]))
rules = NetworkRules(engine.programs, engine.name)
rules._run("filter", ["-P", "FORWARD", "DROP"])

def state():
    listed = [rules._rules("nat", "POSTROUTING"), rules._rules("filter", "FORWARD")]
    return forwarding.read_text(), listed, sorted(str(path) for path in Path("/run").rglob("*"))

before = state()
engine.start()
during = state()
engine.stop()
assert during[0] == "1\\n", during
assert sum(engine.name in rule for rule in during[1][1]) == 2, during
assert state() == before, (state(), before)
"""


def test_a_strict_machine_is_left_as_it_was(own):
    """A network, /run and sysfs of the test's own: no forwarding, and a FORWARD policy of DROP."""
    command = ["unshare", "--net", "--mount", "sh", "-ec", OWN_MACHINE, "sh", sys.executable, "-c"]
    arguments = [textwrap.dedent(STRICT_MACHINE), str(own.folder), str(own.programs)]
    result = subprocess.run(
        [*command, *arguments], cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
