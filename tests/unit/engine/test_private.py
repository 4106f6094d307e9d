"""What the private engine decides, without starting one."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from helpers.engine import PrivateEngine, private
from helpers.engine import private_network as network
from helpers.engine import private_processes as daemons
from helpers.engine.private_network import NetworkRules
from helpers.host.errors import PrivateEngineError

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
wbtest0\t004DD50A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """Take the place of /run, for a user who need not be root."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(private, "RUN", folder)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return folder


def make_process(proc: Path, pid: int, *argv: str, parent: int = 1, state: str = "S", cgroup="/"):
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes("\0".join([*argv, ""]).encode() if argv else b"")
    (folder / "stat").write_text(f"{pid} (a name) with) brackets) {state} {parent} 0 0")
    (folder / "cgroup").write_text(f"4:memory:{cgroup}\n0::/\n")


# Names


def test_a_name_follows_from_the_folder_and_fits_an_interface():
    long = Path("/home/somebody/" + "a very long folder with Umläuten/" * 9)
    one, other = PrivateEngine(long), PrivateEngine(long / "copy")
    assert one.name == PrivateEngine(long).name
    assert one.name != other.name
    assert len(one.name) <= 15


def test_suites_in_one_folder_are_engines_of_their_own():
    trixie, forky = PrivateEngine(Path("/x")), PrivateEngine(Path("/x"), suite="forky")
    assert trixie.home != forky.home
    assert trixie.socket != forky.socket


def test_the_socket_path_is_short_however_long_the_folder():
    engine = PrivateEngine(Path("/" + "long/" * 100))
    assert len(os.fsencode(engine.socket)) < 107


def test_a_client_is_led_to_the_engine_and_to_its_own_settings():
    engine = PrivateEngine(Path("/x"))
    assert engine.environment() == {
        "DOCKER_HOST": f"unix://{engine.socket}",
        "DOCKER_CONFIG": "/x/trixie/client",
    }


def test_a_command_inside_enters_the_network_of_an_isolated_engine_only():
    command = ["docker-registry", "serve"]
    assert PrivateEngine(Path("/x")).command_inside(command) == command
    isolated = PrivateEngine(Path("/x"), isolated=True)
    expected = ["nsenter", f"--net={isolated.runtime}/netns", "--", *command]
    assert isolated.command_inside(command) == expected


# The network


def test_routes_are_read_without_the_default_route():
    assert network.routes(ROUTES) == [ipaddress.IPv4Network("10.213.77.0/24")]


def test_a_subnet_follows_from_the_name_and_is_private():
    subnet = network.free_subnet("wb0123456789", [])
    assert subnet == network.free_subnet("wb0123456789", [])
    assert subnet.prefixlen == 24
    assert subnet.is_private


def test_a_taken_subnet_is_passed_over():
    first = network.free_subnet("wb0123456789", [])
    second = network.free_subnet("wb0123456789", [first])
    assert not first.overlaps(second)


def test_a_machine_without_a_free_subnet_gets_one_sentence():
    with pytest.raises(PrivateEngineError, match="no free network"):
        network.free_subnet("wb", [ipaddress.IPv4Network("10.0.0.0/8")])


def test_the_mtu_is_that_of_the_default_route(tmp_path):
    (tmp_path / "eth0").mkdir()
    (tmp_path / "eth0/mtu").write_text("1400\n")
    assert network.default_mtu(ROUTES, tmp_path) == 1400


def test_the_mtu_is_ethernets_without_a_default_route(tmp_path):
    assert network.default_mtu(ROUTES.splitlines()[0], tmp_path) == 1500


