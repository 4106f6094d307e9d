"""What is read grows; the time that reading takes grows with it, and no faster."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import pytest

from helpers.buildx import context, dockerfile, dockerignore, stage_graph
from helpers.buildx.context import Entry, Survey
from helpers.buildx.stream import Progress
from helpers.image import filesystem, layer_tar, layers
from helpers.image.layers import Wanted
from tests.unit.saving_engine import saving, tar_of

TIMES = 8
SLACK = 3.5  # a quadratic cost would take 8 times as long as a linear one
PATTERNS = "\n".join(
    ["**/node_modules", "*.log", "!keep.log", "**/.env*", "test/fixtures", "!test/fixtures/small.json"]
)


def assert_in_proportion(work: Callable[[int], Callable[[], object]], size: int) -> None:
    """Hold the processor's seconds for ``size`` against those for several times as much."""
    small, large = (min(_seconds(work(n)) for _ in range(3)) for n in (size, TIMES * size))
    assert large < SLACK * TIMES * small + 0.02


def _seconds(run: Callable[[], object]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


def stages(count: int) -> Callable[[], object]:
    text = "ARG V=1\nFROM scratch AS s0\n" + "".join(
        f"FROM s{n} AS s{n + 1}\nARG A{n}=${{V}}\nCOPY --from=s{n // 2} /x /y\n"
        f"RUN --mount=from=s{n // 3},target=/t b \\\n  c\nCOPY <<E /h\nx\nE\n"
        for n in range(count)
    )
    return lambda: stage_graph.graph(dockerfile.parse(text))


def one_instruction(count: int) -> Callable[[], object]:
    text = "FROM a\nRUN <<E " + " ".join(["echo 'x y' \"$A ${B:-c}\" d"] * count) + "\nx\nE\n"
    text += "RUN a \\\n" + " b \\\n" * count + "c\n"
    return lambda: dockerfile.parse(text)


def judged_paths(count: int) -> Callable[[], object]:
    paths = [f"d{n % 100}/e{n // 100 % 20}/f{n}.js" for n in range(count)]

    def run() -> None:
        rules = dockerignore.parse(PATTERNS)
        for path in paths:
            rules.decide(path)

    return run


def a_flat_tree(count: int) -> Callable[[], object]:
    survey = Survey(tuple(Entry(f"f{n}", "file", 1, False, None) for n in range(count)))
    return lambda: (survey.sent_bytes, str(survey.tree()))


def a_deep_tree(count: int) -> Callable[[], object]:
    files = (Entry(f"d{n}/{name}", "file", 1, False, None) for n in range(count) for name in "ab")
    survey = Survey(tuple(files))
    return lambda: (survey.sent_bytes, str(survey.tree(2)))


def printed_lines(count: int) -> Callable[[], object]:
    return _printed(count, b"x" * 79 + b"\n")


def one_endless_line(count: int) -> Callable[[], object]:
    return _printed(count, b"x" * 80)


def _printed(count: int, text: bytes) -> Callable[[], object]:
    data = base64.b64encode(text * 50).decode()
    document = json.dumps({"logs": [{"vertex": "a", "stream": 1, "data": data}]})

    def run() -> None:
        progress = Progress()
        for _ in range(count):
            progress.feed(document)
        assert sum(map(len, progress.log)) <= 200 * 80 + 10_000

    return run


def listed_files(count: int) -> Callable[[], object]:
    tar = tar_of({f"d{n % 100}/e{n // 100 % 100}/file-{n}.js": b"x" for n in range(count)})
    name = f"blobs/sha256/{count:064}"
    config = json.dumps({"rootfs": {"diff_ids": [f"sha256:{count:064}"]}}).encode()
    manifest = json.dumps([{"Config": "c", "Layers": [name]}]).encode()
    save = tar_of({name: tar, "c": config, "manifest.json": manifest})
    engine = saving(save, piece=65_536)
    return lambda: layers.scan(engine, f"sha256:{time.monotonic_ns()}", Wanted(entries=True))


def merged_layers(count: int) -> Callable[[], object]:
    entries = [layer_tar.Entry(f"/d{n % 100}/f{n}", "file", 1, 0o644, 0, 0, "") for n in range(count)]
    gone = [entry._replace(path=entry.path.replace("/f", "/.wh.f")) for entry in entries[::2]]
    listings = [entries, gone, entries]
    return lambda: filesystem.merge(listings)


@pytest.mark.parametrize(
    ("work", "size"),
    [
        (stages, 100),
        (one_instruction, 200),
        (judged_paths, 1000),
        (a_flat_tree, 500),
        (a_deep_tree, 500),
        (printed_lines, 100),
        (one_endless_line, 250),
        (listed_files, 200),
        (merged_layers, 500),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_cost_grows_in_proportion(work, size, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
    monkeypatch.setattr(layers, "_recall", lambda *_: None)
    assert_in_proportion(work, size)


def test_a_hundred_stages_are_read_and_arranged_at_once():
    assert _seconds(stages(100)) < 0.5


def test_a_context_of_many_files_is_looked_at_in_seconds(tmp_path):
    for n in range(2_000):
        folder = tmp_path / f"d{n % 100}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{n}").touch()
    assert _seconds(lambda: context.survey(tmp_path, dockerignore.parse(PATTERNS)).tree(2)) < 1.2
