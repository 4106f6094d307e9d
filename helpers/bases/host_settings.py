"""Read the settings of this host that a container needs too: certificates, and where packages are.

Behind a company's TLS proxy, ``npm ci`` in a container fails unless it knows the company's certificates.
On a closed network it must use the company's registry. The same goes for pip. This module reads those
settings and adds them to an image in which npm or pip runs. A stand-in gets them as its last layer. For
a real base, a new image is built from it with this one layer added; the real image stays unchanged and
keeps its name. This module neither reads nor writes credentials.
"""

from __future__ import annotations

import configparser
import hashlib
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from helpers.bases import image_writer
from helpers.bases.image_writer import LayerRecipe, LayerSource
from helpers.engine import container as containers
from helpers.host import disk_full
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

if TYPE_CHECKING:
    from helpers.engine import Engine

CA_FILE = "usr/local/share/workbook/host-ca.crt"
LABEL = "workbook"
OVERLAY = "host-overlay"
KEY_LABEL = "workbook.recipe"
_REVISION = "1"
_PIP_OF_THIS_MACHINE = "/etc/pip.conf"
_OURS = "localhost/workbook-"


class Tool(NamedTuple):
    """A tool that fetches packages: its variable for certificates, its settings' file, its source."""

    variable: str
    file: str
    source: str


NPM = Tool("NODE_EXTRA_CA_CERTS", "usr/local/etc/npmrc", "npm registry")
PIP = Tool("PIP_CERT", "etc/pip.conf", "pip index")


@dataclass(frozen=True)
class HostSettings:
    """The host's settings for a ``tool``: ``bundle`` is its certificates (PEM) or None.

    ``lines`` are those of the tool's settings. ``whose`` says in captions whose settings they are; it is
    not part of the `key`.
    """

    bundle: bytes | None
    lines: tuple[str, ...]
    whose: str = "this host's"
    tool: Tool = NPM

    def __bool__(self) -> bool:
        """Whether there is any setting that a container needs."""
        return self.bundle is not None or bool(self.lines)

    @property
    def key(self) -> str:
        """A name that stands for exactly these settings."""
        lines = "\n".join(self.lines).encode()
        return hashlib.sha256((self.bundle or b"") + b"\0" + lines).hexdigest()[:16]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make the tool use them."""
        return {self.tool.variable: f"/{CA_FILE}"} if self.bundle is not None else {}

    @property
    def phrase(self) -> str:
        """A phrase for captions that says which settings these are."""
        parts = ["CA bundle"] * (self.bundle is not None) + [self.tool.source] * bool(self.lines)
        return f"{self.whose} " + " and ".join(parts)

    def write(self, tree: Path) -> None:
        """Write the settings as files below ``tree``."""
        if self.bundle is not None:
            _write(tree / CA_FILE, self.bundle)
        if self.lines:
            _write(tree / self.tool.file, "".join(f"{line}\n" for line in self.lines).encode())


NOTHING = HostSettings(None, ())


def read(environment: Mapping[str, str] = os.environ) -> HostSettings:
    """Read the host's settings for npm; empty when the variable ``WORKBOOK_CA`` is ``off``."""
    if environment.get("WORKBOOK_CA", "").lower() == "off":
        return NOTHING
    npm = _npm_settings(environment)
    named = (
        environment.get("NODE_EXTRA_CA_CERTS"),
        environment.get("SSL_CERT_FILE"),
        npm.get("cafile"),
    )
    bundles = [Path(name) for name in named if name and Path(name).is_file()]
    registries = {
        key: without_credentials(value)
        for key, value in npm.items()
        if key == "registry" or key.endswith(":registry")
    }
    return HostSettings(
        bundles[0].read_bytes() if bundles else None,
        tuple(f"{key}={value}" for key, value in sorted(registries.items())),
    )


def read_pip(environment: Mapping[str, str] = os.environ) -> HostSettings:
    """Read the host's settings for pip; empty when the variable ``WORKBOOK_CA`` is ``off``."""
    if environment.get("WORKBOOK_CA", "").lower() == "off":
        return NOTHING
    settings = _pip_settings(environment)
    replacing = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
    named = (settings.get("cert"), *map(environment.get, replacing))
    bundles = [Path(name) for name in named if name and Path(name).is_file()]
    lines = [
        f"{key} = {without_credentials(settings[key])}"
        for key in ("index-url", "trusted-host")
        if settings.get(key)
    ]
    header = ("[global]",) if lines else ()
    bundle = bundles[0].read_bytes() if bundles else None
    return HostSettings(bundle, (*header, *lines), tool=PIP)


