"""Build an image into an OCI archive, with chosen attestations and chosen times of its files.

An engine with the classic image store keeps no attestations and rewrites no times. So an engine with the
containerd image store builds the archive: the reader's own, or a fresh machine
(`helpers.measure.ci_cache`). This module draws nothing and judges nothing.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helpers import bases, buildx
from helpers import engine as engines
from helpers.bases import Base
from helpers.buildx import Request, dockerfile, failure
from helpers.engine import Engine, leftovers
from helpers.host import paths
from helpers.host.errors import stoppable
from helpers.measure import ci_cache

UNAVAILABLE = (
    "Not measured here: attestations need an engine with the containerd image store, or the private "
    "engine (`make engine`)."
)
_PREDICATE = "in-toto.io/predicate-type"


@dataclass(frozen=True)
class Exported:
    """One image as an OCI archive holds it.

    ``digest`` is the digest of the image's manifest. ``layers`` maps each layer's digest to its
    compressed bytes, from the base up. ``attestations`` maps the type of each statement to its JSON
    text.
    """

    digest: str
    layers: Mapping[str, int]
    attestations: Mapping[str, str]

    @property
    def base_images(self) -> dict[str, str]:
        """The images that the provenance says the build used, each with its digest."""
        predicate = json.loads(self.provenance or "{}").get("predicate", {})
        named = predicate.get("materials") or predicate.get("buildDefinition", {}).get(
            "resolvedDependencies", []
        )
        return {one["uri"]: ":".join(*one["digest"].items()) for one in named if one.get("digest")}

    @property
    def provenance(self) -> str:
        """The statement about how the image was built, as JSON; empty when the archive has none."""
        return next((text for kind, text in self.attestations.items() if "provenance" in kind), "")


def available() -> bool:
    """Whether this machine can build an archive."""
    return engines.find().store == "containerd" or ci_cache.available()


@contextlib.contextmanager
def exporter(file: Path) -> Iterator[Engine]:
    """Yield an engine that can build ``file`` into an archive. Raises the errors of `fresh_machine`."""
    engine = engines.find()
    if engine.store == "containerd":
        yield engine
        return
    with ci_cache.fresh_machine(ci_cache.base_references(file, engine), engine) as machine:
        yield machine


@stoppable("The export was stopped at your request; the steps that had ended stay in the cache.")
def export(
    file: Path,
    context: Path,
    engine: Engine,
    *options: str,
    build_args: Mapping[str, str] | None = None,
    rewrite_timestamps: bool = False,
    found: Sequence[Base] | None = None,
) -> Exported:
    """Build ``file`` into an archive, read it, and delete it.

    ``options`` are passed to ``docker buildx build`` unchanged. With ``rewrite_timestamps``, files in
    the layers that are newer than the build argument ``SOURCE_DATE_EPOCH`` get that time. ``found``
    replaces the usual images behind ``FROM``. Raises `BuildError` when the build fails, and the errors
    of `helpers.bases`.
    """
    build_args = build_args or {}
    found = bases.handed(found or _bases(file, engine), engine)
    with paths.temporary() as folder:
        archive = folder / "image.tar"
        output = f"type=oci,dest={archive}" + ",rewrite-timestamp=true" * rewrite_timestamps
        command = ["buildx", "build", "--progress=rawjson", "--file", str(file), "--output", output]
        command += [word for base in found for word in base.arguments()]
        command += [word for pair in build_args.items() for word in ("--build-arg", "=".join(pair))]
        code, progress = buildx.follow(engine.command(*command, *options, str(context)), engine)
        if code:
            raise failure.of(progress, code, ())
        return _read(archive, engine.architecture)


def _bases(file: Path, engine: Engine) -> list[Base]:
    return bases.resolve(dockerfile.read(file, architecture=engine.architecture).base_images(), engine)


def before_and_after(file: Path, context: Path, engine: Engine) -> tuple[Exported, Exported]:
    """Export an image, and again on a base with one small layer more, as a fix of a package adds one.

    Raises as `export`, and the errors of `helpers.buildx.build`.
    """
    found = _bases(file, engine)
    final = dockerfile.read(file, architecture=engine.architecture).lineage()[0].base
    before = export(file, context, engine, "--provenance=false")
    with paths.temporary() as folder:
        (folder / "fix").write_text(secrets.token_hex(8))
        (folder / "Dockerfile").write_text(f"FROM {final}\nCOPY fix /etc/workbook-fix\n")
        tag = f"localhost/workbook/base:{secrets.token_hex(4)}"
        buildx.build(Request(folder / "Dockerfile", folder, tag), engine=engine)
    try:
        fixed = [replace(base, reference=tag) if base.name == final else base for base in found]
        return before, export(file, context, engine, "--provenance=false", found=fixed)
    finally:
        leftovers.remove(tag, engine)


def _read(archive: Path, architecture: str) -> Exported:
    with tarfile.open(archive) as tar:

        def text(descriptor: Mapping[str, Any]) -> str:
            member = tar.extractfile("blobs/" + str(descriptor["digest"]).replace(":", "/"))
            assert member is not None  # noqa: S101 - a blob is a file
            return member.read().decode()

        index = tar.extractfile("index.json")
        assert index is not None  # noqa: S101 - each OCI archive has one
        entries = json.load(index)["manifests"]
        while any("index" in entry["mediaType"] for entry in entries):
            entries = [inner for entry in entries for inner in json.loads(text(entry))["manifests"]]
        image = next(e for e in entries if e.get("platform", {}).get("architecture") == architecture)
        attestations = {
            layer["annotations"][_PREDICATE]: text(layer)
            for entry in entries
            if entry is not image
            for layer in json.loads(text(entry))["layers"]
        }
        layers = {layer["digest"]: layer["size"] for layer in json.loads(text(image))["layers"]}
    return Exported(str(image["digest"]), layers, attestations)
