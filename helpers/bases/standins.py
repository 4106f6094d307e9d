"""Recipes for stand-ins: images composed like the official ones, from packages of public archives.

A stand-in replaces an official image when the image registry cannot be reached. It never has the
official name: its own name leads to no registry (`host_settings.local_name`), and labels name the image
that it replaces. This module says what each stand-in contains. `bases` decides whether one is needed,
and `downloads` fetches the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from helpers.bases import host_settings, image_writer, node_versions, standin_languages, standin_layers
from helpers.bases.host_settings import HostSettings
from helpers.bases.image_writer import ImageSettings, Layer, LayerRecipe
from helpers.bases.standin_layers import CERTIFICATES, NONROOT, PATH, REGISTRY_SETTINGS
from helpers.host.workshop import Workshop

LABEL = "workbook"
LABEL_VALUE = "stand-in"
KEY_LABEL = "workbook.recipe"
FOR_LABEL = "workbook.stands-for"
NODE_LABEL = "workbook.node"

_SUITES = ("bookworm", "trixie")
_DEFAULT_SUITE = {20: "bookworm", 22: "bookworm", 24: "bookworm", 26: "trixie"}
# For each line of Node, the releases of Alpine (3.N) for which official images exist or existed.
_ALPINES = {20: range(16, 24), 22: range(18, 25), 24: range(20, 25)}
_DISTROLESS = {"debian12": ("bookworm", (20, 22, 24)), "debian13": ("trixie", (22, 24, 26))}
_DISTROLESS_TAGS = ("latest", "nonroot", "debug", "debug-nonroot")
_YARN = "1.22.22"
_NO_YARN_FROM = 26  # the first line whose official images have no Yarn


@dataclass(frozen=True)
class Recipe:
    """How to make the stand-in for one image: its layers, lowest first, and its settings.

    ``node`` is empty for an image without Node; ``holds`` then says what it holds, if that needs a word.
    """

    stands_for: str
    node: str
    layers: tuple[LayerRecipe, ...]
    settings: ImageSettings
    holds: str = ""

    @property
    def tag(self) -> str:
        """The stand-in's own name in the engine."""
        return host_settings.local_name("standin", self.stands_for)

    @property
    def key(self) -> str:
        """A name that stands for the whole recipe; every other recipe has another key."""
        return self.settings.labels[KEY_LABEL]

    def make(self, workshop: Workshop) -> list[Layer]:
        """Return the finished layers, lowest first; layers that the workshop kept are not made again."""
        return [layer for recipe in self.layers for layer in image_writer.layers_of(recipe, workshop)]


def recipe(name: str, arch: str, host: HostSettings = host_settings.NOTHING) -> Recipe | None:
    """Return the recipe of the stand-in for the image ``name``; None when there is none.

    ``arch`` is Docker's name of a CPU; there are recipes for ``amd64`` and ``arm64``. ``host`` holds the
    settings of this host that npm or pip in the image needs; other images ignore it.
    """
    if arch not in ("amd64", "arm64"):
        return None
    plain, at, _digest = _plain(name).partition("@")
    if at and ":" not in plain.rpartition("/")[2] and not plain.startswith("gcr.io/distroless/"):
        return None  # a digest alone does not tell the version
    for pattern, make in _RECIPES.items():
        if found := re.fullmatch(pattern, plain):
            return make(name, found, arch, host)
    return None


def nearest(name: str) -> list[str]:
    """Return up to four image names that have a recipe and are close to ``name``, which has none.

    Half of them are other versions of Node in the same variant; the other half are other variants of the
    same version. The list is empty when no name is close.
    """
    plain = _plain(name).partition("@")[0]
    if found := re.fullmatch(_NODE, plain):
        versions, variants = _near_node(found["version"] or "latest", found["variant"] or "")
    elif found := re.fullmatch(_DISTROLESS_NAME, plain):
        versions, variants = _near_distroless(int(found["line"]), found["debian"], found["tag"])
    else:
        return []
    return list(dict.fromkeys([*_known(versions)[:2], *_known(variants)[:2]]))


