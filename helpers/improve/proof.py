"""Hold what an image does against what the image as it was did, and say what that proves.

What the image as it was does differently from run to run is not compared. This module claims nothing
beyond what was tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from helpers.improve.observe import (
    UNKNOWN_PATH,
    Answer,
    Run,
    Wishes,
    exposed,
    health_paths,
    loaded,
    observe,
    plain,
)

if TYPE_CHECKING:
    from helpers.engine import Engine

_OUTPUT_LINES = 40
_VARIES = re.compile(r"[0-9a-f]{8,}|\d+")
_TROUBLE = re.compile(  # what a program says that lacks a file, a library, a program or a right
    r"Cannot find (module|package)|MODULE_NOT_FOUND|\b(ENOENT|EACCES|EROFS|EPERM)\b|: not found"
    r"|shared librar|No such file|Permission denied"
)


def differs(before: Sequence[Run], after: Run) -> tuple[str, bool]:
    """Return in what a run differs from the earlier ones, "" for nothing; and whether only in content.

    A difference in content may come from what varies by itself, such as a time, and is worth another
    look at the image as it was.
    """
    first = before[0]
    if first.exit_code is None and after.exit_code is not None:
        return f"it ended with code {after.exit_code}: {after.last_words}", False
    if first.exit_code != after.exit_code:
        now = "it stays up" if after.exit_code is None else f"it ends with code {after.exit_code}"
        return f"{now}, where it ended with code {first.exit_code}", False
    wanted = frozenset.intersection(*(run.ports for run in before))
    inner = frozenset.intersection(*(run.inner for run in before))
    for port in sorted((wanted - after.ports) | (inner - after.ports - after.inner)):
        return f"it does not listen on port {port}", False
    if first.health == 0 and after.health != 0:
        return f"its health check fails with code {after.health}".replace(
            "code None", "no command"
        ), False
    if first.check == 0 and after.check != 0:
        last = ([line for line in after.check_output.splitlines() if line.strip()] or [""])[-1]
        return f"the check fails with code {after.check}: {last.strip()[:200]}", False
    if first.exit_code is not None and not first.answers:
        if {_gist(run.output) for run in before} == {_gist(first.output)} and _gist(
            first.output
        ) != _gist(after.output):
            return f"it says something else before it ends: {after.last_words}", True
        return "", False
    found = _answers_differ(before, after)
    if not found[0] and (
        new := _troubles(after.output) - set().union(*(_troubles(r.output) for r in before))
    ):
        return f"its log has a new line: {min(new)[:200]}", True
    return found


def _answers_differ(before: Sequence[Run], after: Run) -> tuple[str, bool]:
    given = {answer.key: answer for answer in after.answers}
    for answer in before[0].answers:
        same = _samples(before, answer)
        if sum(answer.key in {a.key for a in run.answers} for run in before) < len(before):
            continue  # not asked in each run
        now = given.get(answer.key)
        if now is None:
            return f"there was no {answer.request}", True
        if len({(a.status, a.kind) for a in same}) > 1:
            continue
        if now.status != answer.status:
            got = "no answer" if now.status is None else f"status {now.status}"
            return f"{answer.request} gets {got} and not {answer.status}", now.status is not None
        if now.kind != answer.kind:
            return (
                f"{answer.request} gets {now.kind or 'no type'} and not {answer.kind or 'no type'}",
                True,
            )
        if not fits([a.body for a in same], now.body):
            return f"{answer.request} gets another body", True
    return "", False


def _samples(runs: Sequence[Run], answer: Answer) -> list[Answer]:
    """Return all answers of these runs to a request, also of a container that was asked again."""
    return [a for run in runs for a in (*run.answers, *run.later) if a.key == answer.key]


def fits(samples: Sequence[bytes], body: bytes) -> bool:
    """Whether a body is like the samples in all words in which these agree.

    Where the samples have different numbers of words, there is nothing to compare.
    """
    known = [re.split(rb"(\W+)", sample) for sample in samples]
    words = re.split(rb"(\W+)", body)
    if len({len(one) for one in known}) > 1:
        return True
    if len(words) != len(known[0]):
        return False
    agreed = zip(*known, strict=True)
    return all(
        len(set(column)) > 1 or column[0] == word for column, word in zip(agreed, words, strict=True)
    )


def _troubles(output: str) -> set[str]:
    """Return the lines of a log that say that something is missing or forbidden, without numbers."""
    lines = (line.strip() for line in plain(output).splitlines())
    return {_VARIES.sub("#", line) for line in lines if _TROUBLE.search(line)}


def _gist(output: str) -> tuple[str, ...]:
    """Return the lines of an output without what varies: numbers, identifiers, frames of a stack."""
    lines = [line.strip() for line in plain(output).splitlines()]
    kept = [line for line in lines if line and not line.startswith("at ")]
    return tuple(_VARIES.sub("#", line) for line in kept[:_OUTPUT_LINES])


class Proof:
    """The runs of the image as it was, with which each later image is compared."""

    def __init__(
        self,
        image: str,
        settings: Mapping[str, Any],
        wishes: Wishes,
        tools: str,
        engine: Engine,
        rebuilt: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Run the image twice. ``rebuilt`` builds it once more, and returns that image or None."""
        paths = tuple(("GET", path) for path in health_paths(settings))
        self._wishes = replace(wishes, probes=(*paths, *wishes.probes))
        self._image, self._settings = image, settings
        self._tools, self._engine, self._rebuilt = tools, engine, rebuilt
        self._publish = exposed(settings)
        first = self._observe(image)
        if not first.ports <= self._publish:
            self._publish |= first.ports
            first = self._observe(image, first)
        self.runs = [first, self._observe(image, first)]
        fails = not self.lasted and first.exit_code is not None
        self.loaded = loaded(image, wishes, engine) if fails else frozenset[str]()

    @property
    def first(self) -> Run:
        """What the image as it was did."""
        return self.runs[0]

    @property
    def lasted(self) -> bool:
        """Whether the program was seen at work: it stayed up, passed the check, or ended with words."""
        return self.first.check == 0 or all(
            r.exit_code is None or (r.exit_code == 0 and _gist(r.output)) for r in self.runs
        )

    def against(self, image: str, settings: Mapping[str, Any]) -> str:
        """Run another image; return in what it differs, "" when it does what the first one did."""
        after = observe(
            image,
            self._wishes,
            self._engine,
            settings=settings,
            tools=self._tools,
            publish=self._publish,
            like=self.first,
        )
        why, content = differs(self.runs, after)
        if why and content:
            self.runs.append(self._observe(self._image, self.first))
            why, content = differs(self.runs, after)
        if why and content and (again := self._rebuilt()):
            self.runs.append(self._observe(again, self.first))
            why, _ = differs(self.runs, after)
        if not why and self.loaded:
            lost = sorted(self.loaded - loaded(image, self._wishes, self._engine))
            why = f"it ends alike, and no longer loads {', '.join(lost[:4])}" if lost else ""
        return why

    def _observe(self, image: str, like: Run | None = None) -> Run:
        return observe(
            image,
            self._wishes,
            self._engine,
            settings=self._settings,
            tools=self._tools,
            publish=self._publish,
            like=like,
            twice=True,
        )

    def rests_on(self) -> str:
        """Return in a sentence what each kept change was tried by, and no more."""
        run = self.first
        if run.exit_code is not None and not run.answers:
            lines = len(_gist(run.output))
            said = f"said the same {lines} line{'' if lines == 1 else 's'}"
            if self.loaded:
                many = len(self.loaded)
                said = f"{said} and loaded the same {many} package{'' if many == 1 else 's'}"
            said += ", like before"
            passed = ", and passed the check" if run.check == 0 else ""
            return f"It ended with code {run.exit_code} and {said}{passed}."
        parts = ["started"]
        if run.ports | run.inner:
            named = ", ".join(str(port) for port in sorted(run.ports | run.inner))
            parts.append(f"listened on port {named}")
        answered = [a for a in run.answers if a.status is not None]
        if answered:
            parts.append(f"answered {len(answered)} request{'s' * (len(answered) > 1)} like before")
        if run.health == 0:
            parts.append("passed its health check")
        if run.check == 0:
            parts.append("passed the check")
        if run.exit_code is None:
            parts.append("was still up at the end")
        else:
            parts.append(f"ended with code {run.exit_code}")
        return f"It {', '.join(parts[:-1])} and {parts[-1]}."

    def notes(self) -> list[str]:
        """Return what one should know of this proof: what was asked, what could not be compared."""
        run, said = self.first, []
        answered = [a for a in run.answers if a.status is not None]
        if answered:
            said.append("Asked: " + ", ".join(f"{a.request} ({a.status})" for a in answered) + ".")
        for answer in answered:
            bodies = [a.body for a in _samples(self.runs, answer)]
            if len(set(bodies)) > 1:
                words = {len(re.split(rb"(\W+)", body)) for body in bodies}
                rest = (
                    "only status and type were compared" if len(words) > 1 else "the rest was compared"
                )
                said.append(f"The body of {answer.request} varies by itself; {rest}.")
        by = {a.request: a for a in answered}
        root, unknown = by.get("GET /"), by.get(f"GET {UNKNOWN_PATH}")
        if root and unknown and (root.status, root.body) == (unknown.status, unknown.body):
            said.append(
                "It answers every path alike, so its answers say little: name requests with --probe."
            )
        silent = sorted(run.ports - {a.port for a in answered})
        if silent:
            said.append(f"No HTTP answer came from port {', '.join(map(str, silent))}.")
        if not run.ports | run.inner and run.exit_code is None:
            said.append("It was seen to listen on no port, so only that it stays up was tried.")
        if run.exit_code:
            said.append(
                f"Its start ended with code {run.exit_code} ({run.last_words}): give what it needs with "
                "--env or --env-file, or little is proven."
            )
        elif not self.lasted:
            said.append("It ended at once without a word, so little is proven.")
        if run.health not in (None, 0):
            said.append(f"Its health check fails as it is, with code {run.health}.")
        said.append("Nothing else was tried: no other request was sent, and nobody waited longer.")
        return said
