"""Measure one verb in a process of its own: its seconds, and the largest memory of the process.

``python -m tests.bench.probe VERB ARGUMENT…`` prints one document of JSON; `of` runs it and reads
that. What the verbs remember lies in ``WORKBOOK_STATE``: a new folder there makes a first look of it.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers import bases, image
from helpers import engine as engines
from helpers.buildx import context
from helpers.engine import Engine
from helpers.host import paths
from helpers.host.errors import WorkbookError

_MB = 1e6
_STATUS = Path("/proc/self/status")
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Probe:
    """What one verb took: ``before_mb`` is the process's memory before it, ``peak_mb`` the most."""

    seconds: float
    before_mb: float
    peak_mb: float
    result: int


def of(
    verb: str, *arguments: str, engine: Engine, state: Path, settings: Mapping[str, str] = _NOTHING
) -> Probe:
    """Run a verb in a new process that keeps what it remembers in ``state``.

    ``settings`` are further variables of its environment. Raises `WorkbookError` with the verb's reason.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.probe", verb, *arguments],
        env={**engine.process_environment(), "WORKBOOK_STATE": str(state), **settings},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise WorkbookError(f"`{verb}` could not be measured: {said[-1]}")
    return Probe(**json.loads(done.stdout))


def _size(reference: str) -> int:
    return image.find(reference).compressed_bytes


def _analysis(reference: str) -> int:
    """List every file of every layer, merge the layers, and find what is wasted."""
    found = image.find(reference)
    return len(found.files) + len(found.waste.files)


def _bases(*names: str) -> int:
    return len(bases.prepare(engines.find(), names))


def _context(folder: str) -> int:
    """Look at every path of a context under its ignore file, and find those to send."""
    place = Path(folder)
    return len(context.survey(place, context.rules(place, place / "Dockerfile")).sent)


VERBS: Mapping[str, Callable[..., int]] = {
    "size": _size,
    "analysis": _analysis,
    "bases": _bases,
    "context": _context,
}


def _peak_mb() -> float:
    """Return the most memory that this program held; a child's maximum counts its parent's as well."""
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024 / _MB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MB


def main() -> None:
    """Run the verb that the command line names."""
    verb, *arguments = sys.argv[1:]
    engines.find().client.api.ping()
    before = _peak_mb()
    begun = time.monotonic()
    try:
        result = VERBS[verb](*arguments)
    except WorkbookError as error:
        sys.exit(str(error))
    seconds = time.monotonic() - begun
    print(json.dumps(vars(Probe(seconds, before, _peak_mb(), result))))


if __name__ == "__main__":
    main()
