"""Projects to examine, for the tests of rules: from a Dockerfile's text alone, or with files around it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from helpers.buildx import dockerfile as dockerfiles
from helpers.examine import gather
from helpers.examine.gather import Project, Sources


def of_text(
    text: str, target: str | None = None, build_args: Mapping[str, str] | None = None
) -> Sources:
    """Return what is known of a Dockerfile without its folder."""
    project = Project(Path("Dockerfile"), Path(), target, build_args or {})
    return Sources(project, dockerfiles.parse(text), None, None)


def of_folder(folder: Path, files: Mapping[str, str], file: str | None = None, **options) -> Sources:
    """Write a project's files into a folder, and return what is gathered of it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return gather.read(gather.find(folder, file, **options))
