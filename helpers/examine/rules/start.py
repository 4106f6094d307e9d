"""Rules on how an image starts: which program is process 1, and in which mode it runs.

Only process 1 gets the signal of ``docker stop``. A shell or npm in that place keeps it from the
program, which Docker kills ten seconds later. The rules know a base's shell only by the base's name.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from helpers.buildx.dockerfile import Instruction, Stage
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import layers, purpose, shell_commands
from helpers.examine.rules.layers import Walk

_OFFICIAL = re.compile(r"(?:docker\.io/)?(?:library/)?([\w.-]+)(?::([\w.-]+))?(?:@.*)?")
_DASH = {
    *("buildpack-deps", "debian", "eclipse-temurin", "golang", "gradle", "maven", "node", "perl", "php"),
    *("python", "ruby", "rust", "ubuntu"),
}
_OTHER_SHELL = re.compile(r"alpine|windows|nanoserver|servercore|ubi|oracle|amazon|al20|noble-chiseled")
_PACKAGE_MANAGERS = ("npm", "yarn", "pnpm")
_WRITTEN_FOR_IT = re.compile(
    r"\b(exec|trap|wait|tini|dumb-init|s6-\w+|supervisord?|runsv\w*|su-exec|gosu|setpriv)\b|[^&>]&\s*$",
    re.M,
)
_SHORT = {  # a script that ends with one of these has done its work
    *(":", ".", "[", "cat", "cd", "chmod", "chown", "cp", "echo", "exit", "export", "false", "ln", "ls"),
    *(
        "mkdir",
        "mv",
        "printf",
        "return",
        "rm",
        "sed",
        "set",
        "shift",
        "sleep",
        "source",
        "test",
        "touch",
    ),
    *(
        "true",
        "unset",
        "curl",
        "wget",
        "tar",
        "grep",
        "find",
        "date",
        "pwd",
        "env",
        "}",
        "fi",
        "done",
        "esac",
    ),
}
_SHELL_SYNTAX = re.compile(r"[|&;<>()`$*?{}~#=\\]")
_EXPRESS = {
    "express",
    "@nestjs/platform-express",
    "@feathersjs/express",
    "apollo-server-express",
    "sails",
}


def check(sources: Sources) -> list[Finding]:
    """Return the findings on the process that an image starts; one for development has none."""
    walk = layers.walk(sources)
    if purpose.develops(sources, walk):
        return []
    stage = sources.file.stage(sources.project.target)
    found = _process_one(sources, walk, stage)
    return [*([found] if found else []), *_mode(sources, walk, stage)]


def _process_one(sources: Sources, walk: Walk, stage: Stage) -> Finding | None:
    """Return what keeps the stop signal from the program: the entrypoint's script first, then CMD."""
    file = sources.file
    entry, command = purpose.entry_and_command(file.lineage(sources.project.target))
    base = walk.base(stage)
    official = _OFFICIAL.fullmatch(base)
    if official is None:
        return None  # a base of unknown origin may bring an entrypoint of its own
    history = walk.history(stage)
    dash = (
        official[1] in _DASH
        and not _OTHER_SHELL.search(official[2] or "")
        and not (history and history[-1].shell)
    )
    exposes = any(layer.instruction.keyword in ("EXPOSE", "HEALTHCHECK") for layer in history)
    for begun in filter(None, (entry, command)):
        scripts = purpose.started_files(sources, begun)
        reached = layers.taken(sources, stage) or ()
        for path, text in scripts.items():
            last = _left_running(path, text) if path in reached else ""
            if last and (exposes or "$@" in last):
                return _script(begun, path, last)
        if begun is entry and not any('exec "$@"' in text for text in scripts.values()):
            return _shell(begun, begun.value) if dash and _runs_in_dash(begun) else None
        if begun is command:
            return _started(sources, stage, begun, dash=dash)
    return None


