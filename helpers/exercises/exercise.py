"""One exercise: the task, the check of an answer, the hints, the solution."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.bases import BaseError
from helpers.buildx import BuildError
from helpers.buildx.dockerfile_words import DockerfileError
from helpers.exercises import records
from helpers.exercises.attempt import Attempt
from helpers.exercises.checks import Check
from helpers.exercises.projects import SHIPMENTS, Project
from helpers.host import paths, tables
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    from IPython.display import Markdown

_TEXTS = Path(__file__).parent / "texts"
_NO_BUILD = (BuildError, DockerfileError, BaseError)


@dataclass(frozen=True)
class Outcome:
    """The result of the checks of an answer, a sentence for each check, and the next hint."""

    title: str
    held: tuple[str, ...]
    missed: tuple[tuple[str, str], ...]
    hint: str

    @property
    def solved(self) -> bool:
        """Whether every check held."""
        return not self.missed

    def __repr__(self) -> str:
        lines = [f"✓ {sentence}" for sentence in self.held]
        lines += [f"✗ {sentence}. {found}" for sentence, found in self.missed]
        lines.append(f"{self.title}: solved." if self.solved else f"Hint: {self.hint}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [("✓", sentence, "") for sentence in self.held]
        rows += [("✗", sentence, found) for sentence, found in self.missed]
        end = f"<b>{escape(self.title)}: solved.</b>" if self.solved else f"Hint: {escape(self.hint)}"
        return f"{tables.html_of(rows)}<p>{end}</p>"


@dataclass(frozen=True)
class Exercise:
    """A task with its checks. The start and the solution are files in ``texts/NAME``.

    ``answers`` names the file that the learner writes, ``Dockerfile`` or ``.dockerignore``; ``project``
    is the project that the file belongs to.
    """

    name: str
    lesson: str
    title: str
    task: str
    checks: tuple[Check, ...]
    hints: tuple[str, str, str]
    answers: str = "Dockerfile"
    project: Project = SHIPMENTS

    @property
    def start(self) -> str:
        """The text with which the learner begins."""
        return self._text("start")

    @property
    def magic(self) -> str:
        """The first line of a cell with an answer."""
        return f"%%{self.answers.removeprefix('.').lower()} {self.name}"

    def dockerfiles(self) -> tuple[str, ...]:
        """Return the Dockerfiles that the exercise comes with."""
        kinds = ("start", "solution") if self.answers == "Dockerfile" else ("Dockerfile",)
        return tuple(map(self._text, kinds))

    def keep(self, answer: str) -> None:
        """Keep an answer on this machine for `check`; it replaces an earlier answer."""
        file = self._file
        with paths.writing(file):
            file.write_text(answer, encoding="utf-8")

    def check(self, answer: str | None = None) -> Outcome:
        """Build ``answer``, or else the kept answer, try it out, and return the result of each check.

        Afterwards only the build cache stays. Raises `WorkbookError` when there is no kept answer, and
        the errors of `helpers.engine.engine`. A failed build is an outcome, not an error.
        """
        if answer is None:
            answer = self._kept()
        with Attempt(self.name, self.project, self._files(answer)) as attempt:
            outcome = self._judge(attempt)
        records.attempted(self.name, solved=outcome.solved)
        return outcome

    def hint(self) -> str:
        """Return the next hint, which says more than the last one; after the third, the third again."""
        return self.hints[min(records.hinted(self.name), len(self.hints)) - 1]

    def solution(self) -> Markdown:
        """Return one solution to show; there may be others."""
        from IPython.display import Markdown

        return Markdown(f"```dockerfile\n{self._text('solution')}```")

    def _judge(self, attempt: Attempt) -> Outcome:
        try:
            _ = attempt.result
        except _NO_BUILD as error:
            missed = (("The answer builds", str(error)),)
            return Outcome(self.title, (), missed, _hint_for(error))
        held, missed_now, hint = ["The answer builds"], [], ""
        for check in self.checks:
            found = _tried(check, attempt)
            if found is None:
                held.append(check.sentence)
            else:
                missed_now.append((check.sentence, found))
                hint = hint or check.advice(found)
        return Outcome(self.title, tuple(held), tuple(missed_now), hint)

    @property
    def _file(self) -> Path:
        return paths.state(f"exercises/{self.name}") / self.answers

    def _kept(self) -> str:
        if not self._file.exists():
            raise WorkbookError(f"There is no answer yet; run the cell that begins with {self.magic}.")
        return self._file.read_text(encoding="utf-8")

    def _files(self, answer: str) -> dict[str, str]:
        files = {self.answers: answer}
        if self.answers != "Dockerfile":
            files["Dockerfile"] = self._text("Dockerfile")
        return files

    def _text(self, kind: str) -> str:
        return (_TEXTS / self.name / kind).read_text(encoding="utf-8")

    def _repr_markdown_(self) -> str:
        where = f"It is built from a copy of `{self._home}`."
        return f"**{self.title}.** {self.task}\n\n{self._goals}\n\n{where}"

    def __repr__(self) -> str:
        return f"{self.title}. {self.task}\n{self._goals}\nIt is built from a copy of {self._home}."

    @property
    def _goals(self) -> str:
        return "\n".join(f"- {check.sentence}" for check in self.checks)

    @property
    def _home(self) -> str:
        return self.project.folder.relative_to(paths.ROOT).as_posix()


def _hint_for(error: WorkbookError) -> str:
    if isinstance(error, BuildError):
        return "Read the first line that the failing step printed."
    return "No step ran: the sentence above says why."


def _tried(check: Check, attempt: Attempt) -> str | None:
    """Return what a check found; a failed further build is a finding too."""
    try:
        return check.trial(attempt)
    except _NO_BUILD as error:
        return str(error)
