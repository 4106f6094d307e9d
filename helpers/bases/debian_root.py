"""Make a Debian system in a folder with mmdebstrap, and find which package brought which file.

The packages come from the host's own mirror and are checked against Debian's keyring. Like an image, the
system has no package lists, no logs and no machine id. This module does not know about images.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from helpers.bases.host_settings import without_credentials
from helpers.bases.image_writer import EPOCH, everything
from helpers.host import debian, downloads
from helpers.host.debian import DebianError
from helpers.host.stanzas import stanzas
from helpers.host.workshop import Workshop

_SECONDS = 900
_SLIM = (
    *(f"path-exclude=/usr/share/{name}/*" for name in ("doc", "groff", "info", "linda", "lintian")),
    *(f"path-exclude=/usr/share/{name}/*" for name in ("locale", "man")),
    "path-include=/usr/share/doc/*/copyright",
    "path-include=/usr/share/locale/locale.alias",
)
# The settings for apt and dpkg in the official Debian images. An installation leaves no archives and no
# translations in the layer, indexes stay compressed, and no service is started.
_DOCKERS_SETTINGS = {
    "etc/apt/apt.conf.d/docker-autoremove-suggests": 'Apt::AutoRemove::SuggestsImportant "false";\n',
    "etc/apt/apt.conf.d/docker-clean": "".join(
        f'{when}::Post-Invoke {{ "rm -f /var/cache/apt/archives/*.deb '
        '/var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n'
        for when in ("DPkg", "APT::Update")
    )
    + 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n',
    "etc/apt/apt.conf.d/docker-gzip-indexes": 'Acquire::GzipIndexes "true";\n'
    'Acquire::CompressionTypes::Order:: "gz";\n',
    "etc/apt/apt.conf.d/docker-no-languages": 'Acquire::Languages "none";\n',
    "etc/dpkg/dpkg.cfg.d/docker-apt-speedup": "force-unsafe-io\n",
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}
_RESIDUE = (
    "etc/hostname",
    "etc/machine-id",
    "etc/resolv.conf",
    "var/cache/apt",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/apt/lists",
    "var/lib/dpkg/*-old",
    "var/lib/dbus/machine-id",
    "var/log",
    "tmp",
)


def make(
    suite: str,
    packages: Sequence[str],
    arch: str,
    workshop: Workshop,
    scratch: Path,
    *,
    slim: bool = False,
) -> Path:
    """Install a minimal Debian with ``packages`` below ``scratch`` and return its root folder.

    With ``slim`` the system has no manuals, documentation and translations. This needs root and a Debian
    host with the same CPU; otherwise it raises `DebianError`.
    """
    _check(arch)
    tool = downloads.from_debian(["mmdebstrap"], suite, arch, workshop)
    tools = debian.unpack(tool, scratch / "mmdebstrap") / "usr"
    root = scratch / "root"
    # unshare gives the command its own processes and mounts, which all end with it.
    command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    command += ["--mount-proc", "--"]
    command += ["perl", str(tools / "bin/mmdebstrap"), "--mode=root", "--variant=minbase"]
    command += [f"--hook-dir={tools / 'share/mmdebstrap/hooks/merged-usr'}"]
    command += ["--format=directory", "--quiet", f"--architectures={arch}"]
    command += [f"--keyring={debian.KEYRING}"]
    command += [f"--include={','.join(packages)}"] if packages else []
    command += [f"--dpkgopt={option}" for option in _SLIM] if slim else []
    command += [suite, str(root), *debian.sources_of(suite)]
    settings = {"SOURCE_DATE_EPOCH": str(EPOCH), "TMPDIR": str(scratch), "LC_ALL": "C"}
    settings["PATH"] = f"{tools / 'bin'}:{os.environ['PATH']}"  # for mmtarfilter
    workshop.run(command, environment=settings, seconds=_SECONDS)
    _clean(root, suite)
    return root


def _check(arch: str) -> None:
    if os.geteuid() != 0:
        raise DebianError(
            "Making a Debian base image needs root; run `sudo make bases` once, or let Docker pull."
        )
    if arch != debian.architecture():
        raise DebianError(
            f"A Debian base image for {arch} can only be made on a machine of that kind; "
            "pull it, or load a workshop kit."
        )


def _clean(root: Path, suite: str) -> None:
    for pattern in _RESIDUE:
        for path in root.glob(pattern):
            _empty(path)
    sources = "".join(f"{without_login(line)}\n" for line in debian.sources_of(suite))
    (root / "etc/apt/sources.list").write_text(sources)
    for name, text in _DOCKERS_SETTINGS.items():
        (root / name).write_text(text)
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    own = root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap"
    if own.exists():
        own.rename(own.with_name("docker"))


def without_login(source: str) -> str:
    """Return a line of apt's sources without its user and password."""
    return " ".join(without_credentials(word) if "://" in word else word for word in source.split())