def _near_node(wanted: str, variant: str) -> tuple[list[str], list[str]]:
    wanted = re.sub("lts|latest|current", str(node_versions.LATEST), wanted)
    plain = re.sub(r"[\d.]+$", "", variant)
    others = node_versions.nearest(wanted, musl=plain == "alpine")
    versions = [(version, own) for own in (variant, plain) for version in others]
    line = wanted.partition(".")[0]
    variants = [(version, own) for version in (wanted, line) for own in (plain, "", "slim")]
    return _node_names(versions), _node_names(variants)


def _node_names(tags: list[tuple[str, str]]) -> list[str]:
    return [f"node:{version}-{variant}".rstrip("-") for version, variant in tags]


def _near_distroless(line: int, debian: str | None, tag: str | None) -> tuple[list[str], list[str]]:
    tagged = f":{tag}" if tag in _DISTROLESS_TAGS else ""
    lines = sorted(node_versions.lines(), key=lambda known: abs(known - line))
    versions = [f"gcr.io/distroless/nodejs{known}-{debian or 'debian13'}{tagged}" for known in lines]
    variants = [f"gcr.io/distroless/nodejs{line}-{known}{tagged}" for known in reversed(_DISTROLESS)]
    return versions, variants


def _known(names: list[str]) -> list[str]:
    return [name for name in names if recipe(name, "amd64")]


def _plain(name: str) -> str:
    return re.sub(
        r"^(docker\.io/library/|docker\.io/|library/)(?=node|buildpack|registry|golang|python)", "", name
    )


def _node(name: str, found: re.Match[str], arch: str, host: HostSettings) -> Recipe | None:
    wanted, variant = found["version"] or "latest", found["variant"] or ""
    if alpine := re.fullmatch(_ALPINE_VARIANT, variant):
        node = node_versions.find(wanted, musl=True)
        if node is None or (alpine["release"] and int(alpine["release"]) not in _ALPINES[node.line]):
            return None
        system = standin_layers.musl_system(arch)
        program = standin_layers.musl_node(node.version, arch)
    else:
        node = node_versions.find(wanted)
        if node is None or variant not in _DEBIAN_VARIANTS:
            return None
        named, slim = _DEBIAN_VARIANTS[variant]
        suite = named or _DEFAULT_SUITE[node.line]
        system = standin_layers.debian_system(suite, arch, slim=slim, node_line=node.line)
        program = standin_layers.node(node, arch, slim=slim)
    has_yarn = node.line < _NO_YARN_FROM
    yarn = (standin_layers.yarn(_YARN),) if has_yarn else ()
    layers = (system, program, *yarn, standin_layers.entrypoint(), *host_settings.layers(host))
    environment = {"NODE_VERSION": node.version, **({"YARN_VERSION": _YARN} if has_yarn else {})}
    return _finished(
        name,
        node.version,
        layers,
        arch,
        environment | host.environment,
        entrypoint=(standin_layers.ENTRYPOINT,),
        command=("node",),
    )


def _debian_tools(name: str, found: re.Match[str], arch: str, _: HostSettings) -> Recipe:
    system = standin_layers.debian_system(found["suite"], arch, slim=False)
    return _finished(name, "", (system,), arch, {}, command=("bash",))


def _distroless_node(name: str, found: re.Match[str], arch: str, _: HostSettings) -> Recipe | None:
    suite, lines = _DISTROLESS.get(found["debian"] or "debian13", ("", ()))
    node = node_versions.find(found["line"])
    tag = found["tag"] or "latest"
    if node is None or node.line not in lines or tag not in _DISTROLESS_TAGS:
        return None
    debug, nonroot = "debug" in tag, "nonroot" in tag
    busybox = (standin_layers.busybox(arch),) if debug else ()
    system = standin_layers.distroless_system(suite, arch, node_line=node.line)
    return _finished(
        name,
        node.version,
        (system, *busybox, standin_layers.bare_node(node.version, arch)),
        arch,
        {"PATH": f"{PATH}:/busybox" if debug else PATH, "SSL_CERT_FILE": f"/{CERTIFICATES}"},
        entrypoint=("/nodejs/bin/node",),
        user=str(NONROOT if nonroot else 0),
        folder="/home/nonroot" if nonroot else "/",
    )


