"""Get the base images that a Dockerfile names ready in the engine.

An image that the engine has is used. Otherwise it is pulled. If its registry cannot be reached, or is
lost in the middle of the pull, a stand-in is made. The build's command shows what replaces a name
(``--build-context``); no local image ever gets an official name. When a workshop kit is loaded, its npm
registry replaces this host's settings. This module decides; `pull` pulls and `standins` composes.
"""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from helpers.bases import (
    host_settings,
    image_writer,
    npm_registry,
    oci_layout,
    standins,
)
from helpers.bases.host_settings import HostSettings
from helpers.bases.standins import Recipe
from helpers.engine import pull
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

if TYPE_CHECKING:
    from docker.models.images import Image

    from helpers.engine import Engine

ARTICLE = ("node:20", "node:20-alpine", "gcr.io/distroless/nodejs20-debian12")

Progress = Callable[[str, str], None]


class BaseError(WorkbookError):
    """A base image is missing, and cannot be pulled or made under the reader's settings."""


class Source(enum.Enum):
    """Where a base image comes from."""

    PRESENT = "here already"
    PULLED = "pulled"
    STAND_IN = "stand-in"


@dataclass(frozen=True)
class Base:
    """A base image that is ready: the ``name`` in the Dockerfile, and what a build uses for it.

    ``reference`` is the name itself, the name of a stand-in, or the name of the real image with this
    host's settings added (``host`` says which settings). ``node`` is its version of Node, if known. When
    a kit is loaded and npm runs in the base, ``npm_address`` is the address of the kit's npm registry.
    ``layout`` is its OCI layout, for a builder that cannot see the engine's images (`handed`). ``holds``
    says what a stand-in without Node holds, if that needs a word.
    """

    name: str
    source: Source
    reference: str
    node: str | None = None
    host: str = ""
    npm_address: str = ""
    layout: str = ""
    holds: str = ""

    def arguments(self) -> list[str]:
        """Return the options that make ``docker buildx build`` use this base."""
        known = ["--add-host", f"{npm_registry.NAME}:{self.npm_address}"] if self.npm_address else []
        return ["--build-context", f"{self.name}={self.context}", *known] if self.context else known

    @property
    def context(self) -> str:
        """The named context that stands for ``name`` in a build; empty for the image of that name."""
        if self.reference == self.name:
            return ""
        return f"oci-layout://{self.layout}" if self.layout else f"docker-image://{self.reference}"

    @property
    def note(self) -> str:
        """A phrase for captions, such as ``node:20, stand-in with Node 20.18.0``."""
        inside = f"Node {self.node}" if self.node else self.holds
        inside = f" with {inside}" if inside and self.source is Source.STAND_IN else ""
        host = f", with {self.host}" if self.host and self.source is not Source.STAND_IN else ""
        return f"{self.name}, {self.source.value}{inside}{host}"


class _Policy(enum.Enum):
    ALLOWED, OFF, ONLY = range(3)


def resolve(names: Iterable[str], engine: Engine, *, stand_ins: bool = True) -> list[Base]:
    """Return the bases for ``names`` in their order; missing ones are pulled or made first.

    This is quick when all are ready. ``stand_ins`` False, or the variable ``WORKBOOK_STANDINS=off``,
    allows only real images; ``WORKBOOK_STANDINS=only`` uses stand-ins without asking a registry. Raises
    `BaseError` when a base is not available, or the `WorkbookError` of the step that failed.
    """
    maker = _Maker(engine, _policy(stand_ins=stand_ins))
    return maker.all(dict.fromkeys(name for name in names if name != "scratch"))


def handed(found: Iterable[Base], engine: Engine) -> list[Base]:
    """Return the bases in a form that the engine's builder can use.

    A builder that cannot see the engine's images gets stand-ins and changed images as OCI layouts on
    disk. It asks the registry itself for an image under its own name. Raises the errors of
    `oci_layout.write`.
    """
    return [
        replace(base, layout=oci_layout.write(base.reference, engine))
        if engine.builder.apart and base.reference != base.name
        else base
        for base in found
    ]


def prepare(
    engine: Engine, names: Iterable[str] = ARTICLE, progress: Progress | None = None
) -> list[Base]:
    """Get bases ready before the first build, several at the same time.

    ``progress`` is called with a name and a phrase at each step, from any thread.
    """
    maker = _Maker(engine, _policy(stand_ins=True), progress or _quiet)
    return maker.all(dict.fromkeys(name for name in names if name != "scratch"))


def find(name: str, engine: Engine) -> Base | None:
    """Return the base for ``name`` if it is ready; None if it must first be pulled or made."""
    return _Maker(engine, _policy(stand_ins=True)).find(name)


def registry_reachable(name: str, engine: Engine) -> bool:
    """Whether the registry of ``name`` answers the engine; asked only once, for at most 5 s."""
    return pull.reachable(name, engine)


def _policy(*, stand_ins: bool) -> _Policy:
    wish = os.environ.get("WORKBOOK_STANDINS", "").strip().lower()
    if wish not in ("", "on", "off", "only"):
        raise BaseError(f"WORKBOOK_STANDINS is {wish!r}; set it to on, off or only.")
    if wish == "off" or not stand_ins:
        return _Policy.OFF
    return _Policy.ONLY if wish == "only" else _Policy.ALLOWED


def _quiet(_name: str, _phrase: str) -> None:
    return


