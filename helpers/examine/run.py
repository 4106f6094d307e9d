"""Examine any project with a Dockerfile: gather its facts, run every check, make the report.

The project is only read. When something cannot be done (no engine, a missing base, a build that fails),
the report says so in a sentence and keeps its other parts. The image gets the workbook's label and tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime

from helpers import bases, buildx
from helpers import engine as engines
from helpers.buildx import BuildError, BuildResult, Request, Watcher, steps
from helpers.buildx.dockerfile import Dockerfile
from helpers.engine import Engine
from helpers.examine import gather, linters, rebuild, rules
from helpers.examine.findings import Check, Finding, Severity
from helpers.examine.gather import Project, Sources
from helpers.examine.rebuild import Rebuild
from helpers.examine.report import BuiltImage, Report
from helpers.host import unforeseen
from helpers.host.errors import StoppedByReaderError, WorkbookError, redacted_within, stoppable

TAG = "workbook/examined"
_IMAGE = "the image"
_USER = "rules on its user"
_REBUILD = "a build after an edit"

Watching = Callable[[str], AbstractContextManager[Watcher]]


@unforeseen.told()
def examine(
    project: Project,
    *,
    build: bool = True,
    measure_rebuild: bool = True,
    watching: Watching | None = None,
) -> Report:
    """Examine a project and return the report.

    ``build`` False only reads; ``measure_rebuild`` False leaves out the second build. ``watching``
    returns a watcher for a build's title. Raises `DockerfileError` when the Dockerfile is not valid, and
    `StoppedByReaderError` when the reader stops it. The report is made to be passed on, so credentials
    in the project's lines are removed from it.
    """
    watching = watching or (lambda _: nullcontext(lambda _: None))
    with stoppable("The examination was stopped at your request; `make clean` removes what it built."):
        report = _examined(project, watching, build=build, measure_rebuild=measure_rebuild)
        return redacted_within(report)


def _examined(project: Project, watching: Watching, *, build: bool, measure_rebuild: bool) -> Report:
    engine, failure = _engine() if build else (None, "")
    sources = gather.read(project, engine)
    file, context = sources.file, sources.context
    checks = [
        Check("rules on its cache", tuple(rules.cache.check(sources))),
        Check("rules on its size", (*rules.size.check(sources), *rules.shipped.check(sources))),
        Check("rules on its start", tuple(rules.start.check(sources))),
        Check("rules on its bases", tuple(rules.image.check_bases(sources, _today()))),
        linters.hadolint(file, project.context),
        _context(sources),
        Check(_USER, tuple(rules.image.check_user(sources))),
    ]
    image = measured = result = None
    if engine:
        try:
            request = _request(sources, engine)
            checks.append(linters.builder_checks(request, engine))
            with watching("examined") as watch:
                result = buildx.build(request, watch, engine)
            image = gather.built(sources, result)
            checks = [*map(_unmeasured, checks), _measured(sources, image, result, checks)]
        except StoppedByReaderError:
            raise
        except WorkbookError as error:
            failure = _failure(error, file, project.target)
    if image and result and measure_rebuild:
        measured, check = _rebuilt(sources, result, watching)
        checks.append(check)
    if context and result:
        context = replace(context, received_bytes=result.context_bytes)
    why = "There is no image: the reason stands above." if failure else "It was left out, as you asked."
    done = {check.what for check in checks}
    left_out = (what for what in (linters.BUILDER, _IMAGE, _REBUILD) if what not in done)
    return Report(
        project=project.name,
        dockerfile=project.file,
        target=project.target or "",
        stages=_stages(file),
        checks=(*checks, *(Check(what, note=why) for what in left_out)),
        context=context,
        image=image,
        rebuild=measured,
        conditions=result.conditions if result and image else "",
        failure=failure,
    )


def _today() -> date:
    return datetime.now(UTC).date()


def _engine() -> tuple[Engine | None, str]:
    """Return the engine, or None and a sentence that says why there is no engine."""
    try:
        return engines.find(), ""
    except StoppedByReaderError:
        raise
    except WorkbookError as error:
        return None, str(error)


def _stages(file: Dockerfile) -> tuple[tuple[str, str], ...]:
    """Return each stage's name and base, for the report."""
    named = tuple((stage.label, stage.base) for stage in file.stages)
    return named if len(named) > 1 else (("the only stage", named[0][1]),)