@pytest.fixture
def iptables(tmp_path, monkeypatch):
    """Put an iptables where it is unpacked; it records its calls and lists what a file holds."""
    folder = tmp_path / "programs/usr/sbin"
    folder.mkdir(parents=True)
    program = folder / "iptables-nft"
    program.write_text(
        f"#!/bin/sh\necho \"$@\" >> '{tmp_path}/calls'\n"
        f"case \"$*\" in *'-S FORWARD'*) cat '{tmp_path}/FORWARD';;"
        f" *'-S POSTROUTING'*) cat '{tmp_path}/POSTROUTING';; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(network, "SYSTEM_PATH", "/bin-without-iptables:/usr/bin:/bin")
    monkeypatch.setattr(private.shutil, "which", lambda *_, **__: None)
    (tmp_path / "FORWARD").write_text("-P FORWARD ACCEPT\n")
    (tmp_path / "POSTROUTING").write_text("-P POSTROUTING ACCEPT\n")
    return tmp_path


def changes(folder: Path) -> list[str]:
    calls = (folder / "calls").read_text().splitlines()
    return [call.removeprefix("--wait 5 -t ") for call in calls if " -S" not in call]


def test_one_rule_is_enough_where_forwarding_is_open(iptables):
    NetworkRules(iptables / "programs", "wb1").add(ipaddress.IPv4Network("10.200.1.0/24"))
    assert changes(iptables) == [
        "nat -A POSTROUTING -s 10.200.1.0/24 ! -o wb1 -m comment --comment wb1 -j MASQUERADE"
    ]


def test_a_closed_forwarding_is_opened_for_the_bridge_alone(iptables):
    (iptables / "FORWARD").write_text("-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n")
    NetworkRules(iptables / "programs", "wb1").add(ipaddress.IPv4Network("10.200.1.0/24"))
    assert changes(iptables)[1:] == [
        "filter -I FORWARD -i wb1 -m comment --comment wb1 -j ACCEPT",
        "filter -I FORWARD -o wb1 -m conntrack --ctstate RELATED,ESTABLISHED"
        " -m comment --comment wb1 -j ACCEPT",
    ]


def test_only_rules_that_bear_the_name_are_deleted(iptables):
    ours = "POSTROUTING -s 10.200.1.0/24 ! -o wb1 -m comment --comment wb1 -j MASQUERADE"
    (iptables / "POSTROUTING").write_text(
        "-P POSTROUTING ACCEPT\n"
        "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n"
        f"-A {ours}\n"
        '-A POSTROUTING -o wb1 -m comment --comment "wb1 of another" -j ACCEPT\n'
        "-A POSTROUTING -o wb12 -m comment --comment wb12 -j MASQUERADE\n"
    )
    NetworkRules(iptables / "programs", "wb1").remove()
    assert changes(iptables) == [f"nat -D {ours}"]


def test_a_kernel_without_address_translation_gets_one_sentence(iptables):
    program = iptables / "programs/usr/sbin/iptables-nft"
    program.write_text("#!/bin/sh\necho 'iptables: Protocol not supported' >&2\nexit 3\n")
    rules = NetworkRules(iptables / "programs", "wb1")
    with pytest.raises(PrivateEngineError, match="Protocol not supported"):
        rules.add(ipaddress.IPv4Network("10.200.1.0/24"))
    rules.remove()


# The processes


def test_a_pidfile_without_its_process_means_not_running(tmp_path):
    pidfile = tmp_path / "docker.pid"
    pidfile.write_text("4711")
    assert daemons.daemon_pid(pidfile, tmp_path / "proc") is None


def test_a_reused_pid_is_not_taken_for_the_engine(tmp_path):
    pidfile = tmp_path / "docker.pid"
    pidfile.write_text("4711")
    make_process(tmp_path / "proc", 4711, "/usr/bin/vim", str(pidfile))
    assert daemons.daemon_pid(pidfile, tmp_path / "proc") is None


def test_another_dockerd_is_not_taken_for_the_engine(tmp_path):
    pidfile = tmp_path / "docker.pid"
    pidfile.write_text("4711")
    make_process(tmp_path / "proc", 4711, "/usr/sbin/dockerd", "--pidfile", "/run/docker.pid")
    assert daemons.daemon_pid(pidfile, tmp_path / "proc") is None


@pytest.mark.parametrize("content", ["", "not a number"])
def test_a_damaged_pidfile_means_not_running(tmp_path, content):
    (tmp_path / "docker.pid").write_text(content)
    assert daemons.daemon_pid(tmp_path / "docker.pid", tmp_path) is None


def test_the_engines_own_dockerd_is_found(tmp_path):
    pidfile = tmp_path / "docker.pid"
    pidfile.write_text("4711")
    make_process(tmp_path / "proc", 4711, "/x y/dockerd", "--pidfile", str(pidfile))
    assert daemons.daemon_pid(pidfile, tmp_path / "proc") == 4711


def test_an_engine_is_its_servers_their_children_and_its_containers(tmp_path):
    runtime = Path("/run/docker-workbook-wb1")
    socket_path = f"{runtime}/exec/containerd/containerd.sock"
    make_process(tmp_path, 10, "/p/dockerd", "--pidfile", f"{runtime}/docker.pid")
    make_process(tmp_path, 11, "docker-proxy", "-host-port", "80", parent=10)
    make_process(tmp_path, 12, "/p/containerd-shim-runc-v2", "-address", socket_path)
    make_process(tmp_path, 13, "node", cgroup="/process_api/1/docker-workbook-wb1/abc")
    make_process(tmp_path, 20, "tail", "-f", f"{runtime}/exec/log")
    make_process(tmp_path, 21, "/p/dockerd", "--pidfile", "/run/docker-workbook-wb12/docker.pid")
    make_process(tmp_path, 22, "node", cgroup="/docker-workbook-wb12/abc")
    make_process(tmp_path, 23, state="Z", cgroup="/docker-workbook-wb1/abc")
    running = daemons.processes(tmp_path)
    assert daemons.belonging(running, runtime, "docker-workbook-wb1") == {10, 11, 12, 13}
    assert daemons.contained(running, "docker-workbook-wb1") == {13}


def test_the_sockets_of_a_process_are_found_by_what_it_holds_open(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/unix").write_text(
        "Num RefCount Protocol Flags Type St Inode Path\n"
        "0: 00000002 00000000 00010000 0001 01 71 /run/containerd/s/ours\n"
        "0: 00000002 00000000 00010000 0001 01 72 /run/containerd/s/anothers\n"
        "0: 00000002 00000000 00010000 0001 01 73 /run/other.sock\n"
        "0: 00000003 00000000 00000000 0001 03 74\n"
    )
    (tmp_path / "12/fd").mkdir(parents=True)
    for number, target in enumerate(["socket:[71]", "socket:[73]", "socket:[74]", "/dev/null"]):
        (tmp_path / "12/fd" / str(number)).symlink_to(target)
    folder = Path("/run/containerd/s")
    assert daemons.sockets_of([12, 4711], folder, tmp_path) == {folder / "ours"}


def test_dockerd_finds_its_own_programs_first_and_gets_the_proxies():
    ours = {"https_proxy": "http://p:1", "NO_PROXY": "x", "PATH": "/evil", "VIRTUAL_ENV": "/venv"}
    environment = daemons.daemon_environment(Path("/p"), ours)
    assert environment.pop("PATH").startswith("/p/usr/bin:/p/usr/sbin:/")
    assert environment == {"LC_ALL": "C", "https_proxy": "http://p:1", "NO_PROXY": "x"}


def test_nothing_answers_where_there_is_no_socket(tmp_path):
    assert not daemons.answers(tmp_path / "docker.sock")


def test_a_silent_socket_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        server.listen()
        assert not daemons.answers(Path("s"), seconds=0.1)


def test_a_socket_that_says_ok_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        server.listen()

        def serve():
            connection = server.accept()[0]
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nOK")

        thread = threading.Thread(target=serve)
        thread.start()
        assert daemons.answers(Path("s"))
        thread.join()


# What it says and writes


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", "it said nothing"),
        ("failed to start daemon: no space left on device\n", "no space left on device"),
        ('level=info msg=ok\ntime="x" level=error msg="a \\"b\\" c"\nlevel=info msg=x', 'a "b" c'),
        ("failed to start daemon: Devices cgroup isn't mounted\n", "mount -t cgroup2"),
        ("first\nlast words\n\n", "last words"),
    ],
)
def test_a_dockerd_that_died_is_quoted_in_one_sentence(log, reason):
    sentence = daemons.start_failure(log)
    assert reason in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_another_system_is_sent_to_docker_desktop(platform):
    with pytest.raises(PrivateEngineError, match="install Docker Desktop and start it"):
        private.require_possible(Path("/x"), platform)