def _empty(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for inside in path.iterdir():
            shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
    elif path.name == "machine-id":
        path.write_text("")
    else:
        path.unlink()


def add_user(root: Path, name: str, number: int, shell: str) -> None:
    """Add a user with a group and a home folder, like ``useradd``, but without any date."""
    lines = {
        "passwd": f"{name}:x:{number}:{number}::/home/{name}:{shell}",
        "group": f"{name}:x:{number}:",
        "shadow": f"{name}:!::0:99999:7:::",
        "gshadow": f"{name}:!::",
    }
    for file, line in lines.items():
        with (root / "etc" / file).open("a") as opened:
            opened.write(f"{line}\n")
    home = root / "home" / name
    if (root / "etc/skel").is_dir():
        shutil.copytree(root / "etc/skel", home, symlinks=True)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    for path in (home, *home.rglob("*")):
        os.chown(path, number, number, follow_symlinks=False)


def split(root: Path, groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """Divide all paths of a Debian system into shares: a minimal system, then one for each group.

    The first share is the minimal system, with the paths that no package owns. Each later share holds
    the packages of its group and the packages that these need, unless an earlier share has them.
    """
    needs = _Needs((root / "var/lib/dpkg/status").read_text(errors="surrogateescape"))
    shares = [needs.closure([*needs.essential, "apt"])]
    for group in groups:
        shares.append(needs.closure(group) - set().union(*shares))
    shares[-1] |= needs.names - set().union(*shares)
    number = {package: n for n, share in enumerate(shares) for package in share}
    owner = _owners(root, number)
    paths: list[list[str]] = [[] for _ in shares]
    for name in everything(root):
        paths[_share(name, owner, number)].append(name)
    return paths


def _share(name: str, owner: dict[str, int], number: dict[str, int]) -> int:
    path = Path(name)
    if str(path.parent) == "var/lib/dpkg/info":
        return number.get(path.name.rpartition(".")[0].split(":")[0], 0)
    while name not in owner and name != ".":
        name = str(Path(name).parent)
    return owner.get(name, 0)


def _owners(root: Path, number: dict[str, int]) -> dict[str, int]:
    owner: dict[str, int] = {}
    real_folders: dict[str, str] = {}
    for file in sorted((root / "var/lib/dpkg/info").glob("*.list")):
        share = number.get(file.stem.split(":")[0], 0)
        for line in file.read_text(errors="surrogateescape").splitlines():
            name = _real_name(root, line, real_folders)
            owner[name] = min(share, owner.get(name, share))
    return owner


def _real_name(root: Path, line: str, known: dict[str, str]) -> str:
    folder, _, name = line.rpartition("/")
    if folder not in known:
        known[folder] = os.path.relpath(os.path.realpath(f"{root}{folder}"), root)
    return name if known[folder] == "." else f"{known[folder]}/{name}"


class _Needs:
    """Which package needs which, from dpkg's list of installed packages."""

    def __init__(self, status: str) -> None:
        self._needs: dict[str, list[list[str]]] = {}
        self._providers: dict[str, list[str]] = {}
        self.essential: list[str] = []
        for fields in stanzas(status):
            self._add(fields)

    @property
    def names(self) -> set[str]:
        return set(self._needs)

    def _add(self, fields: dict[str, str]) -> None:
        name = fields["Package"]
        needs = ", ".join(filter(None, (fields.get("Pre-Depends"), fields.get("Depends"))))
        self._needs[name] = [_alternatives(need) for need in needs.split(",") if need.strip()]
        if fields.get("Essential") == "yes":
            self.essential.append(name)
        for provided in _alternatives(fields.get("Provides", "").replace(",", "|")):
            self._providers.setdefault(provided, []).append(name)

    def closure(self, packages: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(packages)
        while waiting:
            name = waiting.pop()
            if name in self._needs and name not in found:
                found.add(name)
                waiting += [self._choice(need) for need in self._needs[name]]
        return found

    def _choice(self, alternatives: list[str]) -> str:
        for name in alternatives:
            if name in self._needs:
                return name
        providers = [p for name in alternatives for p in self._providers.get(name, [])]
        return providers[0] if providers else ""


def _alternatives(need: str) -> list[str]:
    return [word.split()[0].split(":")[0] for word in need.split("|") if word.strip()]
