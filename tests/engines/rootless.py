"""A Docker engine that an ordinary user runs, for the matrix of engines; root makes the user for it.

The user exists in a mount namespace of the engine's own, with a range of subordinate ids and a tunnel
device, so that nothing of the machine is changed. rootlesskit and its network come from Debian's archive
like the engine. This is no way to run lessons: who has no root installs rootless Docker by its own
instructions, and DOCKER_HOST leads the workbook to it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from helpers.engine import private_processes as daemons
from helpers.engine.private import HOME_NOTE, rootless_runtime, stop_rootless, write_client
from helpers.engine.private_network import SYSTEM_PATH, NetworkRules
from helpers.host import debian, paths
from helpers.host.errors import PrivateEngineError
from helpers.host.processes import wait_for

_USER, _ID = "docker-workbook", 61_814  # in no range that Debian gives away by itself
_PACKAGES = ("rootlesskit", "slirp4netns", "uidmap", "libslirp0", "libsubid4")
_START_SECONDS = 180.0

# $1 the folder of what is made here, $2 the runtime folder, then the command that the user runs.
_AS_USER = f"""\
mount -t tmpfs -o mode=755 tmpfs "$1/mnt"
mkdir "$1/mnt/upper" "$1/mnt/work" "$1/mnt/net"
mount -t overlay -o "lowerdir=/etc,upperdir=$1/mnt/upper,workdir=$1/mnt/work" overlay /etc
echo '{_USER}:x:{_ID}:{_ID}::/:/bin/sh' >> /etc/passwd
echo '{_USER}:x:{_ID}:' >> /etc/group
echo '{_USER}:200000:65536' | tee /etc/subuid > /etc/subgid
mknod -m 666 "$1/mnt/net/tun" c 10 200
mount --bind "$1/mnt/net" /dev/net
shift 2
exec setpriv --reuid {_ID} --regid {_ID} --clear-groups "$@"
"""


class RootlessEngine:
    """A rootless engine: its data lie in ``folder``, its programs are an unpacked private engine's."""

    def __init__(self, folder: Path, *, programs: Path) -> None:
        self.folder = folder.absolute()
        self._programs = programs
        self._tools = self.folder / "tools"
        self._runtime = rootless_runtime(self.folder)
        self._log = self.folder / "dockerd.log"

    @property
    def socket(self) -> Path:
        """The socket on which the engine answers."""
        return self._runtime / "docker.sock"

    @property
    def docker(self) -> Path:
        """The docker command line client."""
        return self._programs / "usr/bin/docker"

    def environment(self) -> dict[str, str]:
        """Return the variables with which a docker client reaches this engine and its buildx."""
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.folder / "client")}

    def start(self) -> None:
        """Start it and wait until it answers. Raises `PrivateEngineError`, `DebianError`."""
        self._require_a_way_in()
        self._prepare()
        with self._log.open("wb") as log:
            subprocess.run(
                self._command(),
                cwd="/",
                env=self._daemon_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        if not wait_for(lambda: daemons.answers(self.socket), _START_SECONDS):
            reason = daemons.start_failure(self._log.read_text(errors="replace"))
            self.remove()
            raise PrivateEngineError(f"A rootless engine does not start here. {reason}")

    def remove(self) -> None:
        """Stop it and delete all that it kept; what it mounted goes with its last process."""
        stop_rootless(self._runtime)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _require_a_way_in(self) -> None:
        closed = [up for up in self.folder.parents if up.exists() and not up.stat().st_mode & 0o001]
        if closed:
            raise PrivateEngineError(
                f"A rootless engine's user cannot enter {closed[0]}; move the workbook to a folder that "
                "everybody may enter, or choose other engines."
            )

    def _prepare(self) -> None:
        packages = debian.Suite(paths.state("apt"), debian.host_suite()).fetch(_PACKAGES)
        debian.unpack(packages, self._tools)
        (self._tools / "mnt").mkdir()
        self._tools.chmod(0o755)
        iptables = self._programs / "usr/sbin/xtables-nft-multi"
        if shutil.which("iptables", path=SYSTEM_PATH) is None:
            for name in ("iptables", "ip6tables"):
                (self._tools / "usr/bin" / name).symlink_to(iptables)
        for folder in (self._runtime, self.folder / "data"):
            folder.mkdir(mode=0o700)
            os.chown(folder, _ID, _ID)
        (self._runtime / HOME_NOTE).write_text(str(self.folder))
        self.folder.chmod(0o755)
        write_client(self.folder / "client", self._programs)

    def _command(self) -> list[str]:
        script = self._programs / "usr/share/docker.io/contrib/dockerd-rootless.sh"
        daemon = ["sh", str(script), "--data-root", str(self.folder / "data")]
        inside = ["sh", "-ec", _AS_USER, "sh", str(self._tools), str(self._runtime), *daemon]
        return ["setsid", "--fork", "unshare", "--mount", *inside]

    def _daemon_environment(self) -> dict[str, str]:
        environment = daemons.daemon_environment(self._programs, os.environ)
        rules = NetworkRules(self._programs, "").environment()
        libraries = [str(folder) for folder in (self._tools / "usr/lib").glob("*-linux-*")]
        environment["LD_LIBRARY_PATH"] = ":".join([*libraries, rules.get("LD_LIBRARY_PATH", "")])
        if "XTABLES_LIBDIR" in rules:
            environment["XTABLES_LIBDIR"] = rules["XTABLES_LIBDIR"]
        environment["PATH"] = f"{self._tools / 'usr/bin'}:{environment['PATH']}"
        return {**environment, "HOME": str(self._runtime), "XDG_RUNTIME_DIR": str(self._runtime)}
