"""Recipes for stand-ins: images composed as the official ones, made from registries of packages.

A stand-in serves where the registry of images cannot be reached. It never bears the official name:
its own name leads to no registry (`host_settings.local_name`), and labels say what it stands for.
This module says what is in each; it decides neither whether one is needed nor where files come from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from helpers.bases import host_settings, image_writer, standin_layers
from helpers.bases.host_settings import HostSettings
from helpers.bases.image_writer import ImageSettings, Layer, LayerRecipe
from helpers.bases.standin_layers import CERTIFICATES, NONROOT, PATH, REGISTRY_SETTINGS
from helpers.host.workshop import Workshop

LABEL = "workbook"
LABEL_VALUE = "stand-in"
KEY_LABEL = "workbook.recipe"
FOR_LABEL = "workbook.stands-for"
NODE_LABEL = "workbook.node"

_Found = Mapping[str, str]  # empty or None where the name says nothing

# Node's version of each line, with the npm that Node ships in it. All stand-ins of a line carry one
# version, as the official images do; up to 24 it is the newest that PyPI has for musl.
_LINES = {
    20: ("20.18.0", "10.8.2"),
    22: ("22.20.0", "10.9.3"),
    24: ("24.19.0", "11.17.0"),
    26: ("26.10.0", "11.17.0"),
}
_NEWEST_FOR_MUSL = 24


@dataclass(frozen=True)
class Recipe:
    """How to make the stand-in for one image: its layers, lowest layer first, and its settings.

    ``node`` is empty for an image without Node.
    """

    stands_for: str
    node: str
    layers: tuple[LayerRecipe, ...]
    settings: ImageSettings

    @property
    def tag(self) -> str:
        """The stand-in's own name in the engine."""
        return host_settings.local_name("standin", self.stands_for)

    @property
    def key(self) -> str:
        """A name for the recipe as a whole; another recipe has another key."""
        return self.settings.labels[KEY_LABEL]

    def make(self, workshop: Workshop) -> list[Layer]:
        """Return the finished layers, lowest first; what the workshop has kept is not made again."""
        return [layer for recipe in self.layers for layer in image_writer.layers_of(recipe, workshop)]


def recipe(name: str, arch: str, host: HostSettings = host_settings.NOTHING) -> Recipe | None:
    """Return the recipe of the stand-in for the image ``name``; None when there is none.

    ``arch`` is Docker's name of a CPU; there are recipes for ``amd64`` and ``arm64``. ``host`` is what
    npm in the image must know of this host; the images without npm have no use for it.
    """
    if arch not in ("amd64", "arm64"):
        return None
    plain = re.sub(
        r"^(docker\.io/library/|docker\.io/|library/)(?=node|buildpack|registry)", "", name.split("@")[0]
    )
    for pattern, make in _RECIPES.items():
        found = re.fullmatch(pattern, plain)
        if found and int(found.groupdict().get("line", min(_LINES))) in _LINES:
            return make(name, found.groupdict(), arch, host)
    return None


def _debian_node(name: str, found: _Found, arch: str, host: HostSettings) -> Recipe:
    node, npm = _versions(found)
    slim = bool(found["slim"])
    layers = (
        standin_layers.debian_system(arch, slim=slim),
        standin_layers.node(node, npm, arch),
        *host_settings.layers(host),
    )
    return _finished(name, node, layers, arch, host.environment, command=("node",))


def _alpine_node(name: str, found: _Found, arch: str, host: HostSettings) -> Recipe | None:
    if int(found["line"]) > _NEWEST_FOR_MUSL:
        return None
    node, _npm = _versions(found)
    layers = (
        standin_layers.musl_system(arch),
        standin_layers.musl_node(node, arch),
        *host_settings.layers(host),
    )
    return _finished(name, node, layers, arch, host.environment, command=("node",))


def _debian_tools(name: str, _found: _Found, arch: str, _: HostSettings) -> Recipe:
    return _finished(
        name, "", (standin_layers.debian_system(arch, slim=False),), arch, {}, command=("bash",)
    )


def _distroless_node(name: str, found: _Found, arch: str, _: HostSettings) -> Recipe:
    node, _npm = _versions(found)
    tag = found["tag"] or "latest"
    debug, nonroot = "debug" in tag, "nonroot" in tag
    busybox = (standin_layers.busybox(arch),) if debug else ()
    layers = (standin_layers.distroless_system(arch), *busybox, standin_layers.bare_node(node, arch))
    return _finished(
        name,
        node,
        layers,
        arch,
        {"PATH": f"{PATH}:/busybox" if debug else PATH, "SSL_CERT_FILE": f"/{CERTIFICATES}"},
        entrypoint=("/nodejs/bin/node",),
        user=str(NONROOT if nonroot else 0),
        folder="/home/nonroot" if nonroot else "/",
    )


def _registry(name: str, _found: _Found, arch: str, _: HostSettings) -> Recipe:
    layers = (standin_layers.distroless_system(arch), standin_layers.registry(arch))
    command = ("/bin/registry", "serve", f"/{REGISTRY_SETTINGS}")
    return _finished(name, "", layers, arch, {}, command=command)


_VERSION = r"(?P<line>\d+)(?P<exact>\.\d+\.\d+)?"
_DISTROLESS_TAG = r"(:(?P<tag>latest|nonroot|debug|debug-nonroot))?"
_RECIPES: dict[str, Callable[[str, _Found, str, HostSettings], Recipe | None]] = {
    rf"node:{_VERSION}(-bookworm)?(?P<slim>-slim)?": _debian_node,
    rf"node:{_VERSION}-alpine(\d+\.\d+)?": _alpine_node,
    r"buildpack-deps:bookworm": _debian_tools,
    rf"gcr\.io/distroless/nodejs{_VERSION}-debian12{_DISTROLESS_TAG}": _distroless_node,
    r"registry:2": _registry,
}


def _versions(found: _Found) -> tuple[str, str]:
    node, npm = _LINES[int(found["line"])]
    return (found["line"] + found["exact"] if found["exact"] else node), npm


def _finished(
    name: str,
    node: str,
    layers: tuple[LayerRecipe, ...],
    arch: str,
    environment: Mapping[str, str],
    *,
    entrypoint: tuple[str, ...] = (),
    command: tuple[str, ...] = (),
    user: str = "",
    folder: str = "",
) -> Recipe:
    settings = {"PATH": PATH, **environment}
    if node and not entrypoint:
        settings["NODE_VERSION"] = node
    key = image_writer.key_of(
        (name, arch, repr((settings, entrypoint, command)), *(layer.key for layer in layers))
    )
    labels = {
        LABEL: LABEL_VALUE,
        FOR_LABEL: name,
        KEY_LABEL: key,
        **({NODE_LABEL: node} if node else {}),
    }
    image = ImageSettings(arch, settings, entrypoint, command, user, folder, labels)
    return Recipe(name, node, layers, image)
