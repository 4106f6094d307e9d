"""Rules on what a build fetches by address: content that nothing in the Dockerfile pins.

The rules know which bytes are pinned only from the text: by a checksum, a signature, a commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from helpers.buildx import copies
from helpers.buildx.dockerfile import Instruction
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.rules import purpose, shell_commands
from helpers.examine.rules.layers import Walk
from helpers.examine.rules.shell_commands import Command

_GIT = re.compile(r"(git@|git://|ssh://)|.*\.git([?#].*)?$")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_VERIFIES = re.compile(
    r"\b(sha\d+(sum)?|shasum|md5sum|b2sum|gpgv?|rhash|cosign|minisign|signify|openssl dgst|slsa-verifier"
    r"|checksums?|sha256|SHA256)\b|(?i:_(sha\d*|checksum|sum|hash|digest)\b)"
)
_ARCHIVE = re.compile(r"\.(tar(\.\w+)?|tgz|txz|tbz2?|zip|gz|xz|bz2|jar|war|phar|deb|rpm|apk|whl)\b")
_RUNS = r"(sudo\s+)?(-E\s+)?[\w=./ -]*\b(sh|bash|python3?|php|tar|bsdtar|node)\b"
_ADDRESS = re.compile(r"https?://[^\s\"'|;&)]+")


def check(sources: Sources, walk: Walk) -> list[Finding]:
    """Return the findings for the stages that a build of the target runs."""
    found: list[Finding] = []
    unchecked: list[tuple[Instruction, str]] = []
    for stage in sources.file.needs(sources.project.target):
        own = [layer.instruction for layer in walk.own[stage.index]]
        for at, instruction in enumerate(own):
            below = next((i for i in own[at + 1 :] if i.keyword == "RUN"), None)
            found += _remote_add(instruction, below)
            found += _clone(instruction)
            unchecked += [(instruction, address) for address in _unchecked(instruction)]
    if unchecked and not purpose.develops(sources, walk):
        found.append(_unpinned(unchecked))
    return found


def _remote_add(instruction: Instruction, below: Instruction | None) -> Iterator[Finding]:
    if instruction.keyword != "ADD" or instruction.flag("checksum"):
        return
    for source in copies.written(instruction):
        fetched = source.startswith(("http://", "https://")) and not _GIT.fullmatch(source)
        if fetched and not _COMMIT.search(source) and not (below and _VERIFIES.search(_text(below))):
            yield Finding(
                "remote-add",
                "cache",
                Severity.WARNING,
                instruction.line,
                f"`ADD {source}` asks the server in each build, and the steps below run again when its "
                "answer changes.",
                "Add `--checksum=sha256:…`, which pins the content and makes the cache depend on it.",
            )


def _clone(instruction: Instruction) -> Iterator[Finding]:
    ran = shell_commands.commands(instruction) if instruction.keyword == "RUN" else []
    clones = [c for c in ran if c[0] == "git" and "clone" in c[:4] and not _pins(c)]
    pinned = any(c[0] == "git" and {"checkout", "reset", "switch", "fetch"} & set(c[:4]) for c in ran)
    if clones and not pinned:
        yield Finding(
            "stale-clone",
            "cache",
            Severity.HINT,
            instruction.line,
            "The cache keeps what `git clone` fetched the first time; other machines get another state.",
            "Check out a commit by its id: then the step's text says what it fetches.",
        )


def _pins(clone: Command) -> bool:
    return any(re.match(r"(-b|--branch|--revision)", word) for word in clone)


def _unchecked(run: Instruction) -> Iterator[str]:
    """Yield the addresses whose content a RUN runs or unpacks without a look at a checksum."""
    text = _text(run)
    if run.keyword != "RUN" or _VERIFIES.search(text):
        return
    ran = shell_commands.commands(run)
    unpacks = any(
        c[0] in ("tar", "unzip", "bsdtar", "7z", "dpkg", "rpm", "gunzip", "apt", "apt-get")
        and (c[0] not in ("apt", "apt-get") or any("/" in word for word in c[2:]))
        for c in ran
    )
    for command in ran:
        if command[0] not in ("curl", "wget"):
            continue
        address = next((a for word in command if (a := "".join(_ADDRESS.findall(word)[:1]))), "")
        piped = re.search(rf"{re.escape(address)}[^;&]*?\|\s*{_RUNS}", text)
        kept = unpacks and _ARCHIVE.search(address)
        if address and not _COMMIT.search(address) and (piped or kept):
            yield address


def _unpinned(unchecked: Sequence[tuple[Instruction, str]]) -> Finding:
    first, address = unchecked[0]
    lines = [str(line) for line in sorted({run.line for run, _ in unchecked} - {first.line})]
    others = f" So {'do lines' if lines[1:] else 'does line'} {' and '.join(lines)}." if lines else ""
    plain = next((a for _, a in unchecked if a.startswith("http://")), "")
    return Finding(
        "unchecked-download",
        "style",
        Severity.WARNING if plain else Severity.HINT,
        first.line,
        f"This step runs or unpacks what {plain or address} sends, whatever that is.{others}",
        'Save it to a file and compare it first: `echo "…  FILE" | sha256sum -c -`; or fetch it with '
        "`ADD --checksum=sha256:…`.",
    )


def _text(instruction: Instruction) -> str:
    return "\n".join([instruction.value, *instruction.heredocs])
