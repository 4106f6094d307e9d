"""Explain in one sentence why a build failed, from its steps, its log and the command's exit code."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from helpers.buildx import step_log
from helpers.buildx.context import printable
from helpers.buildx.stream import Progress, Step
from helpers.engine import LOST, EngineError
from helpers.host import disk_full
from helpers.host.errors import WorkbookError, redacted

_PLUGIN_KILLED = 255
_ENGINE_LOST = (
    "Cannot connect to the Docker daemon",
    "error during connect",
    "error reading from server",
    "transport is closing",
    "code = Unavailable",
)
_PREFIXES = ("ERROR: ", "failed to build: ", "failed to solve: ", "failed to compute cache key: ")
_EXIT_CODE = re.compile(r"process \".*\" did not complete successfully: (exit code: \d+)\Z", re.DOTALL)
_KILLED = (
    "The `docker buildx` command was killed in the middle of the build, as the system does when memory "
    "is short; look what takes it and run the cell again."
)
_NPM = r"^npm (?:error|ERR!) .*"
_NO_REGISTRY = re.compile(
    _NPM + r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH"
    r"|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|E50[234]|network timeout|network aborted|FETCH_ERROR)\b",
    re.MULTILINE,
)
_NO_TRUST = re.compile(
    _NPM + r"(SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY_LEAF)", re.MULTILINE
)
_ALTERED = re.compile(_NPM + r"\bEINTEGRITY\b", re.MULTILINE)
_BOOTING = ("[internal] booting buildkit", "[internal] waiting for connection")
_NO_BUILDER = (
    "The builder that buildx uses does not start: {why}; choose another one of `docker buildx ls` with "
    "BUILDX_BUILDER, or unset that and take `docker buildx use default` to let the engine build."
)
_CALL_HELP = re.compile(r"^(?:See|Run) 'docker buildx build --help'")
_NOT_PLAIN = (
    "buildx cannot send a folder whose name has letters beyond ASCII to a builder elsewhere; rename the "
    "folder of the build context, or your working folder."
)


_REFUSES_NAMES = ("string field contains invalid UTF-8", "RST_STREAM with error code: INTERNAL_ERROR")
_NOT_UTF_8 = (
    "The builder refuses {name}, which has, or leads to, a name that is not in UTF-8; rename it, or "
    "keep it out of the build context with a pattern in the .dockerignore."
)


class BuildError(WorkbookError):
    """A build failed. ``log`` holds the last lines that its steps printed."""

    def __init__(self, sentence: str, step: Step | None = None, log: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.step = step
        self.log = tuple(map(redacted, log))


def of(progress: Progress, code: int, not_utf_8: Iterable[str]) -> WorkbookError:
    """Return the error of a build whose command ended with exit code ``code`` after ``progress``.

    ``not_utf_8`` yields the paths to send whose names are not UTF-8. It is read only when the builder
    refuses such a name.
    """
    failed = (s for s in progress.steps if s.error and "context canceled" not in s.error)
    step, reason = next(failed, None), _reason(progress)
    printed = progress.log_of(step) if step else progress.log
    log = printed[-20:]
    evidence = "\n".join([reason, *log])
    if trouble := disk_full.client_trouble(reason):
        return BuildError(trouble, step, log)
    if disk_full.engine_is_full(evidence):
        return BuildError(disk_full.ENGINE_FULL, step, log)
    if step and step.name in _BOOTING:
        return BuildError(_NO_BUILDER.format(why=_bare(step.error or "")), step, log)
    if any(sign in reason for sign in _ENGINE_LOST):
        return EngineError(LOST)
    if step is None and _killed(code, progress):
        return BuildError(_KILLED, None, log)
    if "x-docker-expose-session-" in reason:
        return BuildError(_NOT_PLAIN, None, log)
    refuses = any(sign in reason for sign in _REFUSES_NAMES)
    if refuses and (name := next(iter(not_utf_8), "")):
        return BuildError(_NOT_UTF_8.format(name=printable(name)), step, log)
    if step is None:
        return BuildError(f"The build did not start: {reason}.", None, log)
    why = _bare(step.error or "")
    return BuildError(
        f"The step `{_short(step.name)}` failed: {why}.{_hint(evidence, printed)}", step, log
    )


def _killed(code: int, progress: Progress) -> bool:
    """Whether a signal ended the command; `docker` ends with 255 when a signal ended its plugin."""
    return code < 0 or (code == _PLUGIN_KILLED and not _errors(progress))


def _errors(progress: Progress) -> list[str]:
    return [line for line in progress.text if line.startswith("ERROR: ")]


def _reason(progress: Progress) -> str:
    """Return the reason that the command printed, without its usage lines."""
    said = list(itertools.takewhile(lambda line: not line.startswith("Usage:"), progress.text))
    said = [line for line in said if line.strip() and not _CALL_HELP.search(line)]
    return _bare((_errors(progress) or said or ["docker buildx gave no reason"])[-1])


def _bare(reason: str) -> str:
    """Remove what does not help a reader: prefixes, BuildKit's own references, the command."""
    for prefix in _PREFIXES:
        reason = reason.removeprefix(prefix)
    reason = re.sub(r"failed to calculate checksum of ref \S+: ", "not in the build context: ", reason)
    return _EXIT_CODE.sub(r"\1", reason).strip().rstrip(".")


def _short(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _hint(evidence: str, log: Sequence[str]) -> str:
    if found := _NO_REGISTRY.search(evidence):
        trouble = f" npm could not reach its registry ({found[1]})"
        return f"{trouble}: check the network, then run the cell again."
    if _ALTERED.search(evidence):
        return (
            " npm was given a package that is not the one of package-lock.json: something on the way "
            "alters or cuts downloads; run the cell again, then look at the registry's mirror."
        )
    if _NO_TRUST.search(evidence):
        return (
            " A TLS proxy stands in between: set NODE_EXTRA_CA_CERTS to its certificates, then run "
            "the cell again."
        )
    words = step_log.telling(log)
    return f" Its last words: {_short(words, 200)}" if words else ""
