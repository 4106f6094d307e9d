"""Build an image into an OCI archive, with the attestations and the times of files that one asks for.

The classic image store of an engine keeps no attestations and rewrites no times. So an engine that
stores images as containerd does builds the archive: the reader's own, or a fresh machine
(`helpers.measure.ci_cache`). Nothing is drawn or judged here.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.bases import bases
from helpers.buildx import BuildError, dockerfile
from helpers.engine import engine as engines
from helpers.engine.engine import Engine
from helpers.host import paths
from helpers.host.errors import redacted
from helpers.measure import ci_cache

_PREDICATE = "in-toto.io/predicate-type"


@dataclass(frozen=True)
class Exported:
    """What an OCI archive holds of one image.

    ``digest`` is that of the image's manifest, ``layers`` maps each layer's digest to its compressed
    bytes, from the base up; ``attestations`` maps the type of each statement to its JSON text.
    """

    digest: str
    layers: Mapping[str, int]
    attestations: Mapping[str, str]

    @property
    def provenance(self) -> str:
        """The statement on how the image was built, as JSON; empty where the archive has none."""
        return next((text for kind, text in self.attestations.items() if "provenance" in kind), "")


def available() -> bool:
    """Whether an archive can be built here."""
    return engines.find().store == "containerd" or ci_cache.available()


@contextlib.contextmanager
def exporter(file: Path) -> Iterator[Engine]:
    """Yield an engine that can build ``file`` into an archive. Raises as `ci_cache.fresh_machine`."""
    engine = engines.find()
    if engine.store == "containerd":
        yield engine
        return
    with ci_cache.fresh_machine(ci_cache.base_references(file, engine), engine) as machine:
        yield machine


def export(
    file: Path,
    context: Path,
    engine: Engine,
    *options: str,
    build_args: Mapping[str, str] | None = None,
    rewrite_timestamps: bool = False,
) -> Exported:
    """Build ``file`` into an archive, read it, and throw it away.

    ``options`` go to ``docker buildx build`` as they are. ``rewrite_timestamps`` sets the times of all
    files in the layers to the build argument ``SOURCE_DATE_EPOCH`` where they are later. Raises
    `BuildError` when the build fails, and the errors of `helpers.bases`.
    """
    build_args = build_args or {}
    names = dockerfile.read(file, build_args, engine.architecture).base_images()
    found = bases.handed(bases.resolve(names, engine), engine)
    with paths.temporary() as folder:
        archive = folder / "image.tar"
        output = f"type=oci,dest={archive}" + ",rewrite-timestamp=true" * rewrite_timestamps
        command = ["buildx", "build", "--file", str(file), "--output", output]
        command += [word for base in found for word in base.arguments()]
        command += [word for pair in build_args.items() for word in ("--build-arg", "=".join(pair))]
        _run(engine.command(*command, *options, str(context)), engine)
        return _read(archive, engine.architecture)


def _run(command: list[str], engine: Engine) -> None:
    ended = subprocess.run(
        command, env=engine.process_environment(), capture_output=True, text=True, check=False
    )
    if ended.returncode:
        last = redacted((ended.stderr.strip() or "it said nothing").splitlines()[-1])
        raise BuildError(f"The image was not exported: {last.removeprefix('ERROR: ')}.")


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
