"""Examine any project with a Dockerfile: read it, lint it, weigh its context, build it, weigh the image.

The project is only read. What cannot be done (no engine, a base that cannot be had, a build that
fails) becomes a sentence of the report, and the rest of it stands. The image bears the workbook's
label and tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from helpers import buildx
from helpers.buildx import BuildError, BuildResult, Request, Watcher
from helpers.buildx import context as contexts
from helpers.buildx import dockerfile as dockerfiles
from helpers.buildx.context import Survey
from helpers.buildx.dockerfile import Dockerfile
from helpers.engine import engine as engines
from helpers.examine import cache_rules, findings, linters, rebuild, removable, size_rules, unwanted
from helpers.examine.findings import Finding, Severity
from helpers.examine.linters import Lint
from helpers.examine.report import BuildContext, BuiltImage, Folder, LayerSize, Report
from helpers.host.errors import StoppedByReaderError, WorkbookError, redacted_within
from helpers.image import image

TAG = "workbook/examined"
_WORTH_A_WORD = 1_000_000  # bytes from which waste and what is unwanted are findings
_DEPTH = 3  # folders deep that Dockerfiles are looked for

Watching = Callable[[str], AbstractContextManager[Watcher]]


@dataclass(frozen=True)
class Project:
    """A project as it is to be examined: its Dockerfile, its build context, target and arguments.

    ``extra`` holds further arguments of ``docker buildx build``, such as ``--secret``, as they are.
    """

    dockerfile: Path
    context: Path
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()


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

    ``file`` is the Dockerfile's path from that folder; ``context`` the build context when it is not
    the folder. Raises `WorkbookError`, naming the Dockerfiles that there are.
    """
    path = path.expanduser()
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise WorkbookError(f"There is nothing at {path}; check the path.")
    found = path if path.is_file() else folder / (file or "Dockerfile")
    if not found.is_file() and file is None and (folder / "Containerfile").is_file():
        found = folder / "Containerfile"
    if not found.is_file():
        others = ", ".join(_dockerfiles(folder))
        advice = f"there are {others}: name one with --file" if others else "name it with --file"
        raise WorkbookError(f"There is no {file or 'Dockerfile'} in {folder}; {advice}.")
    context = (context.expanduser() if context else folder).resolve()
    if not context.is_dir():
        raise WorkbookError(f"There is no folder for the build context at {context}; check the path.")
    return Project(found.resolve(), context, target, dict(build_args or {}), tuple(extra))


def _dockerfiles(folder: Path) -> list[str]:
    patterns = ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "Containerfile")
    found = {
        match.relative_to(folder).as_posix()
        for depth in range(_DEPTH)
        for pattern in patterns
        for match in folder.glob("*/" * depth + pattern)
        if match.is_file() and match.suffix != ".dockerignore" and "node_modules" not in match.parts
    }
    return sorted(found)[:8]


def examine(
    project: Project,
    *,
    build: bool = True,
    measure_rebuild: bool = True,
    watching: Watching | None = None,
) -> Report:
    """Examine a project and return the report.

    ``build`` False leaves it at what can be read; ``measure_rebuild`` False leaves out the second
    build; ``watching`` gives a watcher for a build by its title. Raises `WorkbookError`,
    `DockerfileError` for a file that is none, and `StoppedByReaderError` when the reader stops it.
    Credentials in the project's own lines stay out of the report, which is made to be passed on.
    """
    watching = watching or (lambda _: nullcontext(lambda _: None))
    return redacted_within(_examined(project, watching, build=build, measure_rebuild=measure_rebuild))


def _examined(project: Project, watching: Watching, *, build: bool, measure_rebuild: bool) -> Report:
    file = dockerfiles.read(project.dockerfile, project.build_args)
    file.stage(project.target)
    report = _read(project, file)
    if not build:
        return _noted(report, "Nothing was built, as you asked.")
    request = Request(
        dockerfile=project.dockerfile,
        context=project.context,
        tag=TAG,
        target=project.target,
        build_args=project.build_args,
        extra=project.extra,
    )
    try:
        engine = engines.find()
        command = buildx.plan(request, engine)
        report = _linted(report, linters.builder_checks(_options(command), engine, project.context))
        with watching("examined") as watch:
            result = buildx.build(request, watch, engine)
        report = _weighed(report, file, result)
    except StoppedByReaderError:
        raise
    except WorkbookError as error:
        return replace(report, failure=_failure(error, file, project.target))
    return _rebuilt(report, file, result, watching) if measure_rebuild else report


