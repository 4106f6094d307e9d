"""The terminal command ``python -m helpers examine PATH``: its arguments, its report."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.buildx import live
from helpers.examine import gather
from helpers.examine.run import examine
from helpers.host import unforeseen
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

_NARROWEST = 100  # columns that the tables need to be read


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command with its arguments to a parser's commands."""
    parser = commands.add_parser(
        "examine",
        help="Report on any project with a Dockerfile: sizes, layers, waste, context, cache.",
        description="Report on any project with a Dockerfile. The project is only read. The exit "
        "code is 1 when its image could not be built. What stands behind `--` goes to `docker buildx "
        "build` as it is, such as `-- --secret id=token,src=token.txt`.",
    )
    add_project(parser)
    parser.add_argument("--no-build", action="store_true", help="only what can be read")
    parser.add_argument("--no-rebuild", action="store_true", help="no second build after an edit")
    add_files(parser)


def add_project(parser: ArgumentParser) -> None:
    """Add the arguments that name a project and its build."""
    parser.add_argument("path", type=Path, help="the project's folder, or its Dockerfile")
    parser.add_argument("--file", help="the Dockerfile's path from that folder")
    parser.add_argument("--context", type=Path, help="the build context, when it is not that folder")
    parser.add_argument("--target", help="the stage to stop at")
    parser.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="as often as needed",
    )


def add_files(parser: ArgumentParser) -> None:
    """Add the arguments that name the files of a report."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON too")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page too")


def project_of(arguments: Namespace, extra: Sequence[str]) -> gather.Project:
    """Return the project that the arguments name; ``extra`` goes to ``docker buildx build``."""
    return gather.find(
        arguments.path,
        arguments.file,
        context=arguments.context,
        target=arguments.target,
        build_args=dict(pair("--build-arg", given) for given in arguments.build_arg),
        extra=extra,
    )


@unforeseen.told()
def run(arguments: Namespace, extra: Sequence[str] = ()) -> None:
    """Examine a project, print the report, write the files; exit with 1 when there is no image.

    ``extra`` holds further arguments of ``docker buildx build``.
    """
    project = project_of(arguments, extra)
    for file in filter(None, (arguments.json, arguments.html)):
        check_place(file, project)
    report = examine(
        project,
        build=not arguments.no_build,
        measure_rebuild=not arguments.no_rebuild,
        watching=live.watcher,
    )
    show(report.to_text(width()))
    if arguments.json:
        write(arguments.json, report.to_json())
    if arguments.html:
        write(arguments.html, report.to_html())
    if report.failure:
        sys.exit(1)


def width() -> int:
    """Return the columns of the terminal that the tables may fill."""
    return max(_NARROWEST, shutil.get_terminal_size((120, 24)).columns)


def show(text: str) -> None:
    """Print to a terminal that may lack some characters, or to a pipe that may close early."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def pair(option: str, given: str) -> tuple[str, str]:
    """Return name and value of ``NAME=VALUE``. Raises `WorkbookError` for another form."""
    name, equals, value = given.partition("=")
    if not (name and equals):
        raise WorkbookError(f"{option} {given!r} must read NAME=VALUE.")
    return name, value


def check_place(file: Path, project: gather.Project) -> None:
    """Raise `WorkbookError` before the build if ``file`` is in the project or cannot be written."""
    try:
        place = file.resolve()
        in_a_folder, is_folder = place.parent.is_dir(), place.is_dir()
    except (OSError, RuntimeError) as error:
        raise WorkbookError(f"{file} cannot be written: {error}; choose another place.") from None
    if place.is_relative_to(project.context):
        raise WorkbookError(
            f"{file} lies in the project, which is never changed; choose a place outside it."
        )
    if not in_a_folder:
        raise WorkbookError(f"There is no folder {place.parent} for {file.name}; make it first.")
    if is_folder:
        raise WorkbookError(f"{file} is a folder; name a file.")


def write(file: Path, text: str) -> None:
    """Write a file and say so. Raises `WorkbookError` when it cannot be written."""
    try:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise WorkbookError(f"{file} cannot be written: {error.strerror}.") from None
    show(f"written: {file}")
