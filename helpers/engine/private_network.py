"""The network of a private engine: a bridge, a subnet and packet rules of its own, all taken back.

It changes only the rules and interfaces that carry the engine's name; it starts no engine.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import ipaddress
import os
import shlex
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from helpers.host.errors import PrivateEngineError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
NO_POWER = "run on a machine of your own or in a privileged container, or install Docker there."


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
    """Return a private /24 network that depends on ``name`` and overlaps none that is taken."""
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
_SIOCSIFHWADDR, _ARPHRD_ETHER = 0x8924, 1
_SIOCBRADDBR, _SIOCBRDELBR = 0x89A0, 0x89A1
_IFF_UP = 1


def make_bridge(name: str, subnet: ipaddress.IPv4Network) -> None:
    """Make a bridge that has the first address of ``subnet``, and bring it up.

    Its hardware address is fixed. By default a bridge takes the lowest address of its ports. This
    changes as containers come and go, and each change stalls the connections of running containers.
    """
    try:
        _ioctl(_SIOCBRADDBR, name.encode() + b"\0")
        hardware = b"\x02\x42" + subnet[1].packed
        _ioctl(_SIOCSIFHWADDR, struct.pack("=16sH6s16x", name.encode(), _ARPHRD_ETHER, hardware))
        for request, value in ((_SIOCSIFADDR, subnet[1]), (_SIOCSIFNETMASK, subnet.netmask)):
            address = struct.pack("=HH4s8x", socket.AF_INET, 0, value.packed)
            _ioctl(request, struct.pack("16s16s8x", name.encode(), address))
        set_flags(name, up=True)
    except OSError as error:
        raise PrivateEngineError(
            f"The kernel refuses a network bridge for the private engine ({error.strerror}); " + NO_POWER
        ) from error


def remove_bridge(name: str) -> None:
    """Take the bridge away, if there is one of that name."""
    if bridge_exists(name):
        set_flags(name, up=False)
        _ioctl(_SIOCBRDELBR, name.encode() + b"\0")


def bridge_exists(name: str) -> bool:
    """Whether there is a bridge of that name."""
    return Path(f"/sys/class/net/{name}/bridge").exists()


def set_flags(name: str, *, up: bool) -> None:
    """Switch an interface on or off."""
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
        libc("setns", file.fileno(), new_network)


def allow_forwarding() -> None:
    """Have the kernel pass packets on between the bridge and the outside."""
    try:
        if FORWARDING.read_text().strip() != "1":
            FORWARDING.write_text("1\n")
    except OSError as error:
        raise PrivateEngineError(
            f"The kernel refuses to forward packets of containers ({error.strerror}); {NO_POWER}"
        ) from error


class NetworkRules:
    """The rules that let containers of one bridge out; each has the bridge's name as its comment."""

    def __init__(self, programs: Path, name: str) -> None:
        self._programs = programs
        self._name = name

    def add(self, subnet: ipaddress.IPv4Network) -> None:
        """Translate the addresses of packets that leave ``subnet``, and let those packets pass."""
        ours = ["-m", "comment", "--comment", self._name]
        out = ["-s", str(subnet), "!", "-o", self._name]
        self._run("nat", ["-A", "POSTROUTING", *out, *ours, "-j", "MASQUERADE"])
        if self._rules("filter", "FORWARD") != ["-P FORWARD ACCEPT"]:
            back = ["-o", self._name, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
            for match in (["-i", self._name], back):
                self._run("filter", ["-I", "FORWARD", *match, *ours, "-j", "ACCEPT"])

    def remove(self) -> None:
        """Delete every rule with our name; where no iptables works there are none."""
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
                f"The kernel refuses the private engine's network rules ({reason}); {NO_POWER}"
            )
        return result.stdout

    def _candidates(self) -> list[str]:
        """Return the host's own iptables, else the unpacked ones: one for each kind of kernel."""
        if own := shutil.which("iptables", path=SYSTEM_PATH):
            return [own]
        unpacked = (self._programs / f"usr/sbin/iptables-{kind}" for kind in ("nft", "legacy"))
        return [str(program) for program in unpacked if program.exists()]

    def _works(self, iptables: str) -> bool:
        return self._call(iptables, ["-t", "nat", "-S"]).returncode == 0

    def _call(self, iptables: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [iptables, "--wait", "5", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """Return the variables with which an unpacked iptables finds its libraries."""
        environment = {"PATH": SYSTEM_PATH, "LC_ALL": "C"}
        for extensions in self._programs.glob("usr/lib/*/xtables"):
            environment["LD_LIBRARY_PATH"] = str(extensions.parent)
            environment["XTABLES_LIBDIR"] = str(extensions)
        return environment


def libc(function: str, *arguments: bytes | int) -> None:
    """Call a function of the C library; its error becomes an `OSError`."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
