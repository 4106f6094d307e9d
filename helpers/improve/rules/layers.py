"""Keep out of the shipped layers what no container needs: lists, caches, bytes that are stored twice."""

from __future__ import annotations

import posixpath
import re

from helpers.buildx.dockerfile import Instruction
from helpers.examine.rules import shell_commands
from helpers.improve.draft import Change, Draft, Edit

_CHANGES = re.compile(
    r"(?i)((git|vcs|ci|commit|build|source|app|release|image)_?)?"
    r"(sha1?|hash|commit|ref|rev|revision|date|timestamp|build_number|cache_?bust\w*)"
)


def _runs(draft: Draft) -> list[Instruction]:
    """Return the RUNs whose layers ship and whose text can be added to."""
    runs = [i for i in draft.shipped if i.keyword == "RUN"]
    return [i for i in runs if not i.heredocs and not i.value.startswith("[") and "||" not in i.value]


def lists_removed(draft: Draft) -> Change | None:
    """Propose to remove apt's lists in the step that fetched them."""
    edits, lines = [], []
    for run in _runs(draft):
        calls = shell_commands.commands(run)
        installs = any(c[0] in ("apt-get", "apt") and "install" in c for c in calls)
        if not installs or "/var/lib/apt" in run.value or "/var/lib/apt" in " ".join(run.flags):
            continue
        written = draft.raw(run).replace("\r", "").rstrip().split("\n")
        if written[-1].lstrip().startswith("#") or written[-1].endswith("\\"):
            continue
        if len(written) == 1:
            made = [f"{written[0]} && rm -rf /var/lib/apt/lists/*"]
        else:
            indent = written[-1][: len(written[-1]) - len(written[-1].lstrip())] or "    "
            made = [*written[:-1], f"{written[-1]} \\", f"{indent}&& rm -rf /var/lib/apt/lists/*"]
        edits.append(Edit(run.line, run.end, tuple(made)))
        lines.append(run.line)
    if not edits:
        return None
    return Change(
        "apt-lists",
        "apt's lists of packages stay in the layer, and no container reads them.",
        tuple(lines),
        draft.edited(edits),
    )


def no_cache_kept(draft: Draft) -> Change | None:
    """Propose the options with which apk and pip leave no cache in the layer."""
    edits, lines = [], []
    variables = " ".join(i.value for i in draft.shipped if i.keyword == "ENV")
    for run in _runs(draft):
        if "type=cache" in " ".join(run.flags):
            continue
        edit = None
        if re.search(r"\bapk add\b", run.value) and not re.search(
            "--no-cache|/var/cache/apk", run.value
        ):
            edit = draft.replaced(run, r"\bapk add\b", "apk add --no-cache")
        elif (
            re.search(r"\bpip3? install\b", run.value)
            and "no-cache" not in run.value
            and "PIP_NO_CACHE" not in variables
        ):
            edit = draft.replaced(run, r"\b(pip3?) install\b", r"\g<1> install --no-cache-dir")
        if edit:
            edits.append(edit)
            lines.append(run.line)
    if not edits:
        return None
    return Change(
        "package-caches",
        "The package manager's cache stays in the layer, and no container reads it.",
        tuple(lines),
        draft.edited(edits),
    )


def chown_in_copy(draft: Draft) -> Change | None:
    """Propose ``COPY --chown`` where a later ``chown -R`` stores every copied file a second time."""
    own = list(draft.stage.instructions)
    at = "/"
    for number, run in enumerate(own):
        if run.keyword == "WORKDIR" and "$" not in run.value:
            at = posixpath.join(at, run.value)
        found = (
            re.fullmatch(r"chown -R (\w+(?::\w+)?) (\S+)", run.value) if run.keyword == "RUN" else None
        )
        if not found or "$" in found[2] or run.flags:
            continue
        folder = posixpath.normpath(posixpath.join(at, found[2]))
        copies = [i for i in own[:number] if i.keyword in ("COPY", "ADD") and not i.flag("chown")]
        inside = [i for i in copies if _within(own, i, folder)]
        between = (
            [i for i in own[own.index(inside[0]) : number] if i.keyword == "RUN"] if inside else [run]
        )
        if not inside or between:
            continue
        edits = [
            e
            for i in inside
            if (e := draft.replaced(i, r"^(\s*(?i:COPY|ADD)\s+)", rf"\g<1>--chown={found[1]} "))
        ]
        plain = draft.replaced(run, "chown -R", "chown")
        if len(edits) != len(inside) or plain is None:
            continue
        return Change(
            "chown-in-copy",
            f"`{run.value}` stores every file below {folder} a second time.",
            (run.line,),
            draft.edited([*edits, plain]),
        )
    return None


def _within(own: list[Instruction], copy: Instruction, folder: str) -> bool:
    at = "/"
    for one in own[: own.index(copy)]:
        if one.keyword == "WORKDIR" and "$" not in one.value:
            at = posixpath.join(at, one.value)
    words = copy.words()
    to = posixpath.normpath(posixpath.join(at, words[-1])) if words else ""
    return to == folder or to.startswith(f"{folder}/")


def late_arguments(draft: Draft) -> Change | None:
    """Propose to declare what differs in each build as late as it is used."""
    for stage in draft.needed:
        own = list(stage.instructions)
        for at, argument in enumerate(own):
            found = (
                re.fullmatch(r"([A-Za-z_]\w*)(=\S*)?", argument.value)
                if argument.keyword == "ARG"
                else None
            )
            if not found or not _CHANGES.fullmatch(found[1]):
                continue
            use = re.compile(rf"\$\{{?{found[1]}\b|\b{found[1]}\b")
            below = own[at + 1 :]
            first = next(
                (
                    i
                    for i in below
                    if use.search(i.value) or use.search(" ".join([*i.heredocs, *i.flags]))
                ),
                None,
            )
            unused = below[: below.index(first)] if first else below
            if first is None or not any(i.keyword == "RUN" for i in unused):
                continue
            raw = tuple(draft.raw(argument).split("\n"))
            edits = [Edit(argument.line, argument.end, ()), Edit(first.line, first.line - 1, raw)]
            return Change(
                "late-argument",
                f"A new value of {found[1]} runs steps again that do not use it.",
                (argument.line,),
                draft.edited(edits),
                f"a new {found[1]} runs only what uses it",
            )
    return None
