"""A second stage on Python's slim base: what pip installs comes along in a virtual environment."""

from __future__ import annotations

import re

from helpers.buildx.dockerfile import Instruction
from helpers.examine.rules import shell_commands
from helpers.improve.draft import Change, Draft, Edit, Seen
from helpers.improve.rules import bases, stages

_HOME = "/opt/venv"
_PIP = re.compile(r"\b(pip3?|python3? -m pip) install\b")
_OTHER = re.compile(r"--(user|target|prefix|root)\b|\b(poetry|pipenv|uv|conda|pdm|virtualenv|venv)\b")
_OF_PIP = re.compile(r"/usr/local/(lib/python[\d.]+|bin|share|include|etc|man)(/|$)")
_OF_THE_BUILD = re.compile(r"/(root|tmp|run|proc|sys|dev|var|usr/(lib|bin|share|include)|etc)(/|$)")


def second_stage(draft: Draft) -> Change | None:
    """Propose to install into a virtual environment in a builder stage, and to ship the slim base."""
    seen, start, own = draft.seen, draft.start_of(draft.stage), list(draft.stage.instructions)
    if seen is None or not draft.single or draft.stage.name or draft.project.target:
        return None
    if (
        not re.match(r"(docker\.io/)?(library/)?python(:|$)", draft.stage.base)
        or "@" in draft.stage.base
    ):
        return None
    runs = [i for i in own if i.keyword == "RUN"]
    installs = [i for i in runs if _PIP.search(i.value)]
    tools = [i for i in runs if i not in installs and stages.only_build_tools(i)]
    root = str(seen.settings.get("WorkingDir") or "/")
    if (
        not installs
        or len(installs) + len(tools) != len(runs)
        or root == "/"
        or not _fits(draft, seen, own, root)
    ):
        return None
    slim = bases.slim(draft)
    if "slim" in draft.stage.base and tools:
        base = draft.raw(start).split()[-1]
    elif slim:
        base = slim.draft.start_of(slim.draft.stage).value.split()[0]
    else:
        return None
    first = installs[0]
    users = [i for i in own if i.keyword == "USER"]
    if users and users[0].line < first.line:
        return None  # another user may not write the environment
    moved = [i for i in own if i.keyword in stages.STARTS or i.keyword == "USER"]
    settings = [line for i in own if i.keyword == "ENV" for line in stages.raw_lines(draft, i)]
    path = f"ENV PATH={_HOME}/bin:$PATH"
    tail = ["", f"FROM {base}", *settings, path, f"WORKDIR {root}"]
    tail += [f"COPY --from=build {_HOME} {_HOME}", f"COPY --from=build {root} {root}"]
    for one in moved:
        tail += stages.block(draft, one)
    end = len(draft.text.removesuffix("\n").split("\n"))
    named = draft.raw(start).rstrip("\r")
    edits = [
        Edit(start.line, start.end, (f"{named} AS build",)),
        Edit(first.line, first.line - 1, (f"RUN python -m venv {_HOME}", path)),
        *(stages.without(draft, i) for i in moved),
        Edit(end + 1, end, tuple(tail)),
    ]
    return Change(
        "second-stage",
        "The only stage ships: compilers, headers and what pip leaves are in the image.",
        (start.line,),
        draft.edited(edits),
        takes_away=True,
    )


def _fits(draft: Draft, seen: Seen, own: list[Instruction], root: str) -> bool:
    """Whether the environment and the app's folder are all that the program has, and none is named."""
    if any(i.keyword in ("ONBUILD", "SHELL") or i.flag("from") for i in own):
        return False
    texts = [i.value for i in own if i.keyword in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ENV")]
    if any(_OTHER.search(text) or "/usr/local" in text for text in texts):
        return False
    for run in (i for i in own if i.keyword == "RUN" and _PIP.search(i.value)):
        known = {c for _, c in shell_commands.installs(run)}
        if any(
            c not in known and c[0] not in ("rm", "pip", "pip3") for c in shell_commands.commands(run)
        ):
            return False
    return all(
        file.layer < seen.base_layers
        or file.kind == "directory"
        or file.path.startswith(f"{root}/")
        or _OF_PIP.match(file.path)
        or _OF_THE_BUILD.match(file.path)
        for file in seen.files
    )