def test_a_user_who_is_not_root_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PrivateEngineError, match=r"needs root.*sudo"):
        private.require_possible(Path("/x"), "linux")


def test_a_folder_that_layers_cannot_live_in_is_refused(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    private.require_possible(Path("/a folder/with Umläuten"), "linux")
    with pytest.raises(PrivateEngineError, match="path holds ','"):
        private.require_possible(Path("/a,b"), "linux")


@pytest.mark.parametrize("version", ["glibc 2.31", "none", "musl 1.2"])
def test_an_old_or_other_c_library_is_refused(version):
    private.require_glibc("glibc 2.36")
    with pytest.raises(PrivateEngineError, match=r"needs glibc 2\.34"):
        private.require_glibc(version)


def test_the_daemon_is_configured_to_touch_nothing_but_its_own(monkeypatch):
    monkeypatch.setattr(network, "default_mtu", lambda: 1400)
    engine = PrivateEngine(Path("/x"), registry_mirror="http://127.0.0.1:5000")
    configuration = engine._configuration()
    assert configuration["bridge"] == engine.name
    assert configuration["mtu"] == 1400
    assert configuration["registry-mirrors"] == ["http://127.0.0.1:5000"]
    assert not any(configuration[key] for key in ("iptables", "ip6tables", "ip-forward"))
    assert configuration["ip"] == "127.0.0.1"
    assert str(configuration["data-root"]).startswith("/x/trixie/")
    assert str(configuration["exec-root"]).startswith(str(engine.runtime))
    json.dumps(configuration)


def test_mount_points_are_found_under_a_folder_with_spaces_deepest_first():
    mountinfo = (
        "29 1 254:0 / / rw - ext4 /dev/vda rw\n"
        "30 29 254:0 / /my\\040ä/data rw - ext4 /dev/vda rw\n"
        "31 30 0:40 / /my\\040ä/data/overlay2/a/merged rw - overlay overlay rw\n"
        "32 29 254:0 / /my\\040ä/database rw - ext4 /dev/vda rw\n"
    ).encode()
    assert private.mounts_below(Path("/my ä/data"), mountinfo) == [
        Path("/my ä/data/overlay2/a/merged"),
        Path("/my ä/data"),
    ]


# Installing, stopping and removing what is not there


def test_what_is_installed_is_not_fetched_again(tmp_path, monkeypatch):
    engine = PrivateEngine(tmp_path)
    (engine.programs / "usr/sbin").mkdir(parents=True)
    (engine.programs / "usr/sbin/dockerd").touch()
    monkeypatch.setattr(private.debian, "Suite", None)
    engine.install()


def test_an_install_that_was_killed_is_done_again_from_the_start(tmp_path, run_folder, monkeypatch):
    engine = PrivateEngine(tmp_path / "engine")
    partial = engine.home / "programs.partial"
    partial.mkdir(parents=True)
    (partial / "half a file").touch()

    class Suite:
        def __init__(self, folder, name):
            folder.mkdir(exist_ok=True)

        def fetch(self, names):
            return list(names)

    def unpack(packages, into):
        (into / "usr/sbin").mkdir(parents=True)
        (into / "usr/sbin/dockerd").touch()

    monkeypatch.setattr(private.sys, "platform", "linux")
    monkeypatch.setattr(private, "require_glibc", lambda version: None)
    monkeypatch.setattr(private.debian, "Suite", Suite)
    monkeypatch.setattr(private.debian, "host_suite", lambda: "bookworm")
    monkeypatch.setattr(private.debian, "unpack", unpack)
    engine.install()
    assert sorted(p.name for p in engine.home.iterdir()) == [".private-engine", "programs"]
    assert not (engine.programs / "half a file").exists()
    assert list(run_folder.iterdir()) == []


def test_shared_programs_that_are_missing_are_named(tmp_path, run_folder):
    engine = PrivateEngine(tmp_path / "engine", programs=tmp_path / "nothing")
    with pytest.raises(PrivateEngineError, match="There is no Docker in"):
        engine.install()


def test_stopping_and_removing_what_never_was_does_nothing(tmp_path, run_folder):
    engine = PrivateEngine(tmp_path / "engine")
    engine.stop()
    engine.remove()
    assert not engine.running
    assert not engine.folder.exists()
    assert list(run_folder.iterdir()) == []


def test_removing_deletes_only_what_an_engine_put_there(tmp_path, run_folder):
    engine = PrivateEngine(tmp_path / "engine")
    engine._make_home()
    (engine.folder / "mine.txt").touch()
    (engine.folder / "mine").mkdir()
    engine.remove()
    assert sorted(p.name for p in engine.folder.iterdir()) == ["mine", "mine.txt"]


def test_what_the_first_engine_found_is_what_the_last_one_restores(run_folder):
    first = run_folder / "docker-workbook-wb1"
    first.mkdir()
    (first / "before.json").write_text(json.dumps({"ip_forward": "0", "absent": ["/run/docker"]}))
    assert private._state_before() == {"ip_forward": "0", "absent": ["/run/docker"]}


def test_only_the_last_engine_restores_what_is_shared(run_folder, tmp_path, monkeypatch):
    forwarding, shared = tmp_path / "ip_forward", tmp_path / "shared"
    monkeypatch.setattr(network, "FORWARDING", forwarding)
    shared.mkdir()
    for name in ("wb1", "wb2"):
        (run_folder / f"docker-workbook-{name}").mkdir()
        record = run_folder / f"docker-workbook-{name}" / "before.json"
        record.write_text(json.dumps({"ip_forward": "1", "absent": [str(shared)]}))
    private._restore(run_folder / "docker-workbook-wb1")
    assert shared.exists()
    (run_folder / "docker-workbook-wb1/before.json").unlink()
    private._restore(run_folder / "docker-workbook-wb2")
    assert not shared.exists()
