"""Fetch and verify packages of any Debian suite from the host's own mirror, without installing them.

apt does the work with a separate configuration. Its lists, its cache and its (empty) package database
lie in the workbook's folder. So the host's apt settings (mirror, proxy, keys) are read and never
changed. apt refuses every file that the archive's signatures do not cover. This module does not know
about Docker.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.stanzas import stanzas

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_LISTS_BYTES = 100 * 10**6  # the indexes of one suite, and the files that apt makes from them
_RETRIES = 3  # apt waits 1, 2 and 4 seconds before them


class DebianError(WorkbookError):
    """Debian's archive could not be used from this host."""


def architecture(machine: str | None = None) -> str:
    """Return Debian's (and Docker's) name of a CPU, ``amd64`` or ``arm64``; this one's by default."""
    machine = (machine or platform.machine()).lower()
    if machine not in _ARCHITECTURES:
        raise DebianError(f"The workbook knows amd64 and arm64 machines; this one is {machine!r}.")
    return _ARCHITECTURES[machine]


def host_suite() -> str:
    """Return the code name of the host's own release, such as ``bookworm``."""
    values = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    if values.get("ID") != "debian" or "VERSION_CODENAME" not in values:
        raise DebianError(
            "This needs a Debian host (its package archive is the source); on another system "
            "install Docker and let it pull the images, or load a workshop kit."
        )
    return values["VERSION_CODENAME"]


@dataclass(frozen=True)
class Mirror:
    """The host's Debian mirror: the base addresses of the archive and of its security part."""

    archive: str
    security: str | None


def host_mirror() -> Mirror:
    """Read the mirror from apt's sources. Raises `DebianError` when they name no Debian mirror."""
    suite = host_suite()
    wanted = "$(SITE)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    command = ["apt-get", "indextargets", "--no-release-info"]  # also before a first `apt-get update`
    rows = _run([*command, "--format", wanted, "Created-By: Packages"])
    by_release: dict[str, str] = {}
    for row in rows.splitlines():
        _, address, release, component = row.split("|")
        if component == "main":
            by_release.setdefault(release.split("/")[0], address.rstrip("/"))
            by_release.setdefault(release, address.rstrip("/"))
    if suite not in by_release:
        raise DebianError(
            f"apt's sources name no mirror with Debian {suite}; add one to /etc/apt/sources.list.d."
        )
    return Mirror(by_release[suite], by_release.get(f"{suite}-security"))


def sources_of(suite: str) -> list[str]:
    """Return apt's source lines for a suite on the host's mirror; they may hold the mirror's login.

    Raises the `DebianError` of `host_mirror`. Debian's testing release has no security part.
    """
    mirror = host_mirror()
    signed = f"[signed-by={KEYRING}]"
    lines = [f"deb {signed} {mirror.archive} {suite} main"]
    if mirror.security and suite != "forky":
        lines.append(f"deb {signed} {mirror.security} {suite}-security main")
    return lines


