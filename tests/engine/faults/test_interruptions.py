"""What is cut off in the middle: by the reader, by a signal, by an engine that goes away, by a neighbour.

After each there is one clear sentence, nothing of ours runs or lies about, and the next run works. The
notebooks are real kernels, driven as JupyterLab drives them; engines that are killed are the tests' own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from jupyter_client import KernelManager

from helpers import buildx
from helpers import engine as engines
from helpers.buildx import BuildError, Request
from helpers.claims import ledger
from helpers.engine import EngineError, NoEngineError, PrivateEngine, container, leftovers, saved
from helpers.engine.container import OWNER_LABEL
from helpers.host import debian, paths, workspace
from helpers.host.errors import WorkbookError
from helpers.image import Image, secrets

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(sys.platform != "linux", reason="it looks at processes in /proc"),
]

PATIENCE = 120.0
TOOLS = "COPY busybox /bin/sh\nCOPY busybox /bin/busybox\n"
SLEEPS = f"FROM scratch\n{TOOLS}RUN echo ready; busybox sleep {{seconds}}\n"
SERVES = f"""\
FROM scratch
{TOOLS}COPY source.txt /www/healthz
CMD ["busybox", "httpd", "-f", "-p", "3000", "-h", "/www"]
"""


def _wait_for(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen in {PATIENCE:.0f} s"
        time.sleep(0.05)


def _processes(words: str, *, at_first: bool = False) -> list[int]:
    """Return the processes, those of build steps too, whose command line holds (begins with) words."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if command.startswith(words) if at_first else words in command:
                found.append(int(entry.name))
    return found


def _seconds() -> str:
    """Return a time to sleep, longer than any patience here, that no other process was given."""
    return f"{300 + time.time_ns() % 10**9 / 10**9:.9f}"


def _request(context: Path, tag: str, text: str, **wishes) -> Request:
    (context / "Dockerfile").write_text(text)
    return Request(context / "Dockerfile", context, tag, **wishes)


def _when_ready(act: Callable[[], object]) -> Callable[[object], None]:
    """Return a watcher that acts, from a thread of its own, a moment after the step said ``ready``."""
    acted = threading.Event()

    def watch(progress):
        if not acted.is_set() and "ready" in progress.log:
            acted.set()
            threading.Timer(0.5, act).start()

    return watch


def _assert_one_sentence(error: WorkbookError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 300
    assert error.__cause__ is None


def _containers(engine) -> list[str]:
    listed = engine.client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True)
    return [f"{one.name} {one.labels[OWNER_LABEL]}" for one in listed]


# A notebook


@dataclass
class Shown:
    """What a cell printed, and the error that it ended with: its name, and the lines that one sees."""

    text: str = ""
    error: str = ""
    lines: list[str] = field(default_factory=list)


class Notebook:
    """A kernel of its own in the folder of the lessons."""

    def __init__(self, state: Path) -> None:
        environment = {**os.environ, "WORKBOOK_STATE": str(state), "PYTHONPATH": str(paths.ROOT)}
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(cwd=str(paths.ROOT / "notebooks"), env=environment)
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)

    @property
    def process(self) -> int:
        return self._manager.provisioner.pid

    def run(self, cell: str) -> Shown:
        """Run a cell to its end."""
        self.start(cell)
        return self.end()

    def start(self, cell: str) -> None:
        """Begin a cell."""
        self._sent, self._shown, self._ended = (
            self._client.execute(textwrap.dedent(cell)),
            Shown(),
            False,
        )

    def until(self, word: str) -> None:
        """Wait until the cell has printed a word."""
        _wait_for(lambda: self._listen() or word in self._shown.text, f"{word!r} in the cell's output")

    def end(self) -> Shown:
        """Wait until the cell has ended."""
        _wait_for(lambda: self._listen() or self._ended, "the end of the cell")
        return self._shown

    def _listen(self) -> None:
        with contextlib.suppress(queue.Empty):
            message = self._client.get_iopub_msg(timeout=0.1)
            if message["parent_header"].get("msg_id") != self._sent:
                return
            content, kind = message["content"], message["msg_type"]
            self._shown.text += content["text"] if kind == "stream" else ""
            self._ended |= kind == "status" and content["execution_state"] == "idle"
            if kind == "error":
                self._shown.error, self._shown.lines = content["ename"], content["traceback"]

    def interrupt(self) -> None:
        """Press ■."""
        self._manager.interrupt_kernel()

    def kill(self) -> None:
        """End the kernel as the system does when memory is short."""
        os.kill(self.process, signal.SIGKILL)

    def close(self) -> None:
        """Shut the kernel down, as one closes a notebook."""
        self._client.stop_channels()
        self._manager.shutdown_kernel()


