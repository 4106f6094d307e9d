"""A Docker engine of the workbook's own, for a Linux machine with root and no Docker.

Its programs come from Debian's archive, unpacked under a folder; its data lies in that folder, its
sockets under ``/run``, its network is a bridge of its own. Stopping and removing undo all of it.
It touches no other engine, installs nothing, and does not decide whether it is wanted.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import http.client
import ipaddress
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from helpers import debian, places
from helpers.errors import WorkbookError

RUN = Path("/run")
_PREFIX = "docker-workbook-"
_MARK = ".private-engine"

_ENGINE_PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "containerd")
_HOST_PACKAGES = ("runc", "tini")
_IPTABLES_PACKAGES = (
    "iptables",
    "libip4tc2",
    "libip6tc2",
    "libmnl0",
    "libnetfilter-conntrack3",
    "libnfnetlink0",
    "libnftnl11",
    "libxtables12",
)
_GLIBC = (2, 34)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
_SERVERS = {"setsid", "nsenter", "dockerd", "containerd", "containerd-shim-runc-v2"}

_START_SECONDS = 60.0
_GRACE_SECONDS = 3.0
_STOP_SECONDS = 20.0

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_SHIM_SOCKETS = Path("/run/containerd/s")
_SHARED_FOLDERS = tuple(
    Path(name)
    for name in (
        "/run/docker/plugins",
        "/run/docker",
        _SHIM_SOCKETS,
        "/run/containerd",
        "/opt/containerd/bin",
        "/opt/containerd/lib",
        "/opt/containerd",
    )
)


_NO_POWER = "run on a machine of your own or in a privileged container, or install Docker there."


class PrivateEngineError(WorkbookError):
    """The private engine cannot be installed, started or undone here."""


class PrivateEngine:
    """One private engine, known by its folder and suite: equal arguments mean the same engine.

    ``folder`` holds everything that is kept, ``suite`` is the Debian release whose Docker is taken.
    ``registry_mirror`` is an address asked before Docker Hub. An ``isolated`` engine has a network
    of its own with nothing but a loopback. ``programs`` is the unpacked tree of another private
    engine, used in place of a download. Nothing happens before `install` or `start`.
    """

    def __init__(
        self,
        folder: Path = places.ENGINE,
        *,
        suite: str = "trixie",
        registry_mirror: str | None = None,
        isolated: bool = False,
        programs: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.suite = suite
        self.home = self.folder / suite
        self.programs = programs.absolute() if programs else self.home / "programs"
        self.name = identity(self.home)
        self.runtime = RUN / f"{_PREFIX}{self.name}"
        self.log = self.home / "dockerd.log"
        self._cgroup = f"{_PREFIX}{self.name}"
        self._mirror = registry_mirror
        self._isolated = isolated
        self._own_programs = programs is None

    @property
    def socket(self) -> Path:
        """The socket on which the engine answers."""
        return self.runtime / "docker.sock"

    @property
    def docker(self) -> Path:
        """The docker command line client."""
        return self.programs / "usr/bin/docker"

    @property
    def running(self) -> bool:
        """Whether the engine's process lives and answers (within 5 seconds)."""
        return self._daemon() is not None and answers(self.socket)

    def environment(self) -> dict[str, str]:
        """Return the variables with which a docker client reaches this engine and its buildx."""
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.home / "client")}

    def command_inside(self, argv: Iterable[str]) -> list[str]:
        """Return the command that runs ``argv`` in the engine's network, once it has started."""
        enter = ["nsenter", f"--net={self.runtime / 'netns'}", "--"] if self._isolated else []
        return [*enter, *argv]

    def install(self) -> None:
        """Fetch and unpack the programs; without network, and at once, when they are there.

        Raises `PrivateEngineError` where they cannot run, `DebianError` when the archive fails.
        """
        if self._installed():
            return
        require_possible(self.home)
        with self._locked():
            self._install()

    def start(self) -> None:
        """Start the engine, installing it first where needed, and wait until it answers.

        It outlives this process. Raises `PrivateEngineError` with the reason when it does not come
        up within a minute; an engine that died at its start leaves nothing behind.
        """
        if self.running:
            return
        require_possible(self.home)
        with self._locked():
            if self._daemon() is None:
                self._install()
                self._undo()
                self._bring_up()
            self._wait()

    def stop(self) -> None:
        """Stop the engine and its containers and undo its network; images and cache stay."""
        if not (self.runtime.exists() or _bridge_exists(self.name)):
            return
        require_root()
        with self._locked():
            self._undo()

    def remove(self) -> None:
        """Stop the engines of every suite in the folder, then delete all that they kept there."""
        for mark in sorted(self.folder.glob(f"*/{_MARK}")):
            home = mark.parent
            PrivateEngine(self.folder, suite=home.name).stop()
            _unmount_below(home)
            if _mounts_below(home):
                raise PrivateEngineError(
                    f"Something is still mounted under {home}; close what uses it and try again."
                )
            shutil.rmtree(home)
        self.stop()
        with suppress(OSError):
            self.folder.rmdir()

    def _installed(self) -> bool:
        return (self.programs / "usr/sbin/dockerd").exists()

    def _install(self) -> None:
        if self._installed():
            return
        if not self._own_programs:
            raise PrivateEngineError(
                f"There is no Docker in {self.programs}; install the engine it belongs to first."
            )
        self._make_home()
        require_glibc(os.confstr("CS_GNU_LIBC_VERSION") or "none")
        partial, downloads = self.home / "programs.partial", self.home / "apt"
        shutil.rmtree(partial, ignore_errors=True)
        own, host = self._packages()
        fetched = debian.Suite(downloads, self.suite).fetch(own)
        fetched += debian.Suite(downloads, debian.host_suite()).fetch(host)
        debian.unpack(fetched, partial)
        partial.rename(self.programs)
        shutil.rmtree(downloads)

    def _packages(self) -> tuple[list[str], list[str]]:
        """Return what comes from the engine's suite, and what from the host's own."""
        host = list(_HOST_PACKAGES)
        if shutil.which("iptables", path=_SYSTEM_PATH) is None:
            host += _IPTABLES_PACKAGES
        return list(_ENGINE_PACKAGES), host

    def _make_home(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / _MARK).touch()

    def _bring_up(self) -> None:
        try:
            self._prepare()
            self._launch()
        except BaseException:
            self._undo()
            raise

    def _prepare(self) -> None:
        """Make the runtime folder, the network and the configuration."""
        self._make_home()
        before = {**_state_before(), "programs": str(self.programs)}
        self.runtime.mkdir(mode=0o711)
        (self.runtime / "before.json").write_text(json.dumps(before))
        namespace = self._make_namespace() if self._isolated else None
        subnet = free_subnet(self.name, routes(Path("/proc/net/route").read_text()))
        in_namespace(namespace, lambda: make_bridge(self.name, subnet))
        if namespace is None:
            NetworkRules(self.programs, self.name).add(subnet)
            allow_forwarding()
        (self.home / "daemon.json").write_text(json.dumps(self._configuration(), indent=2) + "\n")
        client = self.home / "client"
        client.mkdir(exist_ok=True)
        plugins = self.programs / "usr/libexec/docker/cli-plugins"
        (client / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(plugins)]}))

    def _make_namespace(self) -> Path:
        namespace = self.runtime / "netns"
        namespace.touch()
        result = subprocess.run(
            ["unshare", f"--net={namespace}", "true"],  # noqa: S607 - where util-linux put it
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise PrivateEngineError(
                f"The kernel refuses a network of its own for an isolated engine "
                f"({result.stderr.strip()}); {_NO_POWER}"
            )
        in_namespace(namespace, lambda: _set_flags("lo", up=True))
        return namespace

    def _configuration(self) -> dict[str, object]:
        mirrors = {"registry-mirrors": [self._mirror]} if self._mirror else {}
        return {
            "data-root": str(self.home / "data"),
            "exec-root": str(self.runtime / "exec"),
            "hosts": [f"unix://{self.socket}"],
            "group": "root",
            "bridge": self.name,
            "mtu": 1500 if self._isolated else default_mtu(),
            "iptables": False,
            "ip6tables": False,
            "ip-forward": False,
            "ip": "127.0.0.1",
            "cgroup-parent": self._cgroup,
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            **mirrors,
        }

    def _command(self) -> list[str]:
        daemon = [str(self.programs / "usr/sbin/dockerd")]
        daemon += ["--config-file", str(self.home / "daemon.json")]
        daemon += ["--pidfile", str(self.runtime / "docker.pid")]
        return ["setsid", "--fork", *self.command_inside(daemon)]

    def _launch(self) -> None:
        with self.log.open("wb") as log:
            subprocess.run(
                self._command(),
                cwd="/",
                env=daemon_environment(self.programs, os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if answers(self.socket):
                return
            if not self._processes():
                self._undo()
                reason = start_failure(self.log.read_text(errors="replace"))
                raise PrivateEngineError(f"{reason} Its log is {self.log}.")
            time.sleep(0.05)
        raise PrivateEngineError(
            f"The private engine does not answer after {_START_SECONDS:.0f} s; see its log, "
            f"{self.log}, then stop it and start it again."
        )

    def _daemon(self) -> int | None:
        return daemon_pid(self.runtime / "docker.pid")

    def _processes(self) -> set[int]:
        return belonging(processes(), self.runtime, self._cgroup)

    def _undo(self) -> None:
        """Bring the machine back to where it was, whatever part of the engine is still there."""
        self._end_daemon()
        self._end_rest()
        _unmount_below(self.runtime)
        _unmount_below(self.home / "data")
        programs = _record(self.runtime).get("programs", self.programs)
        NetworkRules(Path(programs), self.name).remove()
        remove_bridge(self.name)
        _remove_cgroups(self._cgroup)
        _restore(self.runtime)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def _end_daemon(self) -> None:
        """Ask dockerd to end, which ends its containers; those that will not are killed."""
        daemon = self._daemon()
        if daemon is None:
            return
        _signal([daemon], signal.SIGTERM)
        if not _wait_for(lambda: self._daemon() is None, _GRACE_SECONDS):
            _signal(contained(processes(), self._cgroup), signal.SIGKILL)
            _wait_for(lambda: self._daemon() is None, _STOP_SECONDS)

    def _end_rest(self) -> None:
        """Kill what is left, and delete the sockets that it would have deleted itself."""
        sockets = sockets_of(self._processes(), _SHIM_SOCKETS)

        def ended() -> bool:
            _signal(left := self._processes(), signal.SIGKILL)
            return not left

        if not _wait_for(ended, _STOP_SECONDS):
            raise PrivateEngineError(
                f"Processes of the private engine do not end ({sorted(self._processes())}); "
                "restart the machine to be rid of them."
            )
        for path in sockets:
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the engine's lock; the file goes when no runtime folder needs it any longer."""
        path = RUN / f"{_PREFIX}{self.name}.lock"
        lock = _lock(path)
        try:
            yield
        finally:
            if not self.runtime.exists():
                path.unlink(missing_ok=True)
            os.close(lock)


def identity(home: Path) -> str:
    """Return the name of the engine that lives in ``home``: short enough for an interface."""
    return "wb" + hashlib.sha256(os.fsencode(home)).hexdigest()[:10]


# Where it can run


def require_possible(home: Path, platform: str = sys.platform) -> None:
    """Raise `PrivateEngineError` where a private engine cannot live: system, user, folder."""
    if platform != "linux":
        raise PrivateEngineError(
            "A private engine needs Linux; on this machine install Docker Desktop and start it."
        )
    require_root()
    unusable = sorted(set(str(home)) & set(':;,\\"\n'))
    if unusable:
        raise PrivateEngineError(
            f"A private engine cannot live in {home}, whose path holds {' '.join(unusable)!r}; "
            "move the workbook to a folder without that character."
        )


def require_root() -> None:
    """Raise `PrivateEngineError` for a user other than root."""
    if os.geteuid() != 0:
        raise PrivateEngineError(
            "A private engine needs root; run the command with sudo, or ask for Docker to be "
            "installed and for a place in its group."
        )


def require_glibc(version: str) -> None:
    """Raise `PrivateEngineError` for a C library, such as ``glibc 2.31``, that is too old."""
    found = re.fullmatch(r"glibc (\d+)\.(\d+).*", version)
    if found is None or (int(found[1]), int(found[2])) < _GLIBC:
        raise PrivateEngineError(
            f"Debian's Docker needs glibc {_GLIBC[0]}.{_GLIBC[1]} (Debian 12 or later) and this "
            f"host has {version}; install Docker by its own instructions."
        )


# Its processes


def daemon_environment(programs: Path, ours: Mapping[str, str]) -> dict[str, str]:
    """Return dockerd's environment: its programs first, proxies and certificates passed on."""
    passed = {key: value for key, value in ours.items() if key.upper() in _PASSED_ON}
    path = f"{programs / 'usr/bin'}:{programs / 'usr/sbin'}:{_SYSTEM_PATH}"
    return {"PATH": path, "LC_ALL": "C", **passed}


def daemon_pid(pidfile: Path, proc: Path = Path("/proc")) -> int | None:
    """Return the process in ``pidfile`` if it is the dockerd that was started with that file."""
    try:
        pid = int(pidfile.read_text())
        argv = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    ours = Path(os.fsdecode(argv[0])).name == "dockerd" and os.fsencode(pidfile) in argv
    return pid if ours else None


@dataclass(frozen=True)
class Process:
    """A process as ``/proc`` shows it: who started it, its command line, its cgroups."""

    parent: int
    cmdline: bytes
    cgroups: str


def processes(proc: Path = Path("/proc")) -> dict[int, Process]:
    """Return the processes of this machine by their id, except those that wait to be reaped."""
    found = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                cmdline, cgroups = (entry / "cmdline").read_bytes(), (entry / "cgroup").read_text()
                found[int(entry.name)] = Process(int(parent), cmdline, cgroups)
    return found


def contained(running: Mapping[int, Process], cgroup: str) -> set[int]:
    """Return the processes that run in containers (and build steps) of the engine of a cgroup."""
    return {pid for pid, process in running.items() if f"/{cgroup}/" in process.cgroups}


def belonging(running: Mapping[int, Process], runtime: Path, cgroup: str) -> set[int]:
    """Return an engine's processes: its servers, all that descends from them, its containers'."""
    found = {pid for pid, process in running.items() if _serves(process.cmdline, runtime)}
    found |= contained(running, cgroup)
    while more := {pid for pid, one in running.items() if one.parent in found} - found:
        found |= more
    return found


def _serves(cmdline: bytes, runtime: Path) -> bool:
    program = Path(os.fsdecode(cmdline.split(b"\0")[0])).name
    return program in _SERVERS and os.fsencode(runtime) + b"/" in cmdline


def sockets_of(pids: Iterable[int], folder: Path, proc: Path = Path("/proc")) -> set[Path]:
    """Return the sockets in ``folder`` that processes hold open."""
    rows = (row.split() for row in (proc / "net/unix").read_text().splitlines()[1:])
    by_inode = {row[6]: Path(row[7]) for row in rows if len(row) == 8}
    found = set()
    for pid in pids:
        with suppress(OSError):
            for handle in (proc / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    inode = str(handle.readlink()).removeprefix("socket:[").removesuffix("]")
                    found.add(by_inode.get(inode, Path()))
    return {path for path in found if path.parent == folder}


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait_for(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def answers(path: Path, seconds: float = 5.0) -> bool:
    """Whether a Docker engine answers a ping on a socket within so many seconds."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        try:
            client.connect(str(path))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            reply = http.client.HTTPResponse(client)
            reply.begin()
        except (OSError, http.client.HTTPException):
            return False
        return reply.status == http.client.OK


def start_failure(log: str) -> str:
    """Return the sentence for a dockerd that died at its start, out of its log."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    wrong = [line for line in lines if re.search(r"level=(error|fatal)|^failed to|^unable", line)]
    line = (wrong or lines or ["it said nothing"])[-1]
    message = re.search(r'msg="((?:[^"\\]|\\.)*)"', line)
    reason = (message[1].replace('\\"', '"') if message else line).rstrip(".")
    if "cgroup" in reason:
        reason += "; mount them (`mount -t cgroup2 none /sys/fs/cgroup`)"
    return f"The private engine died at its start: {reason}."


def _lock(path: Path) -> int:
    """Open and lock a file that its holder may delete: what is locked is what is at ``path``."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return lock
        os.close(lock)


# Its network


def routes(table: str) -> list[ipaddress.IPv4Network]:
    """Return the networks of ``/proc/net/route`` except the default route."""
    found = []
    for row in table.splitlines()[1:]:
        cells = row.split()
        address, mask = (struct.pack("=I", int(cells[column], 16)) for column in (1, 7))
        if any(mask):
            found.append(ipaddress.IPv4Network((address, str(ipaddress.IPv4Address(mask)))))
    return found


def free_subnet(name: str, taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Return a private /24 that follows from ``name`` and overlaps nothing that is taken."""
    taken = list(taken)
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big")
    for step in range(1 << 14):
        high, low = divmod((start + step) % (1 << 14), 256)
        subnet = ipaddress.IPv4Network(f"10.{192 + high}.{low}.0/24")
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise PrivateEngineError(
        "The routes of this machine leave no free network between 10.192.0.0 and 10.255.255.255; "
        "install Docker and give it a network (`bip` in its daemon.json)."
    )


def default_mtu(table: str | None = None, interfaces: Path = Path("/sys/class/net")) -> int:
    """Return the MTU in bytes of the default route's interface; 1500 where there is none."""
    table = Path("/proc/net/route").read_text() if table is None else table
    for row in table.splitlines()[1:]:
        cells = row.split()
        if cells[1] == cells[7] == "00000000":
            return int((interfaces / cells[0] / "mtu").read_text())
    return 1500


_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
_SIOCBRADDBR, _SIOCBRDELBR = 0x89A0, 0x89A1
_IFF_UP = 1


def make_bridge(name: str, subnet: ipaddress.IPv4Network) -> None:
    """Make a bridge that has the first address of ``subnet``, and bring it up."""
    try:
        _ioctl(_SIOCBRADDBR, name.encode() + b"\0")
        for request, value in ((_SIOCSIFADDR, subnet[1]), (_SIOCSIFNETMASK, subnet.netmask)):
            address = struct.pack("=HH4s8x", socket.AF_INET, 0, value.packed)
            _ioctl(request, struct.pack("16s16s8x", name.encode(), address))
        _set_flags(name, up=True)
    except OSError as error:
        raise PrivateEngineError(
            f"The kernel refuses a network bridge for the private engine ({error.strerror}); "
            + _NO_POWER
        ) from error


def remove_bridge(name: str) -> None:
    """Take the bridge away, if there is one of that name."""
    if _bridge_exists(name):
        _set_flags(name, up=False)
        _ioctl(_SIOCBRDELBR, name.encode() + b"\0")


def _bridge_exists(name: str) -> bool:
    return Path(f"/sys/class/net/{name}/bridge").exists()


def _set_flags(name: str, *, up: bool) -> None:
    request = struct.pack("16sH22x", name.encode(), 0)
    flags = struct.unpack("16sH22x", _ioctl(_SIOCGIFFLAGS, request))[1]
    flags = flags | _IFF_UP if up else flags & ~_IFF_UP
    _ioctl(_SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags))


def _ioctl(request: int, argument: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return fcntl.ioctl(control, request, argument)


def in_namespace(namespace: Path | None, work: Callable[[], None]) -> None:
    """Do ``work`` in a network namespace, given as a file; ``None`` is our own."""
    if namespace is None:
        work()
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_enter, namespace).result()
        thread.submit(work).result()


def _enter(namespace: Path) -> None:
    """Move the calling thread, and no other, into a network namespace."""
    new_network = 0x40000000
    with namespace.open("rb") as file:
        _libc("setns", file.fileno(), new_network)


def allow_forwarding() -> None:
    """Have the kernel pass packets on between the bridge and the outside."""
    try:
        if _FORWARDING.read_text().strip() != "1":
            _FORWARDING.write_text("1\n")
    except OSError as error:
        raise PrivateEngineError(
            f"The kernel refuses to forward packets of containers ({error.strerror}); {_NO_POWER}"
        ) from error


class NetworkRules:
    """The rules that let containers of one bridge out; each bears the bridge's name as comment."""

    def __init__(self, programs: Path, name: str) -> None:
        self._programs = programs
        self._name = name

    def add(self, subnet: ipaddress.IPv4Network) -> None:
        """Translate what leaves ``subnet``, and let it be forwarded where not all is anyway."""
        ours = ["-m", "comment", "--comment", self._name]
        out = ["-s", str(subnet), "!", "-o", self._name]
        self._run("nat", ["-A", "POSTROUTING", *out, *ours, "-j", "MASQUERADE"])
        if self._rules("filter", "FORWARD") != ["-P FORWARD ACCEPT"]:
            back = ["-o", self._name, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
            for match in (["-i", self._name], back):
                self._run("filter", ["-I", "FORWARD", *match, *ours, "-j", "ACCEPT"])

    def remove(self) -> None:
        """Delete every rule that bears our name; where no iptables works there is none."""
        if not any(map(self._works, self._candidates())):
            return
        for table, chain in (("nat", "POSTROUTING"), ("filter", "FORWARD")):
            for rule in self._rules(table, chain):
                words = shlex.split(rule)
                if words[0] == "-A" and ("--comment", self._name) in pairwise(words):
                    self._run(table, ["-D", *words[1:]])

    def _rules(self, table: str, chain: str) -> list[str]:
        return self._run(table, ["-S", chain]).splitlines()

    def _run(self, table: str, arguments: list[str]) -> str:
        candidates = self._candidates()
        if not candidates:
            raise PrivateEngineError(
                f"There is no iptables on this host, nor in {self._programs}; delete "
                "that folder, and start the engine again."
            )
        iptables = next(filter(self._works, candidates), candidates[0])
        result = self._call(iptables, ["-t", table, *arguments])
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise PrivateEngineError(
                f"The kernel refuses the private engine's network rules ({reason}); {_NO_POWER}"
            )
        return result.stdout

    def _candidates(self) -> list[str]:
        """Return the host's own iptables, else the unpacked ones: one for each kind of kernel."""
        if own := shutil.which("iptables", path=_SYSTEM_PATH):
            return [own]
        unpacked = (self._programs / f"usr/sbin/iptables-{kind}" for kind in ("nft", "legacy"))
        return [str(program) for program in unpacked if program.exists()]

    def _works(self, iptables: str) -> bool:
        return self._call(iptables, ["-t", "nat", "-S"]).returncode == 0

    def _call(self, iptables: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [iptables, "--wait", "5", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        environment = {"PATH": _SYSTEM_PATH, "LC_ALL": "C"}
        for extensions in self._programs.glob("usr/lib/*/xtables"):
            environment["LD_LIBRARY_PATH"] = str(extensions.parent)
            environment["XTABLES_LIBDIR"] = str(extensions)
        return environment


# What it leaves as it was


def _siblings(runtime: Path | None = None) -> list[Path]:
    """Return the runtime folders of the other private engines that are up."""
    found = (record.parent for record in RUN.glob(f"{_PREFIX}*/before.json"))
    return sorted(folder for folder in found if folder != runtime)


def _record(runtime: Path) -> dict[str, Any]:
    """Return what the engine of a runtime folder wrote down when it started."""
    try:
        record: dict[str, Any] = json.loads((runtime / "before.json").read_text())
    except (OSError, ValueError):
        return {}
    return record


def _state_before() -> dict[str, Any]:
    """Return how the machine was before the first private engine that is up now."""
    for sibling in _siblings():
        if before := _record(sibling):
            return before
    absent = [str(folder) for folder in _SHARED_FOLDERS if not folder.exists()]
    return {"ip_forward": _FORWARDING.read_text().strip(), "absent": absent}


def _restore(runtime: Path) -> None:
    """Put back what engines share, if this was the last one up and nobody else needs it."""
    before = _record(runtime)
    if not before or _siblings(runtime):
        return
    for folder in before["absent"]:
        _remove_empty(Path(folder), Path("/proc/net/unix").read_text())
    if before["ip_forward"] != "1" and not any(Path("/sys/class/net").glob("*/bridge")):
        _FORWARDING.write_text(before["ip_forward"] + "\n")


def _remove_empty(folder: Path, listening: str) -> None:
    """Remove a folder that holds nothing, or only sockets of processes that were killed."""
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_socket() and f" {entry}\n" not in listening:
                entry.unlink()
        folder.rmdir()


def _remove_cgroups(name: str) -> None:
    for top in list(Path("/sys/fs/cgroup").rglob(name)):
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()


def _mounts_below(folder: Path) -> list[Path]:
    return mounts_below(folder, Path("/proc/self/mountinfo").read_bytes())


def mounts_below(folder: Path, mountinfo: bytes) -> list[Path]:
    """Return the mount points at and under ``folder``, the deepest first."""
    escaped = (line.split(b" ")[4] for line in mountinfo.splitlines())
    plain = (re.sub(rb"\\(\d{3})", lambda octal: bytes([int(octal[1], 8)]), at) for at in escaped)
    points = [Path(os.fsdecode(at)) for at in plain]
    return sorted((at for at in points if at.is_relative_to(folder)), reverse=True)


def _unmount_below(folder: Path) -> None:
    detach = 2
    for at in _mounts_below(folder):
        with suppress(OSError):
            _libc("umount2", os.fsencode(at), detach)


def _libc(function: str, *arguments: bytes | int) -> None:
    """Call a function of the C library; an error of its becomes an `OSError`."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
