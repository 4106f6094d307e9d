"""The verbs of the lesson on your own Dockerfile: examine a project, improve it, compare reports.

Each verb calls a module that does the work. Projects that are given by path are only read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import examine as examinations
from helpers import improve as improvements
from helpers import plots
from helpers.buildx import dockerfile as dockerfiles
from helpers.buildx import live
from helpers.claims import ledger
from helpers.examine import Listing, Project, Report
from helpers.host import paths, tables, workspace
from helpers.host.errors import WorkbookError
from helpers.host.tables import MB
from helpers.host.workspace import Workspace
from helpers.improve import Improvement
from helpers.lesson import verbs
from helpers.measure import sample
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Code

EXAMPLE = paths.ROOT / "helpers" / "lesson" / "tally"
_SAMPLES = "samples/access.log"
_SAMPLE_LINES = 150_000
_STATUSES = (200, 200, 200, 304, 404, 500)

_example: Workspace | None = None


def examine(
    path: str | Path | None = None,
    file: str | None = None,
    *,
    context: str | Path | None = None,
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    extra: Sequence[str] = (),
    build: bool = True,
    rebuild: bool = True,
) -> Report:
    """Examine the project at ``path``, live, and return the report.

    ``path`` is a Dockerfile or a folder with one; by default it is the sample app's working copy.
    ``file`` is the Dockerfile's path from there, or the short name of one of the sample app's
    Dockerfiles. ``extra`` holds further arguments for ``docker buildx build``. ``build`` False only
    reads; ``rebuild`` False leaves out the second build. Raises the errors of `helpers.examine.examine`.
    """
    project = _project(path, file, context, target, build_args, extra)
    return examinations.examine(project, build=build, measure_rebuild=rebuild, watching=live.watcher)


def improve(
    path: str | Path | None = None,
    file: str | None = None,
    *,
    context: str | Path | None = None,
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    extra: Sequence[str] = (),
    probes: Sequence[str] = (),
    check: str | None = None,
    environment: Mapping[str, str] | None = None,
    minutes: float = 10,
) -> Improvement:
    """Propose changes to a project's Dockerfile, live, and keep those that a build and a run prove.

    The project is named as for `examine`, and only read. ``probes`` are requests such as ``GET /path``;
    ``check`` is a command that must pass in the container; ``environment`` is what the start needs.
    After ``minutes`` no further change is tried. Raises the errors of `helpers.improve.improve`.
    """
    return improvements.improve(
        _project(path, file, context, target, build_args, extra),
        probes=probes,
        check=check,
        environment=environment,
        minutes=minutes,
        watching=live.watcher,
    )


def _project(
    path: str | Path | None,
    file: str | None,
    context: str | Path | None,
    target: str | None,
    build_args: Mapping[str, str] | None,
    extra: Sequence[str],
) -> Project:
    if path is None:
        path, file = verbs.app().path, _sample_file(file or "naive")
    folder = Path(context) if context else None
    return examinations.find(
        Path(path), file, context=folder, target=target, build_args=build_args, extra=extra
    )


def _sample_file(name: str) -> str:
    own = verbs.app().path / name
    known = own if own.is_file() else sample.dockerfile(name)
    return name if own.is_file() else known.relative_to(paths.SAMPLE_APP).as_posix()


def example() -> Path:
    """Return the working copy of ``tally``, a small project in C; the first call makes the copy.

    It also contains samples of a web server's log, as such a project's folder may.
    """
    global _example
    if _example is None:
        _example = workspace.copy(EXAMPLE)
        _example.write(_SAMPLES, "".join(map(_log_line, range(_SAMPLE_LINES))))
    return _example.path


def _log_line(number: int) -> str:
    status = _STATUSES[number % len(_STATUSES)]
    return (
        f"192.0.2.{number % 254 + 1} - - [05/Jan/2026:09:00:00 +0000] "
        f'"GET /shipments/{number} HTTP/1.1" {status} {number % 4096}\n'
    )


def base_images() -> list[str]:
    """Return the base images of the example's Dockerfiles."""
    files = sorted(EXAMPLE.glob("*Dockerfile"))
    return list(dict.fromkeys(name for file in files for name in dockerfiles.read(file).base_images()))


def show(folder: Path, file: str = "Dockerfile") -> Code:
    """Show a Dockerfile of a project."""
    from IPython.display import Code

    return Code(filename=str(folder / file), language="docker")


def findings(report: Report, topic: str | None = None) -> Listing:
    """Return the findings of a report: all, or those of one ``topic`` (cache, size, context, style)."""
    return Listing(tuple(f for f in report.findings if topic in (None, f.topic)))


def compare(**reports: Report) -> pd.DataFrame:
    """Put the figures of several reports side by side; a report without an image has fewer figures."""
    import pandas as pd

    columns = {
        name: {f"{row.what}, {row.unit}": row.value for row in report.figures().itertuples(index=False)}
        for name, report in reports.items()
    }
    frame = pd.DataFrame(columns)
    kept = [name for name in frame.index if not str(name).startswith("this build")]
    return frame.loc[kept]


def save(report: Report, folder: Path = ledger.FOLDER) -> list[Path]:
    """Write a report as HTML and JSON; return their paths.

    Raises `WorkbookError` when ``folder`` cannot be written to.
    """
    stem = f"{report.project}-{Path(report.dockerfile).name}"
    pages = {f"{stem}.html": report.to_html(), f"{stem}.json": report.to_json()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise WorkbookError(f"{folder} cannot be written to: {error.strerror}.") from None
    return [folder / name for name in pages]


def chart_layers(report: Report) -> Chart:
    """Draw the layers of the built image, instruction by instruction."""
    return plots.layers(report.layers(), caption=report.conditions)


def chart_gains(improvement: Improvement) -> Chart:
    """Draw what each kept change gained, from the image before to the image after.

    Raises `WorkbookError` when nothing was tried.
    """
    if improvement.before is None:
        raise WorkbookError(f"There is nothing to draw: {improvement.failure}")
    sizes = [("as it was", improvement.before.uncompressed_bytes / MB)]
    sizes += [
        (step.rule, step.figures.uncompressed_bytes / MB) for step in improvement.kept if step.figures
    ]
    frame = tables.frame(sizes, columns=["change", "image MB"])
    return plots.gains(frame, caption=improvement.conditions)


def chart_removable(report: Report) -> Chart:
    """Draw the bytes of the image that a final stage would not need; they are a lower bound."""
    import pandas as pd

    shares = report.removable().rename(columns={"at least MB": "MB"})[["what", "MB"]]
    shares["spare"] = True
    total = report.image.uncompressed_bytes / MB if report.image else 0.0
    rest = pd.DataFrame([("all the rest", total - shares["MB"].sum(), False)], columns=shares.columns)
    return plots.spare(pd.concat([shares, rest], ignore_index=True), caption=report.conditions)
