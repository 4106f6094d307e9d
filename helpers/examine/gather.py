"""Find a project, and gather everything that the checks of an examination need, once.

The Dockerfile is read once, the context is walked once, and the image is read once. When a part is not
available, a sentence says why. This module judges nothing.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from helpers.buildx import BuildResult, copies, steps
from helpers.buildx import context as contexts
from helpers.buildx import dockerfile as dockerfiles
from helpers.buildx.context import Survey
from helpers.buildx.dockerfile import Dockerfile
from helpers.engine import Engine
from helpers.examine import credentials, removable, surroundings, unwanted
from helpers.examine.report import BuildContext, BuiltImage, Folder, Hidden, LayerSize
from helpers.examine.surroundings import Elsewhere
from helpers.host import unforeseen
from helpers.host.errors import WorkbookError
from helpers.image import Waste

_DEPTH = 3  # levels of folders in which to look for Dockerfiles
_MANIFESTS = {
    "package.json",
    ".npmrc",
    ".yarnrc.yml",
    "pnpm-workspace.yaml",
    "go.mod",
    "pyproject.toml",
    "composer.json",
    "Gemfile",
}
_READ_BYTES = 200_000  # a larger file is neither a manifest nor a script
_NAMED = 8  # a sentence names at most this many Dockerfiles


@dataclass(frozen=True)
class Project:
    """A project to examine: its Dockerfile, its build context, the target and the build arguments.

    ``extra`` holds further arguments for ``docker buildx build``, such as ``--secret``, unchanged.
    """

    dockerfile: Path
    context: Path
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the build context's folder, in a printable form."""
        return contexts.printable(self.context.name)

    @property
    def file(self) -> str:
        """The Dockerfile's path, relative to the context if it is inside, in a printable form."""
        inside = self.dockerfile.is_relative_to(self.context)
        shown = self.dockerfile.relative_to(self.context) if inside else self.dockerfile
        return contexts.printable(str(shown))


@dataclass(frozen=True, eq=False)
class Sources:
    """The facts about a project that need no build.

    ``survey`` and ``context`` are None when the context could not be read; ``trouble`` says why.
    ``elsewhere`` is a path that a COPY names and that another folder holds: that one is meant.
    ``texts`` holds, by path, the small files that are sent and that rules read: the manifests and
    settings of package managers, and the scripts that the image starts.
    """

    project: Project
    file: Dockerfile
    survey: Survey | None
    context: BuildContext | None
    trouble: str = ""
    elsewhere: Elsewhere | None = None
    texts: Mapping[str, str] = field(default_factory=dict)


@unforeseen.told()
def find(
    path: Path,
    file: str | None = None,
    *,
    context: Path | None = None,
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    extra: Sequence[str] = (),
) -> Project:
    """Return the project at ``path``, a folder or a Dockerfile itself.

    ``file`` is the Dockerfile's path from that folder. ``context`` is the build context if it is another
    folder. A Dockerfile that is a link is not resolved, because the builder uses the ignore file beside
    the link. Raises `WorkbookError` when there is no such Dockerfile, and names the ones that exist.
    """
    try:
        return _found(path, file, context, target, build_args or {}, extra)
    except (OSError, RuntimeError, ValueError) as error:  # no right to look, an unknown ~user, a NUL
        why = error.strerror if isinstance(error, OSError) else error
        raise WorkbookError(f"{path} cannot be looked at ({why}); check the path.") from None


def _found(
    path: Path,
    file: str | None,
    context: Path | None,
    target: str | None,
    build_args: Mapping[str, str],
    extra: Sequence[str],
) -> Project:
    words = [*extra, *map(str, build_args), *map(str, build_args.values()), target or "", file or ""]
    if any("\0" in word for word in words):
        raise WorkbookError("A name or an argument of the build holds a NUL character; leave it out.")
    path = path.expanduser()
    if not path.exists():
        raise WorkbookError(f"There is nothing at {path}; check the path.")
    if not (path.is_dir() or path.is_file()):
        raise WorkbookError(f"{path} is neither a folder nor a file; give a project's folder.")
    folder = path if path.is_dir() else path.parent
    found = path if path.is_file() else folder / (file or "Dockerfile")
    if not found.is_file() and file is None and (folder / "Containerfile").is_file():
        found = folder / "Containerfile"
    if not found.is_file():
        others = ", ".join(map(contexts.printable, _dockerfiles(folder)))
        advice = f"there are {others}: name one with --file" if others else "name it with --file"
        raise WorkbookError(f"There is no {file or 'Dockerfile'} in {folder}; {advice}.")
    context = (context.expanduser() if context else folder).resolve()
    if not context.is_dir():
        raise WorkbookError(f"There is no folder for the build context at {context}; check the path.")
    given = {str(name): str(value) for name, value in build_args.items()}
    found = found.parent.resolve() / found.name  # a link is kept: its ignore file lies beside it
    return Project(found, context, target, given, tuple(extra))


def _dockerfiles(folder: Path) -> list[str]:
    patterns = ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "Containerfile")
    found = {
        match.relative_to(folder).as_posix()
        for depth in range(_DEPTH)
        for pattern in patterns
        for match in folder.glob("*/" * depth + pattern)
        if match.is_file() and match.suffix != ".dockerignore" and "node_modules" not in match.parts
    }
    return sorted(found)[:_NAMED]


