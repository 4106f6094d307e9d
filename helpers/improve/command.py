"""The terminal command ``python -m helpers improve PATH``: its arguments, its report, its files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.buildx import live
from helpers.examine import command as examine_command
from helpers.host import unforeseen
from helpers.host.errors import WorkbookError
from helpers.improve.report import Improvement
from helpers.improve.trial import MINUTES, improve

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from helpers.examine import Project

_PATCH = "improve.patch"


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command with its arguments to a parser's commands."""
    parser = commands.add_parser(
        "improve",
        help="Propose changes to a Dockerfile, prove each by building and running it, print a patch.",
        description="Propose changes to a project's Dockerfile and ignore file, one at a time. Each is "
        "built and run, and kept when the image does what it did before and gains something. The "
        "project is only read, unless --apply is given. The exit code is 1 when nothing could be "
        "tried. What stands behind `--` goes to `docker buildx build` as it is.",
    )
    examine_command.add_project(parser)
    parser.add_argument(
        "--probe",
        action="append",
        default=[],
        metavar="REQUEST",
        help="a request that must be answered as before, such as 'GET /items', as often as needed",
    )
    parser.add_argument(
        "--check",
        metavar="COMMAND",
        help="a line of shell that must pass in the container; where its image has no shell, it runs in "
        "a container beside it that shares its network; where its process has ended, in one of its own",
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="what the start needs"
    )
    parser.add_argument("--env-file", type=Path, metavar="FILE", help="the same, one a line")
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help=f"begin no further change after this time (default {MINUTES:g})",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the patch and new files there")
    examine_command.add_files(parser)
    parser.add_argument(
        "--apply",
        action="store_true",
        help="change the files in the project, if git has them without changes of yours",
    )


@unforeseen.told()
def run(arguments: Namespace, extra: Sequence[str] = ()) -> None:
    """Improve a project, print the report, write the files; exit with 1 when nothing was tried.

    ``extra`` holds further arguments of ``docker buildx build``.
    """
    project = examine_command.project_of(arguments, extra)
    written = (arguments.json, arguments.html, arguments.out and arguments.out / _PATCH)
    if arguments.out:
        _make(arguments.out, project)
    for file in filter(None, written):
        examine_command.check_place(file, project)
    if arguments.apply:
        _require_clean(project)
    found = improve(
        project,
        probes=arguments.probe,
        check=arguments.check,
        environment=_environment(arguments.env, arguments.env_file),
        minutes=arguments.minutes,
        watching=live.watcher,
    )
    examine_command.show(found.to_text(examine_command.width()))
    if arguments.json:
        examine_command.write(arguments.json, found.to_json())
    if arguments.html:
        examine_command.write(arguments.html, found.to_html())
    if arguments.out:
        write_files(found, arguments.out)
    if arguments.apply:
        _require_clean(project)
        for path, text in found.files.items():
            _write_bytes(Path(found.folder) / path, text)
    if found.failure:
        sys.exit(1)


def _environment(pairs: Sequence[str], file: Path | None) -> Mapping[str, str]:
    """Return the variables of ``--env`` and ``--env-file``; those of the first win.

    No value appears in an error.
    """
    found: dict[str, str] = {}
    if file:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise WorkbookError(f"{file} cannot be read as text; check the path.") from None
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            name, equals, value = line.strip().partition("=")
            if not (name and equals):
                raise WorkbookError(f"Line {number} of {file} must read NAME=VALUE.")
            found[name] = value
    for given in pairs:
        name, equals, value = given.partition("=")
        if not (name and equals):
            raise WorkbookError("Each --env must read NAME=VALUE.")
        found[name] = value
    return found


def write_files(found: Improvement, folder: Path) -> None:
    """Write the patch and each new file into a folder. Raises `WorkbookError` when that fails."""
    _write_bytes(folder / _PATCH, found.patch)
    for path, text in found.files.items():
        _write_bytes(folder / path, text)


def _make(folder: Path, project: Project) -> None:
    if folder.resolve().is_relative_to(project.context):
        raise WorkbookError(f"{folder} lies in the project, which is only read; choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbookError(f"{folder} cannot be made: {error.strerror}.") from None


def _write_bytes(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    except OSError as error:
        raise WorkbookError(f"{file} cannot be written: {error.strerror}.") from None
    examine_command.show(f"written: {file}")


def _require_clean(project: Project) -> None:
    """Raise `WorkbookError` unless git has the Dockerfile and the ignore file as they are on disk."""
    files = (
        project.dockerfile,
        project.context / ".dockerignore",
        project.dockerfile.with_name(f"{project.dockerfile.name}.dockerignore"),
    )
    for file in files:
        if not file.exists() and not file.is_symlink():
            continue
        said = _git(file, "status", "--porcelain", "--ignored", "--untracked-files=all", "--", file.name)
        if said is None:
            raise WorkbookError(f"git does not know {file}, so --apply leaves it; take the patch.")
        if said.strip():
            raise WorkbookError(
                f"{file} has changes that git does not have, so --apply leaves it; commit them, or take "
                "the patch."
            )


def _git(file: Path, *words: str) -> str | None:
    """Return what git says about a file; None when there is no git, or no repository."""
    command = ["git", "-C", str(file.parent), "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
