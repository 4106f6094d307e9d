"""How the program starts: as a user that is not root, and without a shell or npm before it."""

from __future__ import annotations

import json
import re
import shlex

from helpers.buildx.dockerfile import Instruction
from helpers.image import attack_surface
from helpers.improve.draft import Change, Draft, Edit

_OF_A_SHELL = re.compile(r"[$&|;<>*?`()\[\]{}~#\\\n!]|^\w+=")
_WRITES = re.compile(
    r"writeFile|createWriteStream|appendFile|mkdir|sqlite|multer|lowdb|nedb|formidable|unlink|rmSync|level\("
    r"|os\.(Create|WriteFile|OpenFile|Mkdir|Remove)|\bopen\([^)\n]*['\"][wax]b?\+?['\"]|write_text|write_bytes"
    r"|makedirs|shutil|FileHandler|\.save\("
)
_ASKS = re.compile(
    r"CMD (?:curl|wget)(?: -{1,2}[\w-]+)* ?[\"']?(https?://[\w.:/-]+)[\"']?(?: \|\| exit 1)?"
)
_WITH_FETCH = 18  # the first version of Node that has fetch by itself
_USERS = {
    r"(docker\.io/)?(library/)?node(:|$)": "node",
    r"(docker\.io/)?(library/)?python(:|$)": "nobody",
    r"gcr\.io/distroless/static(-|:|$)": "nonroot",
}
_RUNNERS = ("npm", "yarn", "pnpm", "npx")
_FOR_ROOT = 1024  # ports below are for root, by Linux's default
_PASSING = ("/proc", "/run", "/dev", "/root/.npm", "/home", "/var/log", "/root/.cache")
_FOR_ALL = "/tmp/"  # noqa: S108 - the image's


def other_user(draft: Draft) -> Change | None:
    """Propose a user that the base has where root runs a program that writes no file."""
    base = draft.file.lineage(draft.project.target)[0].base
    found = (user for pattern, user in _USERS.items() if re.match(pattern, base))
    user = next(found, None)
    return _run_as(draft, user) if user else None


def _run_as(draft: Draft, user: str) -> Change | None:
    seen = draft.seen
    if seen is None or not attack_surface.is_root(str(seen.settings.get("User") or "")):
        return None
    if seen.settings.get("Volumes"):
        return None
    if any(not _passing(path) for path in seen.wrote) or _writes(draft):
        return None
    if any(port < _FOR_ROOT for port in seen.ports):
        return None  # not every runtime lets another user listen there
    starts = [i for i in draft.stage.instructions if i.keyword in ("CMD", "ENTRYPOINT")]
    makes = [i for i in draft.stage.instructions if i.keyword in ("RUN", "COPY", "ADD", "WORKDIR")]
    users = [i for i in draft.stage.instructions if i.keyword == "USER"]
    if not starts or users or (makes and makes[-1].line > starts[0].line):
        return None
    line = starts[0].line
    return Change(
        "other-user",
        "The process runs as root, and was not seen to write a file that only root may.",
        (line,),
        draft.edited([Edit(line, line - 1, (f"USER {user}",))]),
        "the process is not root",
        takes_away=True,
    )


def health_by_node(draft: Draft) -> Change | None:
    """Propose that node asks for the health, where curl or wget would need the larger base."""
    stage, version = draft.stage, _node_version(draft)
    base = draft.file.lineage(draft.project.target)[0].base
    if version < _WITH_FETCH or not _has_user_node(draft) or re.search("slim|alpine", base):
        return None
    for one in stage.instructions:
        words = " ".join(one.value.split())
        found = _ASKS.fullmatch(words) if one.keyword == "HEALTHCHECK" else None
        if not found:
            continue
        script = f"fetch('{found[1]}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
        command = json.dumps(["node", "-e", script], ensure_ascii=False)
        flags = "".join(f"{flag} " for flag in one.flags)
        return Change(
            "health-by-node",
            "The health check needs a program that a smaller base does not have.",
            (one.line,),
            draft.edited([Edit(one.line, one.end, (f"HEALTHCHECK {flags}CMD {command}",))]),
            "the health check needs only node",
        )
    return None


def _node_version(draft: Draft) -> int:
    variables = map(str, (draft.seen.settings.get("Env") if draft.seen else None) or ())
    found = (re.match(r"NODE_VERSION=(\d+)", variable) for variable in variables)
    return next((int(match[1]) for match in found if match), 0)


def _has_user_node(draft: Draft) -> bool:
    return bool(
        re.match(r"(docker\.io/)?(library/)?node(:|$)", draft.file.lineage(draft.project.target)[0].base)
    )


def _passing(path: str) -> bool:
    if path.startswith(_FOR_ALL):
        return True
    return any(path == p or path.startswith(f"{p}/") or p.startswith(f"{path}/") for p in _PASSING)


def _writes(draft: Draft) -> bool:
    """Whether a source of the project seems to write files, or whether that is not known."""
    if any(text is None or _WRITES.search(text) for text in draft.sources()):
        return True
    return "sqlite" in " ".join(draft.package.get("dependencies") or {})


def exec_form(draft: Draft) -> Change | None:
    """Propose the JSON form for a start that needs no shell, and node itself where npm only calls it."""
    edits, lines = [], []
    for one in draft.stage.instructions:
        if one.keyword not in ("CMD", "ENTRYPOINT"):
            continue
        words = _words(one)
        direct = _of_script(draft, words) if words else None
        of_npm = (
            words is not None and words[:1] != [] and words[0] in _RUNNERS
        )  # it would be process 1 in the shell's place
        new = direct or (None if of_npm or one.value.startswith("[") else words)
        if new is None:
            continue
        edits.append(Edit(one.line, one.end, (f"{one.keyword} {json.dumps(new, ensure_ascii=False)}",)))
        lines.append(one.line)
    if not edits or any(i.keyword == "SHELL" for i in draft.stage.instructions):
        return None
    return Change(
        "exec-form",
        "A shell or npm is process 1, and does not hand on the signal that stops a container.",
        tuple(lines),
        draft.edited(edits),
        "the program itself gets the signal to stop",
    )


def _words(one: Instruction) -> list[str] | None:
    if one.value.startswith("["):
        try:
            found = json.loads(one.value)
        except ValueError:
            return None
        return [str(word) for word in found] if isinstance(found, list) else None
    if _OF_A_SHELL.search(one.value) or one.value.startswith(("exec ", "cd ")):
        return None
    try:
        return shlex.split(one.value)
    except ValueError:
        return None


def _of_script(draft: Draft, words: list[str]) -> list[str] | None:
    """Return the command of a script that npm would start, if it is node with plain arguments."""
    run = words[1:] if words[0] in _RUNNERS else []
    name = "start" if run == ["start"] else run[1] if len(run) == 2 and run[0] == "run" else ""
    scripts = draft.package.get("scripts") or {}
    script = str(scripts.get(name, ""))
    if not name or {f"pre{name}", f"post{name}"} & set(scripts) or _OF_A_SHELL.search(script):
        return None
    if _reads_npm_variables(draft):
        return None
    try:
        found = shlex.split(script)
    except ValueError:
        return None
    return found if found[:1] == ["node"] and len(found) > 1 else None


def _reads_npm_variables(draft: Draft) -> bool:
    return any(text is None or "npm_" in text for text in draft.sources())
