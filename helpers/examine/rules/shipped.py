"""Rules on what ships though only the build needs it: told by the text, and measured in the image.

The text tells how a build's folder is copied whole. The image tells bytes: caches, tools, tests.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator

from helpers.buildx.dockerfile import Instruction, Stage
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.removable import CACHES, TESTS, TOOLS, Share
from helpers.examine.report import BuiltImage
from helpers.examine.rules import layers, purpose, reach, shell_commands
from helpers.examine.rules.layers import Walk
from helpers.host.tables import in_units

_WORTH_A_WORD = 1_000_000  # bytes of caches, or of tests and documentation
_TOOLS_WORTH_A_WORD = 10_000_000  # bytes of compilers and headers above the base
_BASE_WORTH_A_WORD = 100_000_000  # bytes of compilers and headers in the base

_EMPTIES = {  # what leaves a cache empty, by the end of its path
    "/.npm": "npm cache clean --force",
    "/apt/lists": "rm -rf /var/lib/apt/lists/*",
    "/cache/apt": "apt-get clean",
    "/cache/apk": "apk add --no-cache …",
    "/cache/dnf": "dnf clean all",
    "/cache/yum": "yum clean all",
    "/.cache/pip": "pip install --no-cache-dir …",
    "/.cache/uv": "uv cache clean",
    "/.cache/yarn": "yarn cache clean",
    "/share/.cache": "yarn cache clean",
    "/pkg/mod": "go clean -modcache",
}
_INTERPRETED = {  # projects whose sources are what runs
    *("composer.json", "manage.py", "Gemfile", "requirements.txt", "pyproject.toml", "setup.py"),
    *("mix.exs", "cpanfile", "artisan", "wsgi.py", "app.py"),
}
_CLEANS = re.compile(
    r"\brm -\w*r|\bfind\b.*-delete|\bgit clean\b|\bprune\b|--production\b|--omit[= ]dev"
)


def check(sources: Sources) -> list[Finding]:
    """Return a finding for each copy that takes over the whole folder in which a stage has built."""
    if sources.context is None:
        return []
    walk = layers.walk(sources)
    names = {entry.path.rpartition("/")[2] for entry in sources.survey.sent} if sources.survey else set()
    if purpose.develops(sources, walk) or names & _INTERPRETED:
        return []
    return [
        found
        for stage in sources.file.lineage(sources.project.target)
        for copy in stage.instructions
        for found in _whole_folder(sources, walk, copy)
    ]


def check_image(sources: Sources, image: BuiltImage, told: Collection[str] = ()) -> list[Finding]:
    """Return findings on the bytes of an image that only its build needs.

    ``told`` are the rules that found the cause in the text: of two findings on one cause one is left.
    """
    if purpose.develops(sources, layers.walk(sources)):
        return []
    shares = {share.what: share for share in image.removable}
    found: list[Finding] = []
    if CACHES in shares and shares[CACHES].own_bytes >= _WORTH_A_WORD:
        found.append(_caches(shares[CACHES]))
    if TESTS in shares and shares[TESTS].own_bytes >= _WORTH_A_WORD:
        found.append(_tests(shares[TESTS]))
    if TOOLS in shares and not {"one-stage", "full-size-base"} & set(told):
        found += _tools(sources, shares[TOOLS])
    return found


def _caches(share: Share) -> Finding:
    place = share.places[0][0]
    empties = next(
        (command for end, command in _EMPTIES.items() if place.endswith(end)), f"rm -rf {place}"
    )
    return Finding(
        "caches-shipped",
        "size",
        Severity.WARNING,
        None,
        f"The steps leave {in_units(share.own_bytes)} of package caches in the image: {_placed(share)}.",
        f"Empty it in the RUN that fills it: `{empties}`.{_mounted(place)}",
    )


def _mounted(place: str) -> str:
    """Return how a cache mount keeps a cache outside; empty where its user has no known number."""
    owner = ",uid=1000,gid=1000" if place.startswith("/home/node/") else ""
    if place.startswith("/home/") and not owner:
        return ""
    return f" Or keep it outside the image: `RUN --mount=type=cache,target={place}{owner} …`."


def _tests(share: Share) -> Finding:
    return Finding(
        "tests-shipped",
        "size",
        Severity.HINT,
        None,
        f"The image ships {in_units(share.own_bytes)} of tests and documentation: {_placed(share)}.",
        "Add their folders to the .dockerignore, or copy only what the program reads.",
    )


def _tools(sources: Sources, share: Share) -> Iterator[Finding]:
    """Yield a finding on tools that steps above the base installed, or that a full base brings."""
    base = sources.file.lineage(sources.project.target)[0].base
    from_base = share.bytes - share.own_bytes
    if share.own_bytes >= _TOOLS_WORTH_A_WORD:
        yield Finding(
            "build-tools-shipped",
            "size",
            Severity.WARNING,
            None,
            f"The image ships {in_units(share.own_bytes)} of compilers and headers that its own steps "
            "installed.",
            "Install them in an earlier stage, build there, and copy the result; or remove them in the "
            "RUN that installs them.",
        )
    elif from_base >= _BASE_WORTH_A_WORD:
        starts = [one.line for one in sources.file.instructions if one.keyword == "FROM"]
        lowest = sources.file.lineage(sources.project.target)[0]
        yield Finding(
            "build-tools-shipped",
            "size",
            Severity.WARNING,
            starts[lowest.index],
            f"The image ships {in_units(from_base)} of compilers and headers of its base `{base}`.",
            "End on a base without them, such as its `-slim` variant, and build in a stage above.",
        )


def _placed(share: Share) -> str:
    return ", ".join(f"{in_units(size)} in {place}" for place, size in share.places)


def _whole_folder(sources: Sources, walk: Walk, copy: Instruction) -> Iterator[Finding]:
    builder = sources.file.source_stage(copy.flag("from") or "") if copy.keyword == "COPY" else None
    if builder is None:
        return
    history = walk.history(builder)
    ran = [one.instruction for one in history if one.instruction.keyword == "RUN"]
    built = [(run, c) for run in ran for c in shell_commands.commands(run) if shell_commands.builds(c)]
    if not built or any(_CLEANS.search(run.value) for run in ran):
        return
    run, command = built[-1]
    folders = _filled(sources, builder)
    taken = [word for word in copy.words()[:-1] if reach.cleaned(word) in folders]
    if taken:
        yield Finding(
            "whole-build-folder",
            "size",
            Severity.HINT,
            copy.line,
            f"It copies all of {taken[0]} from `{builder.label}`, the sources and all that the build "
            f"needed too, not only what `{' '.join(command[:3])}` (line {run.line}) made.",
            "Copy only what the program reads while it runs: what was built, and the dependencies for "
            "production.",
        )


def _filled(sources: Sources, stage: Stage) -> set[str]:
    """Return the folders of a stage, or of those below it, into which the whole context is copied."""
    lineage = [stage]
    while (parent := sources.file.parent(lineage[-1])) is not None:
        lineage.append(parent)
    indices = {one.index for one in lineage}
    return {
        posixpath.normpath(one.folder)
        for one in reach.takings(sources)
        if one.stage.index in indices and one.copy.takes_all and posixpath.normpath(one.folder) != "/"
    }