def read(project: Project, engine: Engine | None = None) -> Sources:
    """Read the Dockerfile and look at the context.

    ``engine`` is the engine that will build; without it the file is read for this machine's CPU. Raises
    `DockerfileError` when the file is not a Dockerfile, or lacks the project's target.
    """
    architecture = engine.architecture if engine else None
    file = dockerfiles.read(project.dockerfile, project.build_args, architecture)
    file.stage(project.target)
    try:
        rules = contexts.rules(project.context, project.dockerfile)
        survey = contexts.survey(project.context, rules)
    except (WorkbookError, OSError, UnicodeDecodeError) as error:
        return Sources(project, file, None, None, str(error))
    ignore_file = contexts.ignore_file(project.context, project.dockerfile)
    files = [entry for entry in survey.sent if entry.kind == "file"]
    tracked = surroundings.tracked(project.context)
    sizes = [(contexts.printable(entry.path), entry.bytes) for entry in files]
    context = BuildContext(
        ignore_file=ignore_file.name if ignore_file else "",
        folders=tuple(_folders(survey)),
        unwanted=tuple(unwanted.find(sizes, tracked)),
        secrets=tuple(credentials.in_context(project.context, files, tracked)),
        env_files=tuple(surroundings.env_files(project.context, survey, rules)),
    )
    made = [copy for stage in file.needs(project.target) for copy in copies.of_stage(file, stage)]
    named = surroundings.named(made)
    return Sources(
        project,
        file,
        survey,
        context,
        elsewhere=surroundings.elsewhere(project.context, project.dockerfile, named, survey),
        texts=dict(_texts(project.context, file, survey)),
    )


def _texts(context: Path, file: Dockerfile, survey: Survey) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file that rules read; one that cannot be read is left out."""
    starts = [i for i in file.instructions if i.keyword in ("CMD", "ENTRYPOINT")]
    named = _MANIFESTS | {word.rpartition("/")[2] for start in starts for word in start.words()}
    for entry in survey.sent:
        if (
            entry.kind == "file"
            and entry.path.rpartition("/")[2] in named
            and entry.bytes <= _READ_BYTES
            and "node_modules/" not in entry.path
        ):
            with contextlib.suppress(OSError):
                yield entry.path, (context / entry.path).read_bytes().decode(errors="replace")


def _folders(survey: Survey) -> list[Folder]:
    sizes: dict[str, list[int]] = {}
    for entry in survey.entries:
        top, below, _ = entry.path.partition("/")
        name = f"{top}/" if below or entry.kind == "directory" else top
        counted = sizes.setdefault(name, [0, 0])
        counted[0] += entry.bytes
        counted[1] += 0 if entry.kept_out else entry.bytes
    folders = [Folder(contexts.printable(name), *counted) for name, counted in sizes.items()]
    return sorted(folders, key=lambda folder: (-folder.bytes, folder.name))


def built(sources: Sources, result: BuildResult) -> BuiltImage:
    """Return the facts about the built image: its layers, its waste, and what it could do without.

    Raises `ImageError` when the engine no longer has the image.
    """
    base = sources.file.lineage(result.request.target)[0].base
    used = [one.reference for one in result.bases if one.name == base]
    facts = result.image.facts(used)
    waste = result.image.waste
    base_layers = sum(layer.from_base for layer in facts.layers)
    layers = [
        LayerSize(
            instruction=layer.instruction,
            from_base=layer.from_base,
            uncompressed_bytes=layer.uncompressed_bytes,
            compressed_bytes=layer.compressed_bytes,
            wasted_bytes=sum(file.bytes for file in waste.files if file.layer == number),
        )
        for number, layer in enumerate(facts.layers)
    ]
    ran = steps.in_order(result)
    return BuiltImage(
        tag=result.tag,
        user=facts.user or "root",
        layers=(*_base_layer(base, layers[:base_layers]), *layers[base_layers:]),
        removable=removable.find(result.image, base_layers),
        secrets=tuple(credentials.in_image(result.image, base_layers)),
        build_seconds=result.seconds,
        steps_cached=sum(step.cached for step in ran),
        steps=len(ran),
        hidden=tuple(_hidden(waste, base_layers)),
    )


def _hidden(waste: Waste, base_layers: int) -> Iterator[Hidden]:
    """Yield what later layers hide of the layers above the base, summed by the two layers."""
    sums: Counter[tuple[int, int, str]] = Counter()
    for file in waste.files:
        if file.layer >= base_layers:
            sums[file.layer, file.by_layer, file.how] += file.bytes
    for (layer, by, how), size in sums.items():
        yield Hidden(waste.layers[layer], waste.layers[by], how, size)


def _base_layer(name: str, layers: Sequence[LayerSize]) -> list[LayerSize]:
    """Return all layers of the base as one entry; an empty list for an image from scratch."""
    if not layers:
        return []
    return [
        LayerSize(
            instruction=f"FROM {name}",
            from_base=True,
            uncompressed_bytes=sum(layer.uncompressed_bytes for layer in layers),
            compressed_bytes=sum(layer.compressed_bytes for layer in layers),
            wasted_bytes=sum(layer.wasted_bytes for layer in layers),
        )
    ]
