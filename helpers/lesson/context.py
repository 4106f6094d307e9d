"""The verbs of lesson 05: fill a working copy, and send it as a build context.

The filled copy belongs to this lesson; `lesson.app` stays small for the other lessons.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helpers import buildx, engine, plots
from helpers.buildx import BuildResult, Request, dockerignore, live
from helpers.buildx.context import Survey, Tree, survey
from helpers.claims import Judgement
from helpers.host import paths, tables, workspace
from helpers.host.errors import WorkbookError
from helpers.host.tables import MB
from helpers.host.workspace import FAKE_SECRET, Workspace
from helpers.image import secrets
from helpers.lesson import verbs
from helpers.measure import context, developer_folder, sample
from helpers.measure.context import Sending
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Code

PROBE = "context_probe"
CLAIMED = {  # what claim X1 names, and its paths in the filled copy
    "node_modules": ("node_modules",),
    ".git": (".git",),
    ".env*": (".env", ".env.local"),
    "fixtures": (developer_folder.FIXTURES,),
}

_filled: Workspace | None = None


def fill() -> None:
    """Fill a working copy with the files of months of work; modules come from the builder's image."""
    global _filled
    builder = verbs.build("alpine", target="builder")
    if _filled is None:
        copy = workspace.copy(with_secret=True)
        developer_folder.fill(copy, builder.image_id, engine.find())
        _filled = copy


def folder() -> Workspace:
    """Return the filled working copy; the first call fills it."""
    if _filled is None:
        fill()
    return _filled or verbs.app()


def show_list(name: str) -> Code:
    """Show one of the ignore lists in the Dockerfiles' folder."""
    from IPython.display import Code

    return Code(_list(name), language="text")


def tree(name: str | None = None, depth: int = 1) -> Tree:
    """Return the filled copy as a tree, with what an ignore list lets through; None means no list."""
    return forecast(_list(name) if name else "", depth)


def forecast(patterns: str, depth: int = 1) -> Tree:
    """Return the filled copy as a tree, with your own ignore patterns, one on each line."""
    return survey(folder().path, dockerignore.parse(patterns)).tree(depth)


def send(
    name: str | None = None, *, dockerfile: str = PROBE, own: str | None = None, label: str = ""
) -> Sending:
    """Build a probe from a fresh copy of the filled folder, live; return what was really sent.

    ``name`` is the list that becomes the folder's ``.dockerignore``. ``own`` is the list that becomes
    the Dockerfile's own ignore file.
    """
    label = label or (name or "no list")
    with live.watcher(f"context, {label}") as watch:
        return context.send(
            folder(),
            label,
            sample.dockerfile(dockerfile),
            engine.find(),
            ignore=_list(name) if name else None,
            own_ignore=_list(own) if own else None,
            watch=watch,
        )


def table(*sendings: Sending) -> pd.DataFrame:
    """Return one row for each measurement: bytes sent, paths that arrived, and the forecast."""
    rows = [
        (
            s.label,
            s.bytes / MB,
            s.seconds,
            len(s.arrived),
            "otherwise" if s.missed else "as forecast",
        )
        for s in sendings
    ]
    columns = ["ignore list", "sent MB", "sending s", "paths in the image", "they are"]
    return tables.frame(rows, columns=columns)


def chart(*sendings: Sending) -> Chart:
    """Draw the bytes that are sent with each list, by the kind of file."""
    needed = {entry.path for entry in sendings[-1].forecast.sent}
    frame = tables.frame({s.label: _by_kind(s.forecast, needed) for s in sendings}) / MB
    return plots.sent(frame.fillna(0.0), caption=sendings[0].result.conditions)


def _by_kind(surveyed: Survey, needed: set[str]) -> dict[str, int]:
    found = dict.fromkeys(plots.SENT, 0)
    for entry in surveyed.sent:
        found[_kind(entry.path, needed)] += entry.bytes
    return found


def _kind(path: str, needed: set[str]) -> str:
    parts = path.split("/")
    if path in needed:
        return "what the build needs"
    if path.startswith(f"{developer_folder.FIXTURES}/"):
        return "test fixtures"
    if "node_modules" in parts:
        return "node_modules"
    if parts[0] == ".git":
        return ".git"
    return "secrets (.env*)" if parts[-1] in (".env", ".env.local") else "logs, tools, reports, dist"


def passengers(sending: Sending) -> dict[str, int]:
    """Return the bytes that arrived, for each thing that claim X1 names."""
    return {name: sending.bytes_in(*tops) for name, tops in CLAIMED.items()}


def bytes_in_folder(sending: Sending) -> dict[str, int]:
    """Return the bytes in the folder, sent or not, for each thing that claim X1 names."""
    return {
        name: sum(e.bytes for e in sending.forecast.entries if _is_under(e.path, tops))
        for name, tops in CLAIMED.items()
    }


def _is_under(path: str, tops: tuple[str, ...]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def secrets_sent(sending: Sending) -> list[str]:
    """Return the files with a secret that arrived in the image."""
    return [path for path in developer_folder.SECRET_FILES if path in sending.arrived]


def let_through(sending: Sending, fuller: str) -> pd.DataFrame:
    """Return the bytes that were sent but that a fuller list keeps out, one row for each line."""
    rules = dockerignore.parse(_list(fuller))
    lines = {p.written: dockerignore.Rules((p,)) for p in rules.patterns if not p.readmits}
    found: dict[str, list[tuple[str, int]]] = {written: [] for written in lines}
    for path, (kind, size) in sorted(sending.arrived.items()):
        fits = (written for written, line in lines.items() if line.decide(path).kept_out)
        if kind == "file" and rules.decide(path).kept_out and (first := next(fits, None)):
            found[first].append((path, size))
    rows = [
        (written, len(files), sum(size for _, size in files) / MB, files[0][0])
        for written, files in found.items()
        if files
    ]
    return tables.frame(rows, columns=["kept out by", "files", "MB", "for example"])


def in_git_objects(sending: Sending) -> list[str]:
    """Return the Git objects that arrived and contain the fake key, which is compressed in them."""
    objects = secrets.in_git_objects(folder().path / ".git", FAKE_SECRET)
    return [f".git/{name}" for name in objects if f".git/{name}" in sending.arrived]


def try_patterns(patterns: str, *paths: str) -> pd.DataFrame:
    """Return for each path whether it would be sent, and the line that decides."""
    rules = dockerignore.parse(patterns)
    decisions = [(path, rules.decide(path)) for path in paths]
    rows = [
        (path, "stays" if d.kept_out else "sent", d.by.written if d.by else "no line matches")
        for path, d in decisions
    ]
    return tables.frame(rows, columns=["path", "it is", "decided by"])


def verdict(judgement: Judgement, *sendings: Sending) -> Judgement:
    """Record a judgement with the builds that it is based on; return it."""
    return verbs.verdict(judgement, *(sending.result for sending in sendings))


def build(name: str, ignore: str) -> BuildResult:
    """Build a Dockerfile of the sample app live from the filled folder, with an ignore list."""
    with context.twin(folder(), _list(ignore)) as copy, live.watcher(name) as watch:
        tag = f"workbook/{name}-{ignore}"
        return buildx.build(Request(sample.dockerfile(name), copy.path, tag), watch)


def _list(name: str) -> str:
    file: Path = paths.DOCKERFILES / f"{name}.dockerignore"
    if not file.is_file():
        known = ", ".join(sorted(f.stem for f in paths.DOCKERFILES.glob("*.dockerignore")))
        raise WorkbookError(f"There is no ignore list {name!r}; there are {known}.")
    return file.read_text(encoding="utf-8")
