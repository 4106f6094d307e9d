"""Find the error in the lines that a build step printed.

One rule serves the package managers, compilers and test runners that a Dockerfile commonly runs. A line
with a place or a cause counts most, then a line that only reports a failure, then the tool's advice. The
tests try the rule on recorded logs of each tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum


class _Rank(IntEnum):
    """How much a line says about an error."""

    CHATTER = 0  # advice, progress, stack frames
    FAREWELL = 1  # says only that something before it failed
    PLAIN = 2  # any other line
    ERROR = 3  # says that it is an error
    CAUSE = 4  # says what is wrong, and where


# The prefixes that npm, yarn and other tools put before each line of their own or another program.
_MARKS = re.compile(r"^(?:\s*│\s?|npm (?:error|ERR!) ?|gyp ERR! (?:stack )?|➤ YN\d{4}: │ )")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CHATTER = re.compile(
    r"npm (?:notice|warn|WARN|http|verb)\b"
    r"|npm (?:error|ERR!) *$"
    r"|npm (?:error|ERR!) (?:code|errno|syscall|path|dest|command|cwd|signal|gyp info|gyp verb)\b"
    r"|.*A complete log of this run|.*[/\\]_logs[/\\]|.*Run \"npm help"
    r"|\[notice\]|(?:WARNING|W|INFO|note|Note|info|warning|hint|debconf)\b:? "
    r"| WARN |at |Node\.js v|Require stack|\.\.\. "
    r"|make(?:\[\d+\])?: (?:Entering|Leaving) directory"
    r"|➤ YN(?:0000|0002|0005|0006|0007|0008|0013|0019|0050|0060|0061|0085|0086|0087|0088)\b"
    r"|➤ YN\d{4}: │(?: [-+ @]| *$)"
)
_FAREWELL = re.compile(
    r"make(?:\[\d+\])?: \*\*\*|ninja: build stopped|collect2: error: ld returned"
    r"|error: (?:subprocess-exited-with-error|metadata-generation-failed|could not compile|Command '\[)"
    r"|(?:ERROR: )?(?:Failed building wheel|Failed to build|Could not build wheels)"
    r"|E: (?:Sub-process|Some index files failed|Unable to fetch some archives)"
    r"|error Command failed|ELIFECYCLE|Lifecycle script|command failed$|compilation terminated"
    r"|✖ failing tests"
)
_CAUSE = re.compile(
    r".*?:\d+(?::\d+)?: (?:fatal )?error\b"
    r"|.*?\(\d+,\d+\): error\b"
    r"|.*: undefined reference to"
    r"|(?:Missing|Invalid): .*lock file"
    r"|(?:Uncaught )?[\w.]*(?:Error|Exception)(?: \[\w+\])?: \S"
    r"|error(?:\[E\d+\]| TS\d+): "
    r"|E: (?:Unable to locate|Failed to fetch|Package|Version)"
    r"|ERROR: (?:Could not find a version|Could not open|Cannot install|No matching|THESE PACKAGES)"
    r"|ERR_PNPM_\w+"
    r"|not ok \d|✖ |FAIL "
    r"|.*: (?:\S+: )?(?:command )?not found$"
)
_ERROR = re.compile(
    r"(?i:error\b|fatal\b)|E: |.*\berror\b ?[:\[]|.*\berror processing"
    r"|➤ YN\d{4}: │ \S|npm (?:error|ERR!) \S"
)
# Lines in which a tool reports its own error, even if the step goes on and succeeds.
_OWN = re.compile(r"npm (?:error|ERR!) \S|E: |ERROR: |error: |error [A-Z]|dpkg: error |➤ YN\d{4}: │ \S")


def telling(lines: Iterable[str]) -> str:
    """Return the line that best explains why a step failed; empty when there are no lines.

    Among equally good lines it is the first error, because later errors often follow from it. If there
    is no error, it is the last line.
    """
    ranked = [(_rank(line), line) for line in map(_plain, lines) if line.strip()]
    best = max((rank for rank, _ in ranked), default=_Rank.CHATTER)
    found = [line.strip() for rank, line in ranked if rank is best]
    if not found:
        return ""
    return found[0] if best >= _Rank.ERROR else found[-1]


def errors(lines: Iterable[str]) -> list[str]:
    """Return the lines in which a tool reports that it failed."""
    return [
        line.strip()
        for line in map(_plain, lines)
        if (_OWN.match(line) and _rank(line) >= _Rank.ERROR) or _rank(line) is _Rank.CAUSE
    ]


def _plain(line: str) -> str:
    return _COLOURS.sub("", line).rstrip()


def _rank(line: str) -> _Rank:
    text = line.lstrip()
    if _CHATTER.match(text) or _CHATTER.match(line):
        return _Rank.CHATTER
    words = text
    while (match := _MARKS.match(words)) and match[0]:
        words = words[match.end() :].lstrip()
    if not words or _CHATTER.match(words):
        return _Rank.CHATTER
    if _FAREWELL.match(words):
        return _Rank.FAREWELL
    if _CAUSE.match(words):
        return _Rank.CAUSE
    return _Rank.ERROR if _ERROR.match(text) or _ERROR.match(words) else _Rank.PLAIN
