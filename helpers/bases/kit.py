"""Write everything that the workbook needs from a network into one archive, and load it offline.

The archive holds the base images, the npm packages and the Python wheels, for one CPU and one release of
Python. If the lessons' registry is Debian's program, it holds that program too. It holds no certificates
and no registry address of the host that wrote it. It does not hold what lessons fetch from Debian's
archive.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from helpers.bases import (
    bases,
    host_settings,
    image_writer,
    local_registry,
    npm_mirror,
    npm_registry,
    standins,
)
from helpers.bases.bases import Base, Source
from helpers.bases.image_writer import ImageSettings, Layer
from helpers.host import bootstrap, downloads, paths, records
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop, WorkshopError

if TYPE_CHECKING:
    from helpers.engine import Engine

FORMAT = 1
MANIFEST = "manifest.json"
NPM_PACKAGES = "npm-registry.tar"
REGISTRY = "docker-registry"
WHEELS = "wheels"
FILE = Path("workbook-kit.tar")
_STAND_INS, _REAL = "images-stand-ins.tar", "images-real.tar"
_CHUNK = 1 << 20
_SECONDS, _WHEELS_SECONDS = 300, 1800
_SPARE = 2_000_000_000  # bytes that the builds of the lessons need beside the images

Say = Callable[[str], None]


@dataclass(frozen=True)
class Carried:
    """An image in the kit: its ``name`` in Dockerfiles, and the ``recipe`` if it is a stand-in."""

    name: str
    recipe: str | None


@dataclass(frozen=True)
class Member:
    """A file in the kit: its bytes and its SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A kit's table of contents: ``architecture`` is Docker's name of the CPU; sizes are in bytes."""

    format: int
    written: str
    architecture: str
    python: str
    images: tuple[Carried, ...]
    image_bytes: int
    members: tuple[Member, ...]

    @classmethod
    def read(cls, text: bytes) -> Manifest:
        """Return the manifest in ``text``. Raises `WorkbookError` when it cannot be read."""
        try:
            facts: dict[str, Any] = json.loads(text)
            if facts["format"] != FORMAT:
                raise WorkbookError(
                    f"This kit has format {facts['format']}, this checkout reads {FORMAT}; "
                    "write the kit anew with this checkout (`make kit`)."
                )
            facts["images"] = tuple(Carried(**row) for row in facts["images"])
            facts["members"] = tuple(Member(**row) for row in facts["members"])
            found = cls(**facts)
            for part in (found, *found.images, *found.members):
                records.well_typed(part)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise WorkbookError(
                f"The manifest of this kit cannot be read ({error}); copy it anew."
            ) from None
        return found


def write(
    file: Path, engine: Engine, names: Iterable[str], *, wheels: bool = True, say: Say = print
) -> Manifest:
    """Write a kit with the base images ``names`` to ``file``; a failure leaves no partial file.

    ``wheels`` False leaves out the Python wheels. Raises `WorkbookError`, and the errors of `bases`,
    `npm_mirror` and `downloads`.
    """
    workshop = Workshop(paths.state("kit"))
    with workshop.scratch() as folder:
        say("Base images …")
        ready = bases.prepare(engine, names)
        images, size = _put_images(ready, engine, folder, say)
        say("npm packages …")
        count = npm_mirror.collect(engine.architecture, folder / "npm", workshop)
        _pack_npm(folder / "npm", folder / NPM_PACKAGES)
        say(f"  {count} packages")
        if program := local_registry.program_for(engine):
            shutil.copy(program, folder / REGISTRY)
        if wheels:
            say("Python wheels …")
            _download_wheels(folder / WHEELS, workshop)
        manifest = _describe(folder, engine, images, size)
        say(f"Writing {file} …")
        _write_archive(file, folder, manifest)
    say(f"{file}: {file.stat().st_size / 1e6:,.0f} MB")
    return manifest


def load(file: Path, engine: Engine, *, say: Say = print) -> list[Base]:
    """Load a kit into the engine, start its npm registry, and return the bases that are now ready.

    This needs no network. Raises `WorkbookError` when the kit is damaged, or is for another CPU or
    another version of the workbook, or when the engine's disk has no room; nothing is changed then.
    """
    with opened(file) as archive:
        manifest = read_manifest(archive, file)
        _check_fits(manifest, engine)
        server = _image_with_npm(manifest)
        say(f"Checking {file} (written {manifest.written}) …")
        _check_whole(archive, manifest, file)
        for name in (_STAND_INS, _REAL):
            if name in archive.getnames():
                say("Loading the base images …")
                _load_images(_stream(archive, name), engine)
        say("Starting the npm registry …")
        npm_registry.start(engine, server, _stream(archive, NPM_PACKAGES))
        if REGISTRY in archive.getnames():
            _place_program(_stream(archive, REGISTRY), local_registry.kept_program())
    return bases.prepare(engine, [image.name for image in manifest.images])


def opened(file: Path) -> tarfile.TarFile:
    """Open a kit for reading. Raises `WorkbookError` when it is missing or damaged."""
    try:
        return tarfile.open(file, "r:")
    except FileNotFoundError:
        raise WorkbookError(
            f"There is no kit at {file}; name it with FILE=…, or write one (`make kit`)."
        ) from None
    except (OSError, tarfile.TarError) as error:
        raise WorkbookError(f"{file} is no kit, or only part of one ({error}); copy it anew.") from None


def read_manifest(archive: tarfile.TarFile, file: Path) -> Manifest:
    """Return a kit's manifest. Raises `WorkbookError` when it is missing or damaged."""
    try:
        return Manifest.read(_stream(archive, MANIFEST).read())
    except (KeyError, tarfile.TarError):
        raise WorkbookError(f"{file} is no kit, or only part of one; copy it anew.") from None