def _left_running(path: str, text: str) -> str:
    """Return the last command of a shell script when the shell waits for it as process 1, or ""."""
    first = text.split("\n", 1)[0]
    is_shell = re.search(r"\b(ba|da|a)?sh\b", first) if first.startswith("#!") else path.endswith(".sh")
    if _WRITTEN_FOR_IT.search(text) or not is_shell:
        return ""
    lines = [line.strip() for line in re.sub(r"\\\r?\n", " ", text).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    last = lines[-1] if lines else ""
    ran = list(shell_commands.in_text(last))
    if len(ran) != 1 or ran[0][0] in _SHORT or re.search(r"[|;&()<>]", last):
        return ""
    return " ".join(last.split())


def _script(begun: Instruction, path: str, last: str) -> Finding:
    return Finding(
        "no-exec",
        "style",
        Severity.WARNING,
        begun.line,
        f"{path} waits for `{_cut(last)}` as process 1: a shell passes on no signal, so `docker stop` "
        "waits ten seconds and then kills the program.",
        f"Write `exec {_cut(last)}` in its last line: the program then takes the shell's place.",
    )


def _started(sources: Sources, stage: Stage, command: Instruction, *, dash: bool) -> Finding | None:
    ran = shell_commands.commands(command)
    if not ran or re.search(r"\bexec\b", command.value):
        return None
    name = purpose.script_named(ran[-1])
    if len(ran) == 1 and ran[0][0] in _PACKAGE_MANAGERS and name:
        return _package_manager(sources, stage, command, ran[0][0], name, dash=dash)
    return _shell(command, command.value) if dash and _runs_in_dash(command) else None


def _runs_in_dash(begun: Instruction) -> bool:
    """Whether Debian's ``sh`` runs it, and waits for its last command."""
    words = begun.words()
    if begun.value.startswith("["):
        if len(words) < 3 or words[0] not in ("sh", "/bin/sh") or words[1] != "-c":
            return False
        text = words[2]
    else:
        text = begun.value
    ran = list(shell_commands.in_text(text))
    return bool(ran) and not _WRITTEN_FOR_IT.search(text) and ran[-1][0] not in _SHORT


def _shell(begun: Instruction, value: str) -> Finding:
    text = begun.words()[2] if value.startswith("[") else value
    parts = re.split(r"(&&|;)", text)
    last = parts[-1].strip()
    if len(parts) == 1 and not _SHELL_SYNTAX.search(text):
        how = f"`{begun.keyword} {json.dumps(_words(text))}`"
        remedy = f"Write {how}, the JSON form, which starts no shell."
    else:
        settings = re.match(r"(?:[A-Za-z_]\w*=\S*\s+)*", last)
        at = settings.end() if settings else 0
        remedy = f"Write `exec` in front of the last program: `{_cut(last[:at] + 'exec ' + last[at:])}`."
    return Finding(
        "no-exec",
        "style",
        Severity.WARNING,
        begun.line,
        f"`{begun.keyword} {_cut(value)}` makes a shell process 1, which passes on no signal: "
        "`docker stop` waits ten seconds and then kills the program.",
        remedy,
    )


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _package_manager(
    sources: Sources, stage: Stage, command: Instruction, tool: str, name: str, *, dash: bool
) -> Finding:
    does = (
        f"`{tool}` is process 1 and starts the program in a shell: the signal of `docker stop` ends "
        "that shell, and the program is killed without a chance to finish its work."
        if dash
        else f"`{tool}` stays in memory as process 1, only to wait for the program that it started."
    )
    scripts: dict[str, Any] = {}
    known = [m.get("scripts", {}) for m in purpose.manifests(sources, stage)]
    known = [found for found in known if isinstance(found, dict)]
    with_it = [found for found in known if name in found]
    if with_it:
        scripts = with_it[0] if len(with_it) == 1 else {}
    elif len(known) == 1 and name == "start" and tool == "npm":
        scripts = {"start": "node server.js"}  # npm's own start
    text = scripts.get(name)
    around = {f"pre{name}", f"post{name}"} & set(scripts)
    words = _words(text) if isinstance(text, str) and not _SHELL_SYNTAX.search(text) else []
    if words[:1] == ["node"] and not around:
        remedy = f"Write `CMD {json.dumps(words)}`, which is what the script `{name}` runs."
    else:
        remedy = (
            f"Start the program itself, in JSON form: what the script `{name}` of package.json runs."
        )
    return Finding(
        "package-manager-starts",
        "style",
        Severity.WARNING if dash else Severity.HINT,
        command.line,
        does,
        remedy,
    )


def _mode(sources: Sources, walk: Walk, stage: Stage) -> Iterator[Finding]:
    """Find a server on Express whose image leaves NODE_ENV unset."""
    official = _OFFICIAL.fullmatch(walk.base(stage))
    _, command = purpose.entry_and_command(sources.file.lineage(sources.project.target))
    history = walk.history(stage)
    said = [command.value if command else "", *purpose.scripts_run(sources)]
    said += [
        layer.instruction.value for layer in history if layer.instruction.keyword in ("ENV", "COPY")
    ]
    if official is None or official[1] != "node" or command is None or _runs_no_node(command):
        return
    serves = any(
        isinstance(found, dict) and _EXPRESS & found.keys()
        for manifest in purpose.manifests(sources, stage)
        for found in [manifest.get("dependencies")]
    )
    if serves and not any(re.search(r"NODE_ENV|(^|[\s/])\.env", text) for text in said):
        yield Finding(
            "node-env-unset",
            "style",
            Severity.HINT,
            command.line,
            "NODE_ENV is not set, so Express runs as for development: it sends stack traces to clients, "
            "and compiles its views for each request.",
            f"Write `ENV NODE_ENV=production` just above line {command.line}, below the installs.",
        )


def _runs_no_node(command: Instruction) -> bool:
    ran: Sequence[shell_commands.Command] = shell_commands.commands(command)
    return not any(c[0] in ("node", *_PACKAGE_MANAGERS) for c in ran)


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:58]} …"
