"""A Docker engine of the workbook's own, for a Linux machine with root and no Docker.

Its programs come from Debian's archive and are unpacked into a folder, which holds its data too. Its
sockets are under ``/run``; its network is a bridge of its own. Stopping and removing undo all of it.
It touches no other engine, installs nothing, and does not decide whether it is wanted.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from helpers.engine import private_network as network
from helpers.engine import private_processes as daemons
from helpers.host import debian, paths
from helpers.host.errors import PrivateEngineError
from helpers.host.processes import wait_for

RUN = Path("/run")
_PREFIX = "docker-workbook-"
_MARK = ".private-engine"
HOME_NOTE = "home"  # the file in a runtime folder that names the folder of the engine's data

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

# How much build cache is kept; what was used longest ago goes first. The older engine knows the first
# name alone. The newer never takes the first away, and the second is its limit.
_KEPT_CACHE = {"enabled": True, "defaultKeepStorage": "8GB", "defaultMaxUsedSpace": "8GB"}

_START_SECONDS = 180.0  # of a process that lives: on a very busy machine it is slow
_GRACE_SECONDS = 3.0
_STOP_SECONDS = 20.0

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


class PrivateEngine:
    """One private engine, known by its folder and suite: equal arguments mean the same engine.

    ``folder`` holds everything that is kept, ``suite`` is the Debian release whose Docker is taken.
    ``registry_mirror`` is an address asked before Docker Hub. An ``isolated`` engine has a network
    of its own with nothing but a loopback. ``programs`` is the unpacked tree of another private
    engine, used in place of a download. ``containerd_store`` keeps images as containerd does, which
    can export a build's cache. Nothing happens before `install` or `start`.
    """

    def __init__(
        self,
        folder: Path = paths.ENGINE,
        *,
        suite: str = "trixie",
        registry_mirror: str | None = None,
        isolated: bool = False,
        programs: Path | None = None,
        containerd_store: bool = False,
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
        self._containerd_store = containerd_store
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
    def installed(self) -> bool:
        """Whether its programs are there."""
        return (self.programs / "usr/sbin/dockerd").exists()

    @property
    def running(self) -> bool:
        """Whether the engine's process lives and answers (within 5 seconds)."""
        return self._daemon() is not None and daemons.answers(self.socket)

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
        if self.installed:
            return
        require_possible(self.home)
        with self._locked():
            self._install()

    def start(self) -> None:
        """Start the engine, installing it first where needed, and wait until it answers.

        It outlives this process. Raises `PrivateEngineError` with the reason when it does not come
        up within three minutes; an engine that died at its start leaves nothing behind.
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
        if not (self.runtime.exists() or network.bridge_exists(self.name)):
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

    def _install(self) -> None:
        if self.installed:
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
        if shutil.which("iptables", path=network.SYSTEM_PATH) is None:
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
        (self.runtime / HOME_NOTE).write_text(str(self.home))
        namespace = self._make_namespace() if self._isolated else None
        subnet = network.free_subnet(self.name, network.routes(Path("/proc/net/route").read_text()))
        network.in_namespace(namespace, lambda: network.make_bridge(self.name, subnet))
        if namespace is None:
            network.NetworkRules(self.programs, self.name).add(subnet)
            network.allow_forwarding()
        (self.home / "daemon.json").write_text(json.dumps(self._configuration(), indent=2) + "\n")
        write_client(self.home / "client", self.programs)

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
                f"({result.stderr.strip()}); {network.NO_POWER}"
            )
        network.in_namespace(namespace, lambda: network.set_flags("lo", up=True))
        return namespace

    def _configuration(self) -> dict[str, object]:
        mirrors = {"registry-mirrors": [self._mirror]} if self._mirror else {}
        store = {"features": {"containerd-snapshotter": True}} if self._containerd_store else {}
        return {
            "data-root": str(self.home / "data"),
            "exec-root": str(self.runtime / "exec"),
            "hosts": [f"unix://{self.socket}"],
            "group": "root",
            "bridge": self.name,
            "mtu": 1500 if self._isolated else network.default_mtu(),
            "iptables": False,
            "ip6tables": False,
            "ip-forward": False,
            "ip": "127.0.0.1",
            "cgroup-parent": self._cgroup,
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "builder": {"gc": _KEPT_CACHE},
            **mirrors,
            **store,
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
                env=daemons.daemon_environment(self.programs, os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def _wait(self) -> None:
        if not wait_for(self._answers_or_fails, _START_SECONDS):
            raise PrivateEngineError(
                f"The private engine does not answer after {_START_SECONDS:.0f} s; see its log, "
                f"{self.log}, then stop it and start it again."
            )

    def _answers_or_fails(self) -> bool:
        """Whether the engine answers. Raises `PrivateEngineError` when its processes have ended."""
        if daemons.answers(self.socket):
            return True
        # On a busy machine `setsid` may not have become dockerd yet.
        if not wait_for(self._processes, _GRACE_SECONDS):
            self._undo()
            reason = daemons.start_failure(self.log.read_text(errors="replace"))
            raise PrivateEngineError(f"{reason} Its log is {self.log}.")
        return False

    def _daemon(self) -> int | None:
        return daemons.daemon_pid(self.runtime / "docker.pid")

    def _processes(self) -> set[int]:
        return daemons.belonging(daemons.processes(), self.runtime, self._cgroup)

    def _undo(self) -> None:
        """Undo what the engine changed on this machine, whatever part of it is still there."""
        self._end_daemon()
        self._end_rest()
        _unmount_below(self.runtime)
        _unmount_below(self.home / "data")
        programs = _record(self.runtime).get("programs", self.programs)
        network.NetworkRules(Path(programs), self.name).remove()
        network.remove_bridge(self.name)
        _remove_cgroups(self._cgroup)
        _restore(self.runtime)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def _end_daemon(self) -> None:
        """Ask dockerd to end, which ends its containers, and kill those that do not."""
        daemon = self._daemon()
        if daemon is None:
            return
        daemons.send([daemon], signal.SIGTERM)
        if not wait_for(lambda: self._daemon() is None, _GRACE_SECONDS):
            daemons.send(daemons.contained(daemons.processes(), self._cgroup), signal.SIGKILL)
            wait_for(lambda: self._daemon() is None, _STOP_SECONDS)

    def _end_rest(self) -> None:
        """Kill the processes that are left, and delete their sockets."""
        sockets = daemons.sockets_of(self._processes(), _SHIM_SOCKETS)

        def ended() -> bool:
            daemons.send(left := self._processes(), signal.SIGKILL)
            return not left

        if not wait_for(ended, _STOP_SECONDS):
            raise PrivateEngineError(
                f"Processes of the private engine do not end ({sorted(self._processes())}); "
                "restart the machine to be rid of them."
            )
        for path in sockets:
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the engine's lock; its file is removed when no runtime folder needs it any longer."""
        path = RUN / f"{_PREFIX}{self.name}.lock"
        lock = daemons.lock(path)
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
                raise
            raise PrivateEngineError(
                f"The private engine cannot keep its files in {self.home} ({error.strerror}); make room "
                "there, or move the workbook to a folder that has it and can be written to."
            ) from None
        finally:
            if not self.runtime.exists():
                path.unlink(missing_ok=True)
            os.close(lock)


