"""How the cost grows: with the files of an image, the stages of a Dockerfile, the files of a context.

Each size is measured beside the plain command that does the like; the exponent between the two largest
sizes says how the cost grows. All images are made from nothing and removed.
"""

from __future__ import annotations

import contextlib
import functools
import io
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from helpers import buildx
from helpers.buildx import Request, dockerfile, stage_graph
from helpers.engine import LABEL, Engine
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.plots import layered
from tests.bench import images, overhead, probe, rows, typed
from tests.bench.probe import Probe
from tests.bench.rows import Goal, Row

IMAGE_FILES = (100, 1_000, 10_000, 100_000)
STAGES = (1, 10, 100)
PLACED_STAGES = 1_000
CONTEXT_FILES = (1_000, 10_000, 100_000)
_IN_A_FOLDER = 100
_LINEAR = 1.25  # what grows as its size, within the noise of two measurements
_QUICKER: tuple[str, Goal] = ("at most 0.8 times", lambda mine, theirs: mine <= 0.8 * theirs)


def measure(engine: Engine) -> Iterator[Row]:
    """Measure each size of each of the three, and how they grow."""
    for figure, sized in (
        ("all files of an image, by their number", image_rows(engine, IMAGE_FILES)),
        ("a cached build, by its stages", stage_rows(engine, STAGES)),
        ("a context's survey, by its files", context_rows(engine, CONTEXT_FILES)),
    ):
        measured = []
        for size, row in sized:
            measured.append((size, row))
            yield row
        yield rows.growth(figure, measured, at_most=_LINEAR)
    yield placed_row(PLACED_STAGES)


def image_rows(engine: Engine, sizes: tuple[int, ...]) -> Iterator[tuple[int, Row]]:
    """List images of one layer with so many files, beside ``docker save | tar -tv``."""
    for size in sizes:
        with _image(engine, size) as reference:
            yield (
                size,
                rows.compare(
                    f"an image of {size:,} files, listed",
                    images.FirstLooks("analysis", reference, engine).measure,
                    ("docker save | tar -tv", images.listed_by_tar(reference, engine)),
                    runs=5 if size <= 10_000 else 3,
                    goal=_QUICKER,
                ),
            )


@contextlib.contextmanager
def _image(engine: Engine, files: int) -> Iterator[str]:
    """Import an image of one layer with small files, a hundred to a folder."""
    reference = f"workbook/bench-files:{uuid.uuid4().hex[:8]}"
    command = engine.command("import", "--change", f"LABEL {LABEL}=bench", "-", reference)
    with tempfile.TemporaryFile() as tar:
        _write_files(tar, files)
        tar.seek(0)
        done = subprocess.run(
            command, stdin=tar, env=engine.process_environment(), capture_output=True, check=False
        )
    if done.returncode:
        raise WorkbookError(f"Docker did not import an image: {done.stderr.decode().strip()}")
    try:
        yield reference
    finally:
        engine.client.images.remove(reference, force=True)


def _write_files(target: IO[bytes], files: int) -> None:
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for number in range(files):
            info = tarfile.TarInfo(_name(number))
            content = f"{number}\n".encode()
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _name(number: int) -> str:
    return f"{number // _IN_A_FOLDER:04d}/file-{number:06d}"


def stage_rows(engine: Engine, sizes: tuple[int, ...]) -> Iterator[tuple[int, Row]]:
    """Build Dockerfiles of so many stages from the cache, each stage with a file of the one before."""
    for size in sizes:
        with paths.temporary() as context:
            (context / "file").write_text("content\n")
            (context / "Dockerfile").write_text(_stages(size))
            tag = f"workbook/bench-stages:{uuid.uuid4().hex[:8]}"
            request = Request(context / "Dockerfile", context, tag)
            buildx.build(request, engine=engine)
            try:
                row = rows.compare(
                    f"a cached build of {size} stage{'s' if size > 1 else ''}",
                    rows.timed(functools.partial(buildx.build, request, engine=engine)),
                    ("docker buildx build", rows.timed(overhead.by_hand(request, engine))),
                    runs=5,
                )
            finally:
                engine.client.images.remove(tag, force=True)
        yield size, row


def _stages(number: int) -> str:
    lines = ["FROM scratch AS stage-0", "COPY file /file"]
    for at in range(1, number):
        lines += [f"FROM scratch AS stage-{at}", f"COPY --from=stage-{at - 1} /file /file"]
    return "\n".join(lines) + "\n"


def placed_row(size: int) -> Row:
    """Place a graph of so many stages, each of which needs one image and two of the stages before it.

    Nothing is waited for, so the processor's seconds are counted: they do not depend on other programs.
    """
    text = "FROM alpine AS stage-0\n" + "".join(
        f"FROM alpine AS stage-{at}\n"
        f"COPY --from=stage-{at - 1} /file /file\nCOPY --from=stage-{at // 2} /file /other\n"
        for at in range(1, size)
    )
    graph = stage_graph.graph(dockerfile.parse(text))
    nodes, edges = [node.name for node in graph.nodes], [(e.source, e.target) for e in graph.edges]
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        layered.place(nodes, edges)
        seconds.append(time.process_time() - begun)
    return rows.single(f"a graph of {size:,} stages, placed, processor time", "s", seconds, at_most=1)


def context_rows(engine: Engine, sizes: tuple[int, ...]) -> Iterator[tuple[int, Row]]:
    """Survey contexts of so many files under an ignore file, beside ``tar`` reading them."""
    for size in sizes:
        with paths.temporary() as folder:
            context = folder / "context"
            _write_context(context, size)
            survey = functools.partial(
                probe.of, "context", str(context), engine=engine, state=folder / "state"
            )
            by_tar = functools.partial(typed.run, ("tar", "-c", "."), ("wc", "-c"), folder=context)
            row = rows.compare(
                f"a context of {size:,} files, surveyed",
                _seconds(survey),
                ("tar -c | wc -c", rows.timed(by_tar)),
                runs=5,
                goal=_QUICKER if size == max(sizes) else None,
            )
        yield size, row


def _seconds(survey: Callable[[], Probe]) -> Callable[[], float]:
    return lambda: survey().seconds


def _write_context(folder: Path, files: int) -> None:
    folder.mkdir()
    (folder / ".dockerignore").write_text("0000\n**/*.log\n!**/keep.log\n")
    for number in range(files):
        path = folder / _name(number)
        if number % _IN_A_FOLDER == 0:
            path.parent.mkdir()
        path.write_text(f"{number}\n")