def _options(command: Sequence[str]) -> Sequence[str]:
    """Return what stands behind ``buildx build`` in a command."""
    return command[command.index("build") + 1 :]


def _failure(error: WorkbookError, file: Dockerfile, target: str | None) -> str:
    """Say why there is no image; a frontend or platform that cannot be had gets its own sentence."""
    frontend = file.directives.get("syntax", "")
    if frontend and isinstance(error, BuildError) and frontend in f"{error.step and error.step.name}":
        return (
            f"The file's first line asks for the frontend {frontend}, which is an image, and its "
            "registry cannot be reached; without that line the engine's own frontend may build it."
        )
    platform = _platform(file, target)
    if platform and isinstance(error, BuildError):
        return f"{error} The file asks for the platform {platform}: this engine must have it and run it."
    return str(error)


def _platform(file: Dockerfile, target: str | None) -> str:
    """Return the first platform that a stage names outright, not as ``$BUILDPLATFORM``."""
    starts = [i for i in file.instructions if i.keyword == "FROM"]
    named = (starts[stage.index].flag("platform") or "" for stage in file.needs(target))
    return next((platform for platform in named if platform and "$" not in platform), "")


# What needs no build


def _read(project: Project, file: Dockerfile) -> Report:
    stages = tuple((stage.label, stage.base) for stage in file.stages)
    report = Report(
        project=project.context.name,
        dockerfile=_shown(project),
        target=project.target or "",
        stages=stages if len(stages) > 1 else (("the only stage", stages[0][1]),),
        findings=findings.in_order(
            [
                *cache_rules.check(file, project.target, project.build_args),
                *size_rules.check(file, project.target),
            ]
        ),
        context=None,
        image=None,
        rebuild=None,
        conditions="",
        failure="",
        notes=(),
    )
    report = _linted(report, linters.hadolint(project.dockerfile, project.context))
    try:
        survey = contexts.survey(project.context, contexts.rules(project.context, project.dockerfile))
    except (WorkbookError, OSError, UnicodeDecodeError) as error:
        return _noted(report, f"The build context was not looked at: {error}")
    return _with_context(report, project, file, survey)


def _shown(project: Project) -> str:
    inside = project.dockerfile.is_relative_to(project.context)
    return str(project.dockerfile.relative_to(project.context) if inside else project.dockerfile)


def _noted(report: Report, note: str) -> Report:
    return replace(report, notes=(*report.notes, note)) if note else report


def _found(report: Report, more: Iterable[Finding]) -> Report:
    return replace(report, findings=findings.in_order([*report.findings, *more]))


def _linted(report: Report, lint: Lint) -> Report:
    return _noted(_found(report, lint.findings), lint.note)


def _with_context(report: Report, project: Project, file: Dockerfile, survey: Survey) -> Report:
    ignore_file = contexts.ignore_file(project.context, project.dockerfile)
    files = (entry for entry in survey.sent if entry.kind == "file")
    sent = [(contexts.printable(entry.path), entry.bytes) for entry in files]
    found = tuple(unwanted.find(sent))
    context = BuildContext(ignore_file.name if ignore_file else "", tuple(_folders(survey)), found)
    report = replace(report, context=context)
    return _found(report, _context_findings(file, project, context))


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


def _context_findings(file: Dockerfile, project: Project, context: BuildContext) -> list[Finding]:
    """Return findings on what is sent; it matters most where a COPY takes the whole context."""
    whole = [
        i
        for stage in file.needs(project.target)
        for i in stage.instructions
        if {".", "./", "/", "*"} & set(i.copied())
    ]
    line = whole[0].line if whole else None
    found = []
    if whole and not context.ignore_file:
        found.append(
            Finding(
                "no-ignore-file",
                "context",
                Severity.WARNING,
                line,
                f"`{whole[0].keyword} {whole[0].value}` takes the whole context, and there is no "
                ".dockerignore.",
                "Write one; it keeps what it names out of the context, the cache's key and the image.",
            )
        )
    for item in context.unwanted:
        if item.secret or (item.bytes >= _WORTH_A_WORD):
            grave = Severity.ERROR if item.secret and whole else Severity.WARNING
            does = "is copied" if whole else "can be sent"
            found.append(
                Finding(
                    "secret-in-context" if item.secret else "unwanted-in-context",
                    "context",
                    grave if whole else Severity.HINT,
                    line,
                    f"{item.path} ({_size(item.bytes)}, {item.what}) {does}: no pattern keeps it out.",
                    f"Add `{item.pattern}` to the .dockerignore.",
                )
            )
    return found


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"


