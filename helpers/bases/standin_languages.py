"""The layers of the stand-ins for other languages: Debian's Go, Debian's Python, and distroless static.

Debian's programs are laid out like those of the official images, below ``/usr/local``. Each function
returns a recipe; `standins` says which recipes make which image.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from helpers.bases import standin_layers
from helpers.bases.image_writer import LayerRecipe, LayerSource
from helpers.bases.standin_layers import NONROOT, PATH
from helpers.host import debian, downloads
from helpers.host.workshop import Workshop

SUITE = "trixie"
GO, PYTHON = "1.24.4", "3.13.5"  # Debian 13 has these, and only fixes them
GO_ENVIRONMENT = {
    "PATH": f"/go/bin:/usr/local/go/bin:{PATH}",
    "GOLANG_VERSION": GO,
    "GOTOOLCHAIN": "local",
    "GOPATH": "/go",
}
PYTHON_ENVIRONMENT = {"PATH": f"/usr/local/bin:{PATH}", "PYTHON_VERSION": PYTHON}

_REVISION = "1"  # raise it with every change of the layers' contents
_PIP = "25.1.1"  # the one that its ensurepip installs
_GO_PACKAGES = ("golang-1.24-go", "golang-1.24-src")
_GO_NEEDS = ("g++", "gcc", "libc6-dev", "make", "pkg-config")  # as in the official image
_PYTHON_PACKAGES = (
    *("libpython3.13", "libpython3.13-dev", "libpython3.13-minimal", "libpython3.13-stdlib"),
    *("python3.13-minimal", "python3.13-venv"),
)
_PYTHON_NEEDS = (
    *("ca-certificates", "libbz2-1.0", "libdb5.3t64", "libexpat1", "libffi8", "liblzma5"),
    *("libncursesw6", "libreadline8t64", "libsqlite3-0", "libssl3t64", "libuuid1", "netbase"),
    *("tzdata", "zlib1g"),
)
_STATIC = ("base-files", "media-types", "netbase", "tzdata", "tzdata-legacy")
# Debian's pip installs beside Debian's own packages; in an image it installs into site-packages.
_DEBIANS_SCHEME, _USUAL_SCHEME = "prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'"
_PIP_COMMAND = """\
#!/usr/local/bin/python3.13
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""


def compilers_system(arch: str) -> LayerRecipe:
    """Return Debian with source control and a C compiler, which the image of Go stands on."""
    groups = standin_layers.buildpack(SUITE)
    kept = {title: names for title, names in groups.items() if "compilers" not in title}
    return standin_layers.debian_with(
        {**kept, "C compilers for cgo": _GO_NEEDS}, SUITE, arch, slim=False
    )


def python_system(arch: str) -> LayerRecipe:
    """Return the minimal Debian with the libraries that Python needs."""
    return standin_layers.debian_with({"what Python needs": _PYTHON_NEEDS}, SUITE, arch, slim=True)


def go(arch: str) -> LayerRecipe:
    """Return Debian's Go with the sources of its library, in ``/usr/local/go``."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        packages = downloads.from_debian(_GO_PACKAGES, SUITE, arch, workshop)
        unpacked = debian.unpack(packages, scratch / "unpacked")
        tree = scratch / "tree"
        home = tree / "usr/local/go"
        shutil.copytree(unpacked / "usr/share/go-1.24", home, symlinks=True)
        _overlay(unpacked / "usr/lib/go-1.24", home)
        for folder in ("bin", "src"):
            (tree / "go" / folder).mkdir(parents=True)
        modes = {"go": 0o1777, "go/bin": 0o1777, "go/src": 0o1777}
        return [LayerSource(f"stand-in: Debian's Go {GO}", tree, None, {}, modes)]

    return LayerRecipe(("go", GO, SUITE, arch, _REVISION), make)


def _overlay(folder: Path, onto: Path) -> None:
    """Copy a folder's files; a link to a folder that is there already is left out."""
    for path in sorted(folder.rglob("*")):
        target = onto / path.relative_to(folder)
        if path.is_symlink():
            if not target.exists():
                target.symlink_to(path.readlink())
        elif path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            shutil.copy2(path, target)


def python(arch: str) -> LayerRecipe:
    """Return Debian's Python with pip below ``/usr/local``; it installs into site-packages."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        packages = downloads.from_debian(_PYTHON_PACKAGES, SUITE, arch, workshop)
        pip = downloads.from_pypi("pip", _PIP, "any", workshop)
        usr = debian.unpack(packages, scratch / "unpacked") / "usr"
        tree = scratch / "tree"
        local = tree / "usr/local"
        for folder in ("bin", "include", "lib/python3.13"):
            shutil.copytree(usr / folder, local / folder, symlinks=True)
        for library in usr.glob("lib/*-linux-gnu/libpython3.13.so*"):
            shutil.copy2(library, local / "lib" / library.name, follow_symlinks=False)
        _as_usual(local / "lib/python3.13")
        for name in ("python", "python3"):
            (local / "bin" / name).symlink_to("python3.13")
        _place_pip(pip, local)
        return [LayerSource(f"stand-in: Debian's Python {PYTHON} with pip {_PIP}", tree)]

    return LayerRecipe(("python", PYTHON, SUITE, arch, _PIP, _USUAL_SCHEME, _REVISION), make)


def _as_usual(library: Path) -> None:
    """Undo what makes Debian's Python a part of Debian, and drop what official images leave out."""
    schemes = library / "sysconfig/__init__.py"
    text = schemes.read_text()
    if text.count(_DEBIANS_SCHEME) != 1:
        raise debian.DebianError("Debian's Python is not as expected; pull the official image.")
    schemes.write_text(text.replace(_DEBIANS_SCHEME, _USUAL_SCHEME))
    # The module that looks for packages is part of the program; it knows Debian's name of the folder.
    (library / "dist-packages").symlink_to("site-packages")
    for unwanted in ("EXTERNALLY-MANAGED", "sitecustomize.py", "test", "turtledemo", "idlelib"):
        path = library / unwanted
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for archive in library.rglob("*.a"):
        archive.unlink()


def _place_pip(wheel: Path, local: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(local / "lib/python3.13/site-packages")
    bundled = local / "lib/python3.13/ensurepip/_bundled"
    bundled.mkdir(parents=True, exist_ok=True)
    shutil.copy2(wheel, bundled / wheel.name)
    for name in ("pip", "pip3", "pip3.13"):
        command = local / "bin" / name
        command.write_text(_PIP_COMMAND)
        command.chmod(0o755)


def distroless_static(suite: str, arch: str) -> LayerRecipe:
    """Return distroless for a program that needs no library: certificates, time zones, users."""

    def make(workshop: Workshop, scratch: Path) -> list[LayerSource]:
        names = _STATIC if suite == SUITE else _STATIC[:-1]
        tree = standin_layers.distroless_tree(
            downloads.from_debian(names, suite, arch, workshop), scratch / "tree"
        )
        certificates = downloads.from_debian(["ca-certificates"], suite, arch, workshop)
        standin_layers.place_certificates(debian.unpack(certificates, scratch / "certificates"), tree)
        standin_layers.bare_system(tree, suite)
        owners = {"home/nonroot": NONROOT}
        modes = {"tmp": 0o1777, "root": 0o700, "home/nonroot": 0o700}
        title = f"stand-in: Debian {suite}'s certificates, time zones, users"
        return [LayerSource(title, tree, None, owners, modes)]

    return LayerRecipe(("distroless-static", suite, arch, _REVISION, *_STATIC), make)