def _pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Read pip's files and variables in pip's order of priority."""
    home = environment.get("HOME", "")
    folders = environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
    user = environment.get("XDG_CONFIG_HOME") or f"{home}/.config"
    files = [*(f"{folder}/pip/pip.conf" for folder in folders), _PIP_OF_THIS_MACHINE]
    files += [f"{home}/.pip/pip.conf", f"{user}/pip/pip.conf", environment.get("PIP_CONFIG_FILE", "")]
    found = configparser.RawConfigParser(strict=False)
    for file in filter(None, files):
        try:
            found.read(file)
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself says what is wrong with it
    settings = dict(found["global"]) if found.has_section("global") else {}
    for key in ("index-url", "trusted-host", "cert"):
        if value := environment.get(f"PIP_{key.upper().replace('-', '_')}"):
            settings[key] = value
    return {key.replace("_", "-"): value.strip() for key, value in settings.items()}


def without_credentials(address: str) -> str:
    """Return an address without its user, password and query.

    A password that was not encoded may contain any character. So when no port follows a colon, the login
    is all text up to the last ``@``.
    """
    address = re.sub(r"^([\w+.-]+:)?//([^/]*@|[^/:]+:(?!\d+(/|$)).*@)", r"\1//", address)
    return re.split(r"[?#]", address, maxsplit=1)[0]


def _npm_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Read npm's files and variables in npm's order of priority; asking npm would take 0.3 s."""
    settings: dict[str, str] = {}
    home = environment.get("HOME", "")
    user = environment.get("NPM_CONFIG_USERCONFIG") or f"{home}/.npmrc"
    for file in (*_global_npmrc(environment), Path(user)):
        if file.is_file():
            settings |= _ini(file.read_text(errors="replace"), environment)
    for name, value in environment.items():
        if name.lower().startswith("npm_config_") and value:
            settings[name.lower().removeprefix("npm_config_")] = value
    return settings


def _global_npmrc(environment: Mapping[str, str]) -> list[Path]:
    if named := environment.get("NPM_CONFIG_GLOBALCONFIG"):
        return [Path(named)]
    node = shutil.which("node", path=environment.get("PATH"))
    return [Path(node).resolve().parents[1] / "etc/npmrc"] if node else []


def _ini(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    settings = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith((";", "#")) and "_auth" not in key.lower():
            value = re.sub(r"\$\{(\w+)\}", lambda m: environment.get(m[1], ""), value)
            settings[key.strip()] = value.strip().strip("\"'")
    return settings


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def local_name(kind: str, name: str) -> str:
    """Return the local name of the image of a ``kind`` (``standin``, ``ca``) that replaces ``name``.

    It begins with ``localhost/``, which leads to no registry. So a missing image is never fetched from a
    stranger who registered the name.
    """
    plain, _, digest = name.partition("@sha256:")
    path, _, last = plain.rpartition("/")
    tagged = f"{path.replace(':', '/')}/{last}".lstrip("/")
    if ":" not in last:
        tagged += ":latest"
    return f"{_OURS}{kind}/{tagged}" + (f"-{digest[:12]}" if digest else "")


def layers(host: HostSettings) -> tuple[LayerRecipe, ...]:
    """Return the one layer with the host's settings; no layer when there are no settings."""

    def make(_workshop: Workshop, scratch: Path) -> list[LayerSource]:
        host.write(scratch / "tree")
        return [LayerSource(f"workbook: {host.phrase}", scratch / "tree")]

    return (LayerRecipe(("host", host.key, _REVISION), make),) if host else ()


def npm_runs_in(name: str) -> bool:
    """Whether npm runs in the image of that name."""
    return re.fullmatch(r"(.*/)?node([:@].*)?", name) is not None


def pip_runs_in(name: str) -> bool:
    """Whether pip runs in the image of that name."""
    return re.fullmatch(r"(.*/)?python([:@].*)?", name) is not None


def overlay_tag(name: str) -> str:
    """Return the name of the image that overlays ``name``."""
    return local_name("ca", name)


def overlay_key(image_id: str, host: HostSettings) -> str:
    """Return the label of an overlay; it stands for exactly this image with exactly these settings."""
    return hashlib.sha256(f"{image_id} {host.key} {_REVISION}".encode()).hexdigest()[:16]


def make_overlay(
    name: str, image_id: str, host: HostSettings, engine: Engine, workshop: Workshop
) -> None:
    """Make the image `overlay_tag` from the one with ``image_id``, without starting it.

    Raises `WorkbookError` with the engine's reason.
    """
    from docker.errors import DockerException

    (part,) = layers(host)
    (layer,) = image_writer.layers_of(part, workshop)
    repository, _, version = overlay_tag(name).rpartition(":")
    try:
        # The container is committed and never runs. A label of its owner would pass on to the image, and
        # from there to every image and container made from it.
        settings = {**containers.settings(OVERLAY), "labels": {LABEL: OVERLAY}}
        container = engine.client.containers.create(image_id, **settings)
        try:
            container.put_archive("/", layer.file.read_bytes())
            container.commit(repository, version, changes=_changes(image_id, host))
        finally:
            container.remove(force=True)
    except DockerException as error:
        said = f"Docker did not add {host.phrase} to {name}: {error}."
        raise WorkbookError(disk_full.explained(str(error), said)) from error


def _changes(image_id: str, host: HostSettings) -> Sequence[str]:
    lines = [f"ENV {name}={value}" for name, value in host.environment.items()]
    return [*lines, f"LABEL {KEY_LABEL}={overlay_key(image_id, host)}"]
