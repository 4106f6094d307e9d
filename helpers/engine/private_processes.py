"""Find the processes of a private engine among all others, watch them, and stop them.

It reads ``/proc`` and sends signals; it starts nothing and knows nothing of networks or packages.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from helpers.engine.private_network import SYSTEM_PATH

_PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
_SERVERS = {"setsid", "nsenter", "rootlesskit", "dockerd", "containerd", "containerd-shim-runc-v2"}


def daemon_environment(programs: Path, ours: Mapping[str, str]) -> dict[str, str]:
    """Return dockerd's environment: its programs first, proxies and certificates passed on."""
    passed = {key: value for key, value in ours.items() if key.upper() in _PASSED_ON}
    path = f"{programs / 'usr/bin'}:{programs / 'usr/sbin'}:{SYSTEM_PATH}"
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
    """Return an engine's processes: its servers, their descendants, and those of its containers."""
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


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def answers(path: Path, seconds: float = 5.0) -> bool:
    """Whether a Docker engine answers a ping on a socket within so many seconds."""
    import http.client

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
    """Return a sentence from the log of a dockerd that died at its start."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    wrong = [line for line in lines if re.search(r"level=(error|fatal)|^failed to|^unable", line)]
    line = (wrong or lines or ["it said nothing"])[-1]
    message = re.search(r'msg="((?:[^"\\]|\\.)*)"', line)
    reason = (message[1].replace('\\"', '"') if message else line).rstrip(".")
    if "cgroup" in reason:
        reason += "; mount them (`mount -t cgroup2 none /sys/fs/cgroup`)"
    return f"The private engine died at its start: {reason}."


def lock(path: Path) -> int:
    """Open and lock the file at ``path``; try again if its holder has deleted it meanwhile."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return lock
        os.close(lock)