# What the build shows


def _weighed(report: Report, file: Dockerfile, result: BuildResult) -> Report:
    lineage = file.lineage(result.request.target)
    used = [base.reference for base in result.bases if base.name == lineage[0].base]
    facts = image.inspect(result.image_id, result.engine, bases=used)
    waste = image.waste(result.image_id, result.engine)
    wasted = [sum(f.bytes for f in waste.files if f.layer == n) for n in range(len(facts.layers))]
    base_layers = sum(layer.from_base for layer in facts.layers)
    layers = [
        LayerSize(x.instruction, x.from_base, x.uncompressed_bytes, x.compressed_bytes, lost)
        for x, lost in zip(facts.layers, wasted, strict=True)
    ]
    steps = rebuild.steps_in_order(file, result)
    built = BuiltImage(
        tag=result.tag,
        user=facts.user or "root",
        layers=(*_base_layer(lineage[0].base, layers[:base_layers]), *layers[base_layers:]),
        removable=removable.find(result.image_id, result.engine, base_layers),
        build_seconds=result.seconds,
        steps_cached=sum(step.cached for step in steps),
        steps=len(steps),
    )
    report = replace(report, image=built, conditions=result.conditions)
    if report.context:
        report = replace(report, context=replace(report.context, received_bytes=result.context_bytes))
    files = image.files(result.image_id, result.engine)
    secrets = [f.path for f in files if f.layer >= base_layers and f.kind == "file"]
    return _found(report, _image_findings(built, [path for path in secrets if unwanted.is_secret(path)]))


def _base_layer(name: str, layers: Sequence[LayerSize]) -> list[LayerSize]:
    """Return the layers of the base as one; none for an image from scratch."""
    if not layers:
        return []
    sums = [
        sum(getattr(layer, name) for layer in layers)
        for name in ("uncompressed_bytes", "compressed_bytes", "wasted_bytes")
    ]
    return [LayerSize(f"FROM {name}", True, *sums)]


def _image_findings(built: BuiltImage, secrets: Sequence[str]) -> list[Finding]:
    found = [
        Finding(
            "secret-in-image",
            "size",
            Severity.ERROR,
            None,
            f"{path} is in the image, by its name a secret: whoever pulls the image can read it.",
            "Keep it out with .dockerignore; hand secrets to the build with `RUN --mount=type=secret`.",
        )
        for path in secrets
    ]
    for layer in built.layers:
        if layer.wasted_bytes >= _WORTH_A_WORD and not layer.from_base:
            found.append(
                Finding(
                    "hidden-bytes",
                    "size",
                    Severity.WARNING,
                    None,
                    f"The layer of `{layer.instruction[:80]}` holds {_size(layer.wasted_bytes)} that "
                    "later layers delete or replace: stored and moved, and never seen.",
                    "Make and remove in one RUN, or make it in an earlier stage.",
                )
            )
    if built.user in ("root", "0", "0:0", "root:root"):
        found.append(
            Finding(
                "runs-as-root",
                "style",
                Severity.HINT,
                None,
                "The image runs as root.",
                "End with a `USER` that owns nothing it need not.",
            )
        )
    return found


def _rebuilt(report: Report, file: Dockerfile, result: BuildResult, watching: Watching) -> Report:
    context = result.request.context
    try:
        survey = contexts.survey(context, contexts.rules(context, result.request.dockerfile))
        with watching("examined, one source file edited") as watch:
            measured = rebuild.measure(result, file, survey, watch)
    except StoppedByReaderError:
        raise
    except (WorkbookError, OSError, UnicodeDecodeError) as error:
        return _noted(report, f"No rebuild was measured: {error}")
    return replace(report, rebuild=measured)