def _put_images(
    ready: Sequence[Base], engine: Engine, folder: Path, say: Say
) -> tuple[tuple[Carried, ...], int]:
    """Write the archives of the images; return the images, and the bytes that the engine will keep."""
    carried, size = [], 0
    sources: list[tuple[str, list[Layer], ImageSettings]] = []
    layers: dict[str, int] = {}
    for base in (base for base in ready if base.source is Source.STAND_IN):
        recipe = standins.recipe(base.name, engine.architecture, npm_registry.SETTINGS)
        assert recipe is not None  # noqa: S101 - a stand-in always has a recipe
        workshop = Workshop(paths.state("standins"))
        own = recipe.make(workshop)
        layers |= {layer.diff_id: layer.uncompressed for layer in own}
        sources.append((recipe.tag, own, recipe.settings))
        carried.append(Carried(base.name, recipe.key))
        say(
            f"  {base.name}, stand-in with Node {base.node}" if base.node else f"  {base.name}, stand-in"
        )
    if sources:
        _save_chunks(image_writer.archive_of(sources), folder / _STAND_INS)
        size += sum(layers.values())
    real = [base.name for base in ready if base.source is not Source.STAND_IN]
    for name in [name for name in real if "@" in name]:
        say(f"  {name} is left out: an image that is named by its digest keeps no name when it is saved")
        real.remove(name)
    if real:
        _save_real(real, engine, folder / _REAL)
        size += (folder / _REAL).stat().st_size
        carried += [Carried(name, None) for name in real]
        for name in real:
            say(f"  {name}")
    return tuple(carried), size


def _save_chunks(chunks: Iterator[bytes], file: Path) -> None:
    with file.open("wb") as out:
        out.writelines(chunks)