@contextlib.contextmanager
def _notebook(state: Path) -> Iterator[Notebook]:
    opened = Notebook(state)
    try:
        yield opened
    finally:
        opened.close()


BEGIN = """\
import shutil, time
from helpers import lesson
from helpers.engine import container
from helpers.engine import find
from helpers.image import image, layers, secrets
app = lesson.app()
shutil.copy({busybox!r}, app.path / "busybox")
app.write("sleeps.Dockerfile", {sleeps!r})
app.write("quick.Dockerfile", {quick!r})
print(app.path)
"""


def _begin(opened: Notebook, busybox: Path, mark: str) -> Path:
    """Open a lesson: a working copy with two Dockerfiles; return where the copy lies."""
    sleeps, quick = SLEEPS.format(seconds=mark), f"FROM scratch\n{TOOLS}RUN echo {mark}\n"
    shown = opened.run(BEGIN.format(busybox=str(busybox), sleeps=sleeps, quick=quick))
    assert not shown.error, shown.lines
    return Path(shown.text.strip())


def _sample_app() -> str:
    files = sorted(path for path in paths.SAMPLE_APP.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _remove_image(engine, tag: str) -> None:
    for found in engine.client.images.list(filters={"reference": tag}):
        engine.client.images.remove(found.id, force=True)


def _wait_for_step(mark: str) -> None:
    """Wait until the step sleeps in its container, not while its shell is about to start that."""
    _wait_for(lambda: _processes(f"busybox sleep {mark}", at_first=True), "the step")


def _here(engine) -> None:
    if not Path(engine.root).is_dir():
        pytest.skip("the engine's processes are those of another machine")


# ■ and Ctrl-C


def test_an_interrupted_cell_says_one_sentence_and_leaves_nothing(engine, busybox, tmp_path):
    """In a build, in a container, in the export of an image and in the analysis of its layers."""
    _here(engine)
    before, mark = _sample_app(), _seconds()
    with _notebook(tmp_path) as notebook:
        copy = _begin(notebook, busybox, mark)

        def interrupted(cell: str, begun: Callable[[], None]) -> Shown:
            notebook.start(cell)
            begun()
            notebook.interrupt()
            shown = notebook.end()
            assert len(shown.lines) == 1, shown
            assert "at your request" in shown.lines[0]
            assert "Traceback" not in shown.text
            return shown

        shown = interrupted('lesson.build("sleeps.Dockerfile")', lambda: _wait_for_step(mark))
        assert shown.error == "StoppedByReaderError"
        _wait_for(lambda: not _processes(mark), "the end of the step")
        assert not _processes("workbook/sleeps")
        assert not engine.client.images.list(filters={"reference": "workbook/sleeps"})

        built = notebook.run('made = lesson.build("quick.Dockerfile"); print("built", made.image_id)')
        assert "built sha256:" in built.text, built
        try:
            _interrupt_the_rest(notebook, interrupted)
            assert not [name for name in _containers(engine) if f"-{notebook.process}-" in name]
            again = 'print(container.finished(made.image_id, "busybox", "echo", "it", "runs").output)'
            assert notebook.run(again).text.strip() == "it runs"
        finally:
            _remove_image(engine, "workbook/quick")
            _remove_image(engine, "workbook/sleeps")
        assert copy.is_dir()
    assert not copy.parent.exists()
    assert _sample_app() == before


def _interrupt_the_rest(
    notebook: Notebook, interrupted: Callable[[str, Callable[[], None]], Shown]
) -> None:
    beside = """\
    with container.created(made.image_id, options={"command": ["busybox", "sleep", "300"]}) as one:
        container.start(one)
        print("up")
        time.sleep(300)
    """
    interrupted(beside, lambda: notebook.until("up"))
    waiting = """\
    import threading
    threading.Timer(1.0, print, ["waits"]).start()
    container.finished(made.image_id, "busybox", "sleep", "300")
    """
    interrupted(waiting, lambda: notebook.until("waits"))
    held_up = """\
    def held_up(*_):
        print("reads")
        time.sleep(300)
    """
    connections = """\
    import pathlib
    made.engine.client.api.close()  # those that idle come and go
    links = [str(entry.readlink()) for entry in pathlib.Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    print(sum(link.startswith("socket:") for link in links))
    """
    search = 'secrets._search_layer = held_up; secrets.search(made.image, "x" * 20)'
    notebook.run(held_up)
    notebook.run("1 / 0")  # a notebook keeps the last error, and all that its frames hold
    opened = notebook.run(connections).text
    interrupted(search, lambda: notebook.until("reads"))
    assert notebook.run(connections).text == opened, (
        "the engine still waits for the reader of its export"
    )
    interrupted(
        "layers.layer_tar.entries = held_up; made.image.facts()",
        lambda: notebook.until("reads"),
    )


def test_what_a_killed_kernel_left_goes_with_the_next_run(engine, busybox, tmp_path, monkeypatch):
    _here(engine)
    mark = _seconds()
    notebook = Notebook(tmp_path)
    copy = _begin(notebook, busybox, mark)
    work = """\
    made = lesson.build("quick.Dockerfile")
    with container.created(made.image_id, options={"command": ["busybox", "sleep", "300"]}) as one:
        container.start(one)
        lesson.build("sleeps.Dockerfile")
    """
    notebook.start(work)
    _wait_for_step(mark)
    notebook.kill()
    try:
        _wait_for(lambda: not _processes(mark), "the end of the step")
        _wait_for(lambda: not _processes("workbook/sleeps"), "the end of the client")
        assert copy.is_dir()
        assert [name for name in _containers(engine) if f"-{notebook.process}-" in name]
        monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
        workspace.copy().close()
        assert not copy.parent.exists()
        assert (
            container.finished("workbook/quick", "busybox", "echo", "it", engine=engine).output == "it\n"
        )
        assert not [name for name in _containers(engine) if f"-{notebook.process}-" in name]
    finally:
        notebook.close()
        _remove_image(engine, "workbook/quick")


# An engine that goes away


@pytest.fixture(scope="module")
def doomed(programs, tmp_path_factory) -> Iterator[PrivateEngine]:
    """Start an engine that the tests may stop and kill."""
    own = PrivateEngine(tmp_path_factory.mktemp("doomed"), programs=programs)
    own.start()
    yield own
    own.remove()


def _kill(own: PrivateEngine) -> None:
    os.kill(own._daemon(), signal.SIGKILL)


@contextlib.contextmanager
def _meanwhile(ready: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Act from a thread of its own as soon as something holds; the block ends when that is done."""

    def work() -> None:
        _wait_for(ready, "what the test waits for")
        act()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    begun = time.monotonic()
    with pytest.raises(EngineError, match="went away; start it again") as caught:
        yield
    assert time.monotonic() - begun < PATIENCE
    _assert_one_sentence(caught.value)


@pytest.mark.private_engine
def test_an_engine_that_is_stopped_in_a_build_is_missed_at_once(doomed, context, monkeypatch):
    engine, mark = engines.of(doomed), _seconds()
    served = buildx.build(_request(context, "serves", SERVES), engine=engine)
    sleeps = _request(context, "sleeps", SLEEPS.format(seconds=mark), cold=True)
    step = lambda: _processes(f"busybox sleep {mark}", at_first=True)  # noqa: E731
    with _lost(), _meanwhile(step, doomed.stop):
        buildx.build(sleeps, engine=engine)
    assert not _processes(mark)

    monkeypatch.setenv("DOCKER_HOST", doomed.environment()["DOCKER_HOST"])
    with pytest.raises(NoEngineError, match=r"No Docker engine answers at DOCKER_HOST=\S+; start that"):
        engines.find()
    for verb in (
        lambda: buildx.build(sleeps, engine=engine),
        lambda: container.finished(served.image_id, engine=engine),
        lambda: Image(engine, served.image_id).facts(),
        lambda: Image(engine, served.image_id).read("/www/healthz"),
        lambda: secrets.search(Image(engine, served.image_id), "x" * 20),
    ):
        with _lost():
            verb()

    doomed.start()
    again = buildx.build(_request(context, "serves", SERVES, cold=True), engine=engine)
    with container.running(again.image_id, engine=engine) as api:
        assert api.request("GET", "/healthz").body == "first\n"
    assert not _containers(engine)


@pytest.mark.private_engine
@pytest.mark.rare
def test_an_engine_that_dies_under_a_container_is_missed_and_the_next_run_cleans_up(doomed, context):
    engine, mark = engines.of(doomed), _seconds()
    made = buildx.build(_request(context, "serves", SERVES), engine=engine).image_id

    def wait() -> None:
        sleeps = lambda: _processes(f"busybox sleep {mark}", at_first=True)  # noqa: E731
        with _meanwhile(sleeps, lambda: _kill(doomed)):
            container.finished(made, "busybox", "sleep", mark, engine=engine)

    def export() -> None:
        with container.created(made, engine=engine):
            for member in saved.members(engine, made):
                for _ in member.chunks:
                    if doomed._daemon():
                        _kill(doomed)

    def ask() -> None:
        with container.running(made, engine=engine) as api:
            _kill(doomed)
            daemons = doomed._processes()
            for process in daemons:
                os.kill(process, signal.SIGKILL)
            api.request("GET", "/healthz")

    for work in (wait, export, ask):
        with _lost():
            work()
        doomed.start()
        assert len(_containers(engine)) == 1
        assert container.finished(made, "busybox", "echo", "it", engine=engine).output == "it\n"
        assert not _containers(engine)


# A client that is killed, and what a builder may say


@pytest.mark.rare
@pytest.mark.parametrize("victims", ["the plugin", "both"])
def test_a_client_that_is_killed_is_one_sentence_and_its_build_ends(engine, context, tag, victims):
    _here(engine)
    mark = _seconds()
    request = _request(context, tag, SLEEPS.format(seconds=mark), cold=True)

    def kill() -> None:
        for process in _processes(f"--tag {tag}"):
            program = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0]
            if victims == "both" or program.endswith(b"docker-buildx"):
                os.kill(process, signal.SIGKILL)

    step = lambda: _processes(f"busybox sleep {mark}", at_first=True)  # noqa: E731
    begun = time.monotonic()
    with (
        pytest.raises(BuildError, match="was killed in the middle of the build") as caught,
        _meanwhile(step, kill),
    ):
        buildx.build(request, engine=engine)
    assert time.monotonic() - begun < PATIENCE
    _assert_one_sentence(caught.value)
    _wait_for(lambda: not _processes(mark), "the end of the step")
    assert not _processes(tag)
    assert buildx.build(_request(context, tag, SERVES), engine=engine).image_id


# Two notebooks at once

NEIGHBOUR = """\
import sys
from pathlib import Path
from helpers.buildx import Request, build
from helpers.claims import Judgement, Verdict, ledger
from helpers.engine import container
from helpers.engine import find
from helpers.host import workspace
engine, context, tag, own = find(), Path(sys.argv[1]), sys.argv[2], sys.argv[3]
for number in range(3):
    with workspace.copy(context) as copy:
        copy.write("source.txt", f"{own} {number}\\n")
        result = build(Request(copy.path / "Dockerfile", copy.path, tag, cold=True), engine=engine)
        with container.running(result.image_id, engine=engine) as api:
            assert api.request("GET", "/healthz").body == f"{own} {number}\\n"
        assert result.image.read("/www/healthz") == f"{own} {number}\\n".encode()
        assert result.image.facts().layers
    ledger.keep(Judgement(f"{own}{number}", Verdict.HOLDS, "", ""), "lesson", "", stand_ins=False)
"""


@pytest.mark.private_engine
def test_two_notebooks_that_build_the_same_at_once_get_each_its_own(
    doomed, context, tmp_path, monkeypatch
):
    engine = engines.of(doomed)
    _request(context, "shop", SERVES)
    environment = {**engine.process_environment(), "WORKBOOK_STATE": str(tmp_path / "state")}
    environment["PYTHONPATH"] = str(paths.ROOT)
    neighbours = [
        subprocess.Popen(
            [sys.executable, "-c", NEIGHBOUR, str(context), "shop", own],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for own in ("a", "b")
    ]
    try:
        said = [neighbour.communicate(timeout=2 * PATIENCE)[1] for neighbour in neighbours]
    finally:
        for neighbour in neighbours:
            neighbour.kill()
    assert [neighbour.returncode for neighbour in neighbours] == [0, 0], said
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))
    assert sorted(ledger.records()) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert not list(paths.state("copies").iterdir())
    assert not _containers(engine)


@pytest.mark.private_engine
def test_a_build_takes_away_only_what_nobody_else_looks_at(doomed, context, monkeypatch):
    """An image that lost its name goes at once if it is ours alone, and after a day in any case."""
    engine = engines.of(doomed)
    program = (
        "import sys; from pathlib import Path; from helpers.buildx import Request, build;"
        "folder = Path(sys.argv[1]); print(build(Request(folder / 'Dockerfile', folder, 'shop')).image_id)"
    )

    def ours(source: str) -> str:
        (context / "source.txt").write_text(source)
        return buildx.build(_request(context, "shop", SERVES), engine=engine).image_id

    def elsewhere() -> str:
        environment = {**engine.process_environment(), "PYTHONPATH": str(paths.ROOT)}
        command = [sys.executable, "-c", program, str(context)]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def there(image_id: str) -> bool:
        return image_id in {found["Id"] for found in engine.client.api.images(all=True)}

    asked, remove = [], leftovers._remove_nameless
    monkeypatch.setattr(
        leftovers,
        "_remove_nameless",
        lambda image, engine, **own: asked.append(image) or remove(image, engine, **own),
    )
    (context / "source.txt").write_text("theirs")
    _request(context, "shop", SERVES)
    theirs = elsewhere()
    both = ours("both")
    assert there(theirs)
    assert elsewhere() == both
    alone = ours("alone")
    assert there(both)
    last = ours("last")
    assert not there(alone)
    assert asked.count(theirs) == 1, "each build pays for the images that others left"
    monkeypatch.setattr(leftovers, "_LOOKED_AT", timedelta(0))
    assert ours("last") == last
    assert not there(theirs)
    assert not there(both)
    assert there(last)


# A clock that goes backwards

BACKWARDS = """\
import json, re, select, sys, time
from pathlib import Path
from helpers.buildx import live
from helpers import buildx
from helpers.engine import container
from helpers.engine import find
from helpers.measure import pipeline
time.sleep = lambda seconds: select.select([], [], [], seconds)  # libfaketime fails in Python's own
engine, context, tag, clock = find(), Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
boards, back = [], iter(range(1, 10000))
live._Log.draw = lambda _, board: boards.append(live.as_text(board))
with live.watcher("backwards") as draw:
    def watch(progress):
        clock.write_text(f"-{next(back)}h")
        draw(progress)
    before = time.time()
    result = buildx.build(buildx.Request(context / "Dockerfile", context, tag, cold=True), watch, engine)
    assert time.time() < before, "the clock was not turned back"
clock.write_text("-5d")
with container.running(result.image_id, engine=engine) as api:
    clock.write_text("-9d")
    ready = api.ready_seconds
shown = [float(s) for board in boards for s in re.findall(r"(-?[0-9.]+) s", board)]
print(json.dumps([result.seconds, ready, pipeline.seconds_to_first_response(result), *shown]))
"""


@pytest.fixture(scope="session")
def fake_clock(tmp_path_factory) -> Path:
    """Fetch Debian's libfaketime, which tells a process another time of day."""
    suite = debian.Suite(paths.state("apt"), debian.host_suite())
    folder = debian.unpack(suite.fetch(["libfaketime"]), tmp_path_factory.mktemp("libfaketime"))
    return next(folder.rglob("libfaketime.so.1"))


@pytest.mark.rare
def test_a_clock_that_goes_backwards_in_a_measurement_gives_no_negative_time(
    engine, context, tag, tmp_path, fake_clock
):
    _request(context, tag, SERVES)
    (clock := tmp_path / "clock").write_text("+0")
    environment = {
        **engine.process_environment(),
        "PYTHONPATH": str(paths.ROOT),
        "LD_PRELOAD": str(fake_clock),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    command = [sys.executable, "-c", BACKWARDS, str(context), tag, str(clock)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    seconds = json.loads(ran.stdout)
    assert len(seconds) > 10
    assert all(0 <= one < PATIENCE for one in seconds)