class _Maker:
    """Makes the bases of one call, which share the engine, the policy, the settings and a workshop."""

    def __init__(self, engine: Engine, policy: _Policy, progress: Progress = _quiet) -> None:
        self._engine = engine
        self._policy = policy
        self._progress = progress
        self._workshop = Workshop(paths.state("standins"))

    @cached_property
    def _npm_address(self) -> str:
        return npm_registry.address(self._engine) or ""

    def _host(self, name: str) -> HostSettings:
        """Return the settings that the image needs; a kit's registry takes the place of this host's."""
        npm = host_settings.npm_runs_in(name)
        if self._npm_address:
            return npm_registry.SETTINGS if npm else host_settings.NOTHING
        if npm:
            return host_settings.read()
        return host_settings.read_pip() if host_settings.pip_runs_in(name) else host_settings.NOTHING

    def all(self, names: Iterable[str]) -> list[Base]:
        found = {name: self.find(name) for name in names}
        missing = [name for name, base in found.items() if base is None]
        if missing:
            found |= dict(zip(missing, self._make_together(missing), strict=True))
        return [base for base in found.values() if base is not None]

    def find(self, name: str) -> Base | None:
        """Return the real image, else a stand-in made by the current recipe; nothing is changed."""
        if self._policy is not _Policy.ONLY and (image := self._image(name)):
            return self._real(name, image, Source.PRESENT)
        recipe = self._recipe(name) if self._policy is not _Policy.OFF else None
        if recipe is None:
            return None
        image = self._image(recipe.tag)
        if image is None or image.labels.get(standins.KEY_LABEL) != recipe.key:
            return None
        return self._base(name, Source.STAND_IN, recipe.tag, recipe.node, recipe.holds)

    def _make_together(self, names: list[str]) -> list[Base]:
        pool = ThreadPoolExecutor(max_workers=len(names))
        try:
            return list(pool.map(self._make, names))
        except BaseException:
            self._workshop.close()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, name: str) -> Base:
        with self._workshop.lock(f"base-{name}"):
            found = self.find(name)
            if found is None:
                found = self._pull(name) or self._stand_in(name)
            self._progress(name, found.note)
            return found

    def _pull(self, name: str) -> Base | None:
        if self._policy is _Policy.ONLY:
            return None
        image = self._image(name)
        if image is None:
            self._progress(name, "asking the registry")
            if not pull.reachable(name, self._engine):
                return None
            self._progress(name, "pulling")
            try:
                pull.pull(name, self._engine, self._workshop.check)
            except pull.UnreachableError:
                if self._policy is _Policy.OFF or self._recipe(name) is None:
                    raise
                return None
            image = self._engine.client.images.get(name)
            return self._with_overlay(name, image, Source.PULLED)
        return self._with_overlay(name, image, Source.PRESENT)

    def _stand_in(self, name: str) -> Base:
        recipe = self._recipe(name)
        if self._policy is _Policy.OFF:
            raise BaseError(
                f"{name} is not in the engine, its registry cannot be reached, and stand-ins are "
                "switched off; load the image, or allow stand-ins (WORKBOOK_STANDINS=on)."
            )
        if recipe is None:
            raise BaseError(
                f"{name} is not in the engine, its registry cannot be reached, and the workbook has "
                f"no recipe for a stand-in; load it with `docker load`, or {_other(name)}."
            )
        self._progress(name, "making a stand-in")
        layers = recipe.make(self._workshop)
        self._progress(name, "loading the stand-in")
        image_writer.load(self._engine, recipe.tag, layers, recipe.settings, self._workshop.check)
        return self._base(name, Source.STAND_IN, recipe.tag, recipe.node, recipe.holds)

    def _recipe(self, name: str) -> Recipe | None:
        return standins.recipe(name, self._engine.architecture, self._host(name))

    def _base(
        self, name: str, source: Source, reference: str, node: str | None, holds: str = ""
    ) -> Base:
        address = self._npm_address if host_settings.npm_runs_in(name) else ""
        return Base(name, source, reference, node, self._phrase(name), address, holds=holds)

    def _phrase(self, name: str) -> str:
        host = self._host(name)
        return host.phrase if host else ""

    def _image(self, name: str) -> Image | None:
        from docker.errors import ImageNotFound

        try:
            return self._engine.client.images.get(name)
        except ImageNotFound:
            return None

    def _real(self, name: str, image: Image, source: Source) -> Base | None:
        """Return the real image as a base; None when its overlay must be made first."""
        node = _node_version(name, image.attrs)
        if not self._phrase(name):
            return Base(name, source, name, node)
        tag = host_settings.overlay_tag(name)
        overlay = self._image(tag)
        key = host_settings.overlay_key(str(image.id), self._host(name))
        if overlay is None or overlay.labels.get(host_settings.KEY_LABEL) != key:
            return None
        return self._base(name, source, tag, node)

    def _with_overlay(self, name: str, image: Image, source: Source) -> Base:
        found = self._real(name, image, source)
        if found is None:
            host = self._host(name)
            self._progress(name, f"adding {host.phrase}")
            host_settings.make_overlay(name, str(image.id), host, self._engine, self._workshop)
            found = self._base(
                name, source, host_settings.overlay_tag(name), _node_version(name, image.attrs)
            )
        return found


def _other(name: str) -> str:
    near = standins.nearest(name)
    return f"name one that has a recipe ({', '.join(near)})" if near else "name another base"


def _node_version(name: str, facts: dict[str, Any]) -> str | None:
    for variable in (facts.get("Config") or {}).get("Env") or []:
        if variable.startswith("NODE_VERSION="):
            return str(variable).partition("=")[2]
    line = re.search(r"(?:^|/)node(?:js)?:?(\d+[\d.]*)", name)
    return line[1] if line else None