def _save_real(names: list[str], engine: Engine, file: Path) -> None:
    saved = subprocess.run(
        engine.command("save", "--output", str(file), *names),
        env=engine.process_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if saved.returncode:
        raise WorkbookError(f"Docker did not save the base images: {saved.stderr.strip()}.")


def _pack_npm(tree: Path, file: Path) -> None:
    """Pack the packages, readable by every user, under the path that they have in the container."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry

    with tarfile.open(file, "w") as archive:
        archive.add(tree, npm_registry.FOLDER, filter=plain)
    shutil.rmtree(tree)


def _download_wheels(folder: Path, workshop: Workshop) -> None:
    """Fetch pip's wheel, and the wheels of the lock file for this Python, checked by their hashes."""
    command = [*downloads.pip_command(), "download", "--quiet", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--dest", str(folder)]
    lock = bootstrap.LOCK.read_text()
    with workshop.scratch() as scratch:
        own = scratch / "requirement.txt"
        try:
            workshop.run(
                [*command, "--require-hashes", "-r", str(bootstrap.LOCK)], seconds=_WHEELS_SECONDS
            )
            for entry in entries_for_patches(lock, sys.version_info[:2]):
                own.write_text(entry)
                workshop.run(
                    [*command, "--no-deps", "--require-hashes", "-r", str(own)], seconds=_SECONDS
                )
            workshop.run([*command, "--no-deps", "pip"], seconds=_SECONDS)
        except WorkshopError as error:
            raise WorkbookError(
                f"The Python wheels could not be fetched ({error}); check the network and "
                "`pip config list`."
            ) from error


def entries_for_patches(lock: str, release: tuple[int, int]) -> list[str]:
    """Return the lock's entries that only some patch versions of a Python release need.

    Their markers are removed. So this Python also fetches what another patch version on a laptop needs.
    """
    patch = rf"{release[0]}\.{release[1]}\.\d+"
    entry = rf"^(\S+==\S+) ; python_full_version [<>=!]+ '{patch}' (\\\n(?:    --hash=\S+(?: \\)?\n)+)"
    return [f"{name} {hashes}" for name, hashes in re.findall(entry, lock, re.MULTILINE)]


def _describe(folder: Path, engine: Engine, images: tuple[Carried, ...], size: int) -> Manifest:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    members = []
    for file in files:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        members.append(Member(file.relative_to(folder).as_posix(), file.stat().st_size, digest))
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return Manifest(FORMAT, today, engine.architecture, bootstrap.python(), images, size, tuple(members))


def _write_archive(file: Path, folder: Path, manifest: Manifest) -> None:
    needed = sum(member.bytes for member in manifest.members)
    free = shutil.disk_usage(file.absolute().parent).free
    if free < needed:
        raise WorkbookError(
            f"The kit needs {needed / 1e9:.1f} GB at {file.absolute().parent}, which has "
            f"{free / 1e9:.1f} GB; make room, or name another place with FILE=…."
        )
    described = folder / MANIFEST
    described.write_text(json.dumps(asdict(manifest), indent=1))
    partial = file.with_name(f"{file.name}.partial")
    try:
        with tarfile.open(partial, "w") as archive:
            for name in (MANIFEST, *(member.name for member in manifest.members)):
                archive.add(folder / name, name, filter=_anonymous)
        partial.replace(file)
    except OSError as error:
        raise WorkbookError(f"The kit could not be written to {file}: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def _check_fits(manifest: Manifest, engine: Engine) -> None:
    if manifest.architecture != engine.architecture:
        raise WorkbookError(
            f"This kit is for linux/{manifest.architecture}, the engine runs linux/"
            f"{engine.architecture}; write one on a machine of the same CPU."
        )
    for image in manifest.images:
        recipe = standins.recipe(image.name, engine.architecture, npm_registry.SETTINGS)
        if image.recipe and (recipe is None or recipe.key != image.recipe):
            raise WorkbookError(
                f"The stand-in for {image.name} in this kit is of another version of the workbook; "
                "write the kit with the checkout that loads it."
            )
    free, needed = engine.free_bytes, manifest.image_bytes + _SPARE
    if free is not None and free < needed:
        raise WorkbookError(
            f"The engine needs {needed / 1e9:.1f} GB for this kit and the builds, and has "
            f"{free / 1e9:.1f} GB; make room (`docker system df` shows what takes it)."
        )


def _check_whole(archive: tarfile.TarFile, manifest: Manifest, file: Path) -> None:
    for member in manifest.members:
        digest = hashlib.sha256()
        try:
            content = _stream(archive, member.name)
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
        except (KeyError, OSError, tarfile.TarError):
            raise WorkbookError(
                f"{member.name} is missing in {file}, or cut short; copy it anew."
            ) from None
        if digest.hexdigest() != member.sha256:
            raise WorkbookError(f"{member.name} in {file} is damaged; copy it anew.")


def _stream(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _place_program(content: IO[bytes], place: Path) -> None:
    partial = place.with_name(f"{place.name}.partial")
    place.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("wb") as out:
        shutil.copyfileobj(content, out)
    partial.chmod(0o755)
    partial.replace(place)


def _load_images(content: IO[bytes], engine: Engine) -> None:
    def chunks() -> Iterator[bytes]:
        while chunk := content.read(_CHUNK):
            yield chunk

    image_writer.feed(engine, chunks(), "the kit's images")


def _image_with_npm(manifest: Manifest) -> str:
    """Return the reference of an image in the kit that has Node; a small image is preferred."""
    fit = [image for image in manifest.images if host_settings.npm_runs_in(image.name)]
    if not fit:
        raise WorkbookError(
            "This kit has no image with Node in it, so nothing can serve its npm packages."
        )
    chosen = min(fit, key=lambda image: ("alpine" not in image.name, "slim" not in image.name))
    if chosen.recipe is None:
        return chosen.name
    recipe = standins.recipe(chosen.name, manifest.architecture, npm_registry.SETTINGS)
    assert recipe is not None  # noqa: S101 - checked before
    return recipe.tag