class Suite:
    """One Debian suite, read with the workbook's own apt configuration.

    ``folder`` holds its lists and packages; ``name`` is the suite's code name; ``arch`` Debian's
    name of the architecture. Nothing is fetched before `update`, `versions` or `fetch`.
    """

    def __init__(self, folder: Path, name: str, arch: str | None = None) -> None:
        self.name = name
        self.arch = arch or architecture()
        self.folder = folder / f"{name}-{self.arch}"
        self._updated = False

    def update(self) -> None:
        """Fetch the suite's signed indexes, once for each object."""
        with self._alone():
            self._update()

    def _update(self) -> None:
        if self._updated:
            return
        for part in ("state/lists/partial", "cache/archives/partial", "packages"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        sources = self.folder / "sources.list"
        sources.touch(mode=0o600)  # the host's sources may hold a login
        sources.chmod(0o600)
        sources.write_text("".join(f"{line}\n" for line in sources_of(self.name)))
        (self.folder / "apt.conf").write_text(self._configuration())
        if shutil.disk_usage(self.folder).free < _LISTS_BYTES:  # apt waits for ever on a full disk
            raise DebianError(
                f"Debian's package lists need {_LISTS_BYTES / 1e6:.0f} MB in {self.folder}, which has "
                "less; free some room and run it again."
            )
        self._apt(["apt-get", "update", "-qq", "--error-on=any"])
        self._updated = True

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """Return the version of each package in the suite."""
        with self._alone():
            self._update()
            return {stanza["Package"]: stanza["Version"] for stanza in self._stanzas(names)}

    def fetch(self, names: Sequence[str], *, dependencies: bool = False) -> list[Path]:
        """Download packages and return their ``.deb`` files in a fixed order.

        With ``dependencies``, all packages that they depend on come too, as for an empty machine, but
        without recommended ones. A file that is already there is downloaded again only if it differs
        from the signed index. Raises `DebianError` for an unknown package or a failed download.
        """
        with self._alone():
            self._update()
            wanted = self._closure(names) if dependencies else sorted(names)
            found = {stanza["Package"]: stanza for stanza in self._stanzas(wanted)}
            for stanza in found.values():
                self._forget_damaged(stanza)
            self._apt(["apt-get", "download", "-qq", *wanted], cwd=self.folder / "packages")
            return [self._file(name, found[name]["Version"]) for name in wanted]

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the folder so that others wait before they fetch into it; apt itself would give up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with paths.locked(self.folder):
            yield

    def _stanzas(self, names: Sequence[str]) -> list[dict[str, str]]:
        shown = self._apt(["apt-cache", "show", "--no-all-versions", *names])
        return list(stanzas(shown))

    def _forget_damaged(self, stanza: Mapping[str, str]) -> None:
        """Delete a kept file that differs from the index, because apt compares only the length."""
        file = self._kept(stanza["Package"], stanza["Version"])
        if file:
            with file.open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != stanza["SHA256"]:
                    file.unlink()

    def _closure(self, names: Sequence[str]) -> list[str]:
        plan = self._apt(["apt-get", "install", "-s", "--no-install-recommends", *names])
        return sorted(line.split()[1] for line in plan.splitlines() if line.startswith("Inst "))

    def _file(self, name: str, version: str) -> Path:
        file = self._kept(name, version)
        if file is None:
            raise DebianError(f"apt fetched no file for {name} {version} of Debian {self.name}.")
        return file

    def _kept(self, name: str, version: str) -> Path | None:
        stem = f"{name}_{version.replace(':', '%3a')}"
        candidates = (f"{stem}_{self.arch}.deb", f"{stem}_all.deb")
        files = (self.folder / "packages" / candidate for candidate in candidates)
        return next(filter(Path.exists, files), None)

    def _configuration(self) -> str:
        hooks = "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success", "DPkg::Post-Invoke"
        settings = {
            "APT::Architecture": self.arch,
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": _RETRIES,
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
        }
        lines = [f"#clear {hook};" for hook in hooks]
        lines += ["#clear APT::Architectures;", f'APT::Architectures {{ "{self.arch}"; }};']
        lines += [f'{key} "{value}";' for key, value in settings.items()]
        return "\n".join(lines) + "\n"

    def _apt(self, command: list[str], cwd: Path | None = None) -> str:
        return _run(command, cwd=cwd, APT_CONFIG=str(self.folder / "apt.conf"))


def unpack(packages: Iterable[Path], into: Path) -> Path:
    """Unpack the files of ``.deb`` packages into ``into``, without running their scripts."""
    into.mkdir(parents=True, exist_ok=True)
    for package in packages:
        _run(["dpkg-deb", "--extract", str(package), str(into)])
    return into


def _run(command: list[str], cwd: Path | None = None, **environment: str) -> str:
    if shutil.which(command[0]) is None:
        raise DebianError(f"{command[0]} is not on this host; this needs a Debian system with apt.")
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("E:")]
        reason = (lines or result.stderr.splitlines() or ["no message"])[0]
        remedy = "; check the network, then run it again." if "Failed to fetch" in reason else ""
        raise DebianError(f"`{' '.join(command[:2])}` failed: {reason.removeprefix('E: ')}{remedy}")
    return result.stdout