def _context(sources: Sources) -> Check:
    what = "rules on the build context"
    if sources.context is None or sources.survey is None:
        return Check(what, note=f"The build context was not looked at: {sources.trouble}")
    return Check(what, tuple(rules.context.check(sources)))


def _request(sources: Sources, engine: Engine) -> Request:
    """Return the request to build, with its bases ready, so that no later build looks for them."""
    project = sources.project
    request = Request(
        dockerfile=project.dockerfile,
        context=project.context,
        tag=TAG,
        target=project.target,
        build_args=project.build_args,
        extra=project.extra,
        parsed=sources.file,
    )
    return replace(request, bases=tuple(bases.resolve(request.images(sources.file), engine)))


def _unmeasured(check: Check) -> Check:
    """Return a check without the findings of rules that the image itself answers better."""
    if check.what == _USER:
        return replace(check, findings=(), result="see the image")
    kept = tuple(one for one in check.findings if one.rule not in rules.image.MEASURED)
    return replace(check, findings=kept)


def _measured(sources: Sources, image: BuiltImage, result: BuildResult, before: list[Check]) -> Check:
    """Return the check of the image; what the text told of the same cause is not told again."""
    earlier = [one for check in before for one in check.findings]
    grave = {one.rule for one in earlier if one.severity is not Severity.HINT}
    found = [
        *rules.image.check(sources, image, grave),
        *rules.shipped.check_image(sources, image, {one.rule for one in earlier}),
        *rules.image.check_user(sources, image),
        *_printed(result),
    ]
    return Check(_IMAGE, tuple(found))


def _printed(result: BuildResult) -> Iterator[Finding]:
    """Yield a finding for each step that printed an error but succeeded."""
    lines = {step.text: step.line for step in steps.of(result)}
    for printed in result.printed_errors:
        yield Finding(
            rule="error-in-a-step",
            topic="style",
            severity=Severity.WARNING,
            line=lines.get(" ".join(printed.step.instruction.split())),
            sentence=str(printed),
            remedy="Look whether the image has what the step was to put there: its size counts what is.",
        )


def _rebuilt(sources: Sources, result: BuildResult, watching: Watching) -> tuple[Rebuild | None, Check]:
    if sources.survey is None:
        return None, Check(_REBUILD, note="The build context was not looked at, so no file was edited.")
    try:
        with watching("examined, one source file edited") as watch:
            measured = rebuild.measure(result, sources.file, sources.survey, watch)
    except StoppedByReaderError:
        raise
    except (WorkbookError, OSError) as error:
        return None, Check(_REBUILD, note=f"No rebuild was measured: {error}")
    return measured, Check(
        _REBUILD, result=f"{len(measured.lost)} of {len(measured.steps)} steps ran again"
    )


def _failure(error: WorkbookError, file: Dockerfile, target: str | None) -> str:
    """Return a sentence that says why there is no image; an unavailable platform gets its own."""
    platform = _platform(file, target)
    if platform and isinstance(error, BuildError):
        return f"{error} The file asks for the platform {platform}: this engine must have it and run it."
    return str(error)


def _platform(file: Dockerfile, target: str | None) -> str:
    """Return the first platform that a stage names literally, not as ``$BUILDPLATFORM``."""
    starts = [i for i in file.instructions if i.keyword == "FROM"]
    named = (starts[stage.index].flag("platform") or "" for stage in file.needs(target))
    return next((platform for platform in named if platform and "$" not in platform), "")