def stop_below(folder: Path) -> None:
    """Stop every private engine, rootless ones too, that keeps its data below a folder.

    Runs that were killed leave such engines behind. Their data stays. Raises `PrivateEngineError` when
    one does not end.
    """
    for note in sorted(RUN.glob(f"{_PREFIX}*/{HOME_NOTE}")):
        home = Path(note.read_text())
        if not home.is_relative_to(folder.absolute()):
            continue
        if note.parent.name == rootless_runtime(home).name:
            stop_rootless(note.parent)
        else:
            PrivateEngine(home.parent, suite=home.name).stop()


def rootless_runtime(home: Path) -> Path:
    """Return the runtime folder of the rootless engine that keeps its data in ``home``."""
    return RUN / f"{_PREFIX}{identity(home)}-rootless"


def stop_rootless(runtime: Path) -> None:
    """Stop the rootless engine of a runtime folder, and remove that folder."""

    def running() -> set[int]:
        return daemons.belonging(daemons.processes(), runtime, runtime.name)

    known = daemons.processes()
    first = {pid for pid in running() if known[pid].cmdline.startswith(b"rootlesskit\0")}
    daemons.send(first, signal.SIGTERM)  # all others end with it
    if not wait_for(lambda: not running(), _STOP_SECONDS):
        daemons.send(running(), signal.SIGKILL)
        wait_for(lambda: not running(), _STOP_SECONDS)
    shutil.rmtree(runtime, ignore_errors=True)


def identity(home: Path) -> str:
    """Return the name of the engine that lives in ``home``: short enough for an interface."""
    return "wb" + hashlib.sha256(os.fsencode(home)).hexdigest()[:10]


def write_client(folder: Path, programs: Path) -> None:
    """Write the configuration of a docker client that finds the unpacked buildx."""
    folder.mkdir(exist_ok=True)
    plugins = programs / "usr/libexec/docker/cli-plugins"
    (folder / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(plugins)]}))


# Where it can run


def require_possible(home: Path, platform: str = sys.platform) -> None:
    """Raise `PrivateEngineError` when this system, user or folder cannot have a private engine."""
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
    return {"ip_forward": network.FORWARDING.read_text().strip(), "absent": absent}


def _restore(runtime: Path) -> None:
    """Restore the settings that engines share, if this was the last one and nobody else needs them."""
    before = _record(runtime)
    if not before or _siblings(runtime):
        return
    for folder in before["absent"]:
        _remove_empty(Path(folder), Path("/proc/net/unix").read_text())
    if before["ip_forward"] != "1" and not any(Path("/sys/class/net").glob("*/bridge")):
        network.FORWARDING.write_text(before["ip_forward"] + "\n")


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
            network.libc("umount2", os.fsencode(at), detach)
