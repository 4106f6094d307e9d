"""Run one command on several Docker engines, one after another, and say how it fared on each.

``python -m tests.engines.matrix [ENGINE …] -- COMMAND`` is how `make test-matrix` calls it.

Each engine is made for the run and gone after it: the oldest and the newest release that the workbook is
tried with, each with both image stores, and one that an ordinary user runs. The command learns of it by
the variables that any Docker client reads, and gets a results folder of its own, so that no verdict of
the reader's is replaced. What the command does is not this module's business.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import engine
from helpers.engine import PrivateEngine, private
from helpers.host import debian, paths
from helpers.host.errors import PrivateEngineError, WorkbookError
from helpers.host.workshop import Workshop
from tests.engines.rootless import RootlessEngine

_SHARED = ("apt", "registry", "standins")  # downloads, the same for every engine
_ELSEWHERE = ("BUILDX_BUILDER", "DOCKER_CERT_PATH", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY")


@dataclass(frozen=True)
class Row:
    """One engine of the matrix: the Debian release it comes from, how it keeps images, who runs it."""

    name: str
    suite: str
    containerd_store: bool = False
    rootless: bool = False


ROWS = (
    Row("oldest", "trixie"),
    Row("newest", "forky"),
    Row("oldest-containerd", "trixie", containerd_store=True),
    Row("newest-containerd", "forky", containerd_store=True),
    Row("rootless", "forky", rootless=True),
)


@dataclass(frozen=True)
class Outcome:
    """How the command fared on one engine: its exit ``code``, and the wall time in seconds.

    Where the engine did not start the command did not run: ``code`` is None and ``engine`` says why.
    """

    row: str
    engine: str
    code: int | None
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the command ran and ended with 0."""
        return self.code == 0

    def __str__(self) -> str:
        ended = {0: "passed", None: "not run"}.get(self.code, f"failed ({self.code})")
        return f"{self.row:18} {ended:11} {self.seconds / 60:5.1f} min  {self.engine}"


def rows(names: Sequence[str]) -> list[Row]:
    """Return the rows of those names, all of them for none. Raises `WorkbookError` for an unknown one."""
    known = {row.name: row for row in ROWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WorkbookError(
            f"The matrix has no engine called {unknown[0]!r}; choose from {', '.join(known)}."
        )
    return [known[name] for name in dict.fromkeys(names)] or list(ROWS)


def require_possible() -> None:
    """Raise `PrivateEngineError` or `DebianError` where no private engine can be had."""
    private.require_possible(_home())
    debian.host_suite()


def run(chosen: Sequence[Row], command: Sequence[str]) -> Iterator[Outcome]:
    """Run the command on one engine after another; yield how each run ended.

    Two runs on an engine of one name take turns. Nothing of an engine is left but its programs, which
    the next run uses again. Raises `PrivateEngineError` or `DebianError` where there can be none.
    """
    require_possible()
    for row in chosen:
        begun = time.monotonic()
        try:
            with _started(row) as (description, environment):
                print(f"\n{row.name}: {description}", flush=True)
                ended = subprocess.run(list(command), env=environment, check=False)
                outcome = Outcome(row.name, description, ended.returncode, time.monotonic() - begun)
        except PrivateEngineError as error:
            outcome = Outcome(row.name, str(error), None, time.monotonic() - begun)
        yield outcome


@contextlib.contextmanager
def _started(row: Row) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Start the row's engine; give its description, and the environment of a command that uses it."""
    with Workshop(_home()).lock(row.name):
        programs = PrivateEngine(suite=row.suite)
        programs.install()
        folder = _home() / row.name
        own = _engine(row, folder / "engine", programs.programs)
        own.remove()  # a run that was killed could not do so itself
        shutil.rmtree(folder, ignore_errors=True)
        try:
            state = _state(folder / "state")
            own.start()
            found = engine.of(own)
            kind = f"{found.store}, rootless" if row.rootless else found.store
            yield f"{found.description}, {kind}", _environment(own, state, os.environ)
        finally:
            own.remove()
            shutil.rmtree(folder, ignore_errors=True)


def _engine(row: Row, folder: Path, programs: Path) -> PrivateEngine | RootlessEngine:
    if row.rootless:
        return RootlessEngine(folder, programs=programs)
    return PrivateEngine(
        folder, suite=row.suite, programs=programs, containerd_store=row.containerd_store
    )


def _home() -> Path:
    return paths.state("matrix")


def _state(folder: Path) -> Path:
    """Make a results folder that has the downloads of the reader's and nothing else."""
    folder.mkdir(parents=True)
    for name in _SHARED:
        (folder / name).symlink_to(paths.state(name))
    return folder


def _environment(
    own: PrivateEngine | RootlessEngine, state: Path, ours: Mapping[str, str]
) -> dict[str, str]:
    kept = {name: value for name, value in ours.items() if name not in _ELSEWHERE}
    path = f"{own.docker.parent}{os.pathsep}{ours.get('PATH', os.defpath)}"
    return {**kept, **own.environment(), "PATH": path, "WORKBOOK_STATE": str(state)}


# The command line


def main(words: Sequence[str]) -> None:
    """Run the command line ``[ENGINE …] -- COMMAND``; exit with 1 unless it passed on every engine."""
    at = words.index("--") if "--" in words else len(words)
    before, command = words[:at], words[at + 1 :]
    parser = argparse.ArgumentParser(prog="python -m tests.engines.matrix", description=__doc__)
    names = ", ".join(row.name for row in ROWS)
    parser.add_argument("engines", nargs="*", help=f"{names}; all for none")
    parser.add_argument(
        "--where-possible",
        action="store_true",
        help="where no private engine can be had, say so and end well",
    )
    arguments = parser.parse_args(before)
    chosen = rows(arguments.engines)
    if not command:
        raise WorkbookError("There is no command to run; put it after `--`.")
    try:
        require_possible()
    except WorkbookError as error:
        if not arguments.where_possible:
            raise
        print(f"Not run on {', '.join(row.name for row in chosen)}: {error}")
        return
    outcomes = list(run(chosen, command))
    print("\n" + "\n".join(map(str, outcomes)), flush=True)
    if not all(outcome.passed for outcome in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except WorkbookError as error:
        sys.exit(str(error))