def _distroless_static(name: str, found: re.Match[str], arch: str, _: HostSettings) -> Recipe | None:
    suite = _DISTROLESS.get(found["debian"] or "debian13", ("", ()))[0]
    tag = found["tag"] or "latest"
    if not suite or tag not in _DISTROLESS_TAGS:
        return None
    debug, nonroot = "debug" in tag, "nonroot" in tag
    busybox = (standin_layers.busybox(arch),) if debug else ()
    return _finished(
        name,
        "",
        (standin_languages.distroless_static(suite, arch), *busybox),
        arch,
        {"PATH": f"{PATH}:/busybox" if debug else PATH, "SSL_CERT_FILE": f"/{CERTIFICATES}"},
        user=str(NONROOT if nonroot else 0),
        folder="/home/nonroot" if nonroot else "/",
    )


def _go(name: str, _found: re.Match[str], arch: str, _: HostSettings) -> Recipe:
    layers = (standin_languages.compilers_system(arch), standin_languages.go(arch))
    return _finished(
        name,
        "",
        layers,
        arch,
        standin_languages.GO_ENVIRONMENT,
        command=("bash",),
        folder="/go",
        holds=f"Debian's Go {standin_languages.GO}",
    )


def _python(name: str, found: re.Match[str], arch: str, host: HostSettings) -> Recipe:
    host = host if host.tool is host_settings.PIP else host_settings.NOTHING
    if found["slim"]:
        system = standin_languages.python_system(arch)
    else:
        system = standin_layers.debian_system(standin_languages.SUITE, arch, slim=False)
    return _finished(
        name,
        "",
        (system, standin_languages.python(arch), *host_settings.layers(host)),
        arch,
        standin_languages.PYTHON_ENVIRONMENT | host.environment,
        command=("python3",),
        holds=f"Debian's Python {standin_languages.PYTHON}",
    )


def _registry(name: str, _found: re.Match[str], arch: str, _: HostSettings) -> Recipe:
    layers = (standin_layers.distroless_system("bookworm", arch), standin_layers.registry(arch))
    command = ("/bin/registry", "serve", f"/{REGISTRY_SETTINGS}")
    return _finished(name, "", layers, arch, {}, command=command)


# A tag of ``node`` is a version, a variant, or both: ``24``, ``lts-slim``, ``alpine3.22``.
_NODE = r"node(:((?P<version>\d+(\.\d+){0,2}|lts|current|latest(?!-))(-(?=.)|$))?(?P<variant>[\w.-]*))?"
_DEBIAN_VARIANTS = {
    "-".join(filter(None, (suite, slim))): (suite, bool(slim))
    for suite in ("", *_SUITES)
    for slim in ("", "slim")
}
_ALPINE_VARIANT = r"alpine(3\.(?P<release>\d+))?"
_DISTROLESS_NAME = r"gcr\.io/distroless/nodejs(?P<line>\d+)(-(?P<debian>debian\d+))?(:(?P<tag>[\w.-]+))?"
_RECIPES: dict[str, Callable[[str, re.Match[str], str, HostSettings], Recipe | None]] = {
    _NODE: _node,
    rf"buildpack-deps:(?P<suite>{'|'.join(_SUITES)})": _debian_tools,
    _DISTROLESS_NAME: _distroless_node,
    r"registry:2": _registry,
    r"gcr\.io/distroless/static(-(?P<debian>debian\d+))?(:(?P<tag>[\w.-]+))?": _distroless_static,
    rf"golang:({re.escape(standin_languages.GO)}|1\.24)(-trixie)?": _go,
    rf"python:({re.escape(standin_languages.PYTHON)}|3\.13)(?P<slim>-slim)?(-trixie)?": _python,
}


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
    holds: str = "",
) -> Recipe:
    settings = {"PATH": PATH, **environment}
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
    return Recipe(name, node, layers, image, holds)
