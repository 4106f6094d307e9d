"""Machines that fail for real: disks without room, a kill in the middle, odd paths, two clones, a closed one.

After each fault there is one sentence, nothing half-made stays, and the next run works.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from helpers import bases
from helpers import engine as engines
from helpers.bases import host_settings, image_writer, local_registry
from helpers.bases.host_settings import HostSettings
from helpers.buildx import BuildError, Request, build
from helpers.claims import Judgement, Verdict, ledger
from helpers.engine import ContainerError, PrivateEngine, container, pull, registry_api
from helpers.host import paths, workspace
from helpers.host.errors import PrivateEngineError, WorkbookError
from helpers.host.processes import wait_for
from helpers.host.workshop import NoRoomError, Workshop
from helpers.image import image

pytestmark = [
    pytest.mark.engine,
    pytest.mark.private_engine,
]

MB = 1 << 20
FULL = r"^The engine's disk is full; free some room"
SHELL = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\n"
DISTROLESS = "gcr.io/distroless/nodejs20-debian12"


def _request(context: Path, tag: str, text: str) -> Request:
    (context / "Dockerfile").write_text(text)
    return Request(context / "Dockerfile", context, tag)


def _assert_one_sentence(error: BaseException) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 500


# Disks without room


@contextmanager
def _disk(folder: Path, megabytes: int):
    """Have a small disk of its own at ``folder`` for the block."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _fill(disk: Path) -> Path:
    """Leave not a byte on a disk; return the file that took it all."""
    filler = disk / "filler"
    for piece in (MB, 4096, 1):
        with filler.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(piece)):
                    pass
            except OSError:
                continue
    return filler


@pytest.fixture
def cramped(programs, tmp_path):
    """Start an engine whose data lies on a disk of 96 MB, below a path that is not plain."""
    with _disk(tmp_path / "Ordner 'ß' = 1 %", 96) as disk:
        own = PrivateEngine(disk, programs=programs)
        try:
            own.start()
            yield own
        finally:
            own.remove()


@pytest.fixture
def registry_at(engine):
    """Serve an empty registry on loopback; give its address."""
    with local_registry.serving(engine) as address:
        yield address


def _load(engine, content: bytes) -> None:
    image_writer.feed(engine, iter([content]), "an image")


@pytest.mark.rare
def test_a_full_disk_of_the_engine_is_one_sentence_and_room_is_all_it_takes(
    cramped, engine, context, new_tag, registry_at, tmp_path, monkeypatch
):
    small, disk = engines.of(cramped), cramped.folder
    pushed, company = f"{registry_at}/cramped:1", HostSettings(b"certificates", ())
    build(_request(context, ours := new_tag(), f"{SHELL}COPY source.txt /\n"), engine=engine)
    registry_api.push(ours, pushed, engine)
    tag = "workbook-test:cramped"
    writes = f'{SHELL}RUN busybox echo ok > /ok\nCMD ["sh"]\n'
    fills = f"{SHELL}RUN busybox dd if=/dev/zero of=/big bs=1M count=200\n"
    build(_request(context, tag, writes), engine=small)
    saved = b"".join(small.client.images.get(tag).save(named=True))
    with pytest.raises(BuildError, match=FULL) as caught:
        build(_request(context, "workbook-test:big", fills), engine=small)
    _assert_one_sentence(caught.value)
    assert wait_for(
        lambda: shutil.disk_usage(disk).free > 30 * MB, 60
    )  # the builder drops its step late
    written = container.finished(tag, "sh", "-c", "busybox dd if=/dev/zero of=/big bs=1M", engine=small)
    assert written.exit_code != 0

    filler = _fill(disk)
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path))  # the client's own files lie on another disk
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")
    for work, kind in (
        (
            lambda: build(_request(context, tag, f"{SHELL}RUN busybox echo 2 > /2\n"), engine=small),
            BuildError,
        ),
        (lambda: container.finished(tag, "sh", "-c", "true", engine=small), ContainerError),
        (lambda: list(image._contents(image.Image(small, tag), "/bin")), ContainerError),
        (lambda: _load(small, saved.replace(b"cramped", b"cramp2d")), WorkbookError),
        (lambda: bases.prepare(small, [DISTROLESS]), WorkbookError),
        (lambda: pull.pull(pushed, small), WorkbookError),
        (
            lambda: host_settings.make_overlay(tag, tag, company, small, Workshop(tmp_path / "w")),
            WorkbookError,
        ),
    ):
        with pytest.raises(kind, match=FULL) as caught:
            work()
        _assert_one_sentence(caught.value)
    assert small.client.containers.list(all=True) == []
    assert [one.tags for one in small.client.images.list()] == [[tag]]

    filler.unlink()
    assert build(_request(context, tag, writes), engine=small).image_id
    assert container.finished(tag, "sh", "-c", "cat /ok", engine=small).output == "ok\n"
    pull.pull(pushed, small)
    assert small.client.images.get(pushed)


def _judge() -> None:
    because = "It is as large as a record gets. " * 1000
    ledger.keep(Judgement("S1", Verdict.HOLDS, "", because), "01_naive", "", stand_ins=False)


def _sketch(workshop: Workshop, scratch: Path) -> list[image_writer.LayerSource]:
    (scratch / "tree").mkdir()
    (scratch / "tree/file").write_bytes(os.urandom(MB))
    return [image_writer.LayerSource("a layer", scratch / "tree")]


def test_a_full_disk_of_this_machine_is_one_sentence_and_leaves_nothing_half_written(
    engine, programs, context, tag, tmp_path, monkeypatch
):
    request = _request(context, tag, SHELL)
    build(request, engine=engine)
    part = image_writer.LayerRecipe(("a test",), _sketch)
    with _disk(tmp_path / "disk", 8) as disk:
        monkeypatch.setenv("WORKBOOK_STATE", str(disk / "state"))
        shop = Workshop(paths.state("standins"))
        _judge_before = ledger.keep(
            Judgement("S1", Verdict.HOLDS, "", "before"), "01_naive", "", stand_ins=False
        )
        filler = _fill(disk)
        before = sorted(disk.rglob("*"))
        for work, kind, sentence in (
            (_judge, WorkbookError, "no room left for .*state/verdicts"),
            (workspace.copy, WorkbookError, "could not be copied .* No space left"),
            (
                PrivateEngine(disk / "e", programs=programs).start,
                PrivateEngineError,
                "make room there",
            ),
            (
                lambda: image_writer.layers_of(part, shop),
                WorkbookError,
                "no room left for .*state/standins",
            ),
            (
                lambda: shop.run(["dd", "if=/dev/zero", f"of={disk}/more", "count=1"]),
                NoRoomError,
                "no room",
            ),
        ):
            with pytest.raises(kind, match=sentence) as caught:
                work()
            _assert_one_sentence(caught.value)
        (disk / "more").unlink(missing_ok=True)
        shutil.rmtree(disk / "e")
        made = {"verdicts/lock", "standins/locks", "standins/scratch", "copies"}
        left = {str(path.relative_to(disk / "state")) for path in set(disk.rglob("*")) - set(before)}
        assert {name for name in left if not name.startswith(tuple(made))} == set()
        assert [path for path in (disk / "state").rglob("*-*") if path.is_dir()] == []
        assert ledger.records()["S1"] == _judge_before

        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        with pytest.raises(WorkbookError, match=r"no room in|No temporary folder") as caught:
            build(request, engine=engine)
        assert not re.search(FULL, str(caught.value))
        filler.unlink()
        assert build(request, engine=engine).image_id
        _judge()
        assert len(image_writer.layers_of(part, shop)) == 1


# Killed in the middle


PREPARES = """
import sys
from pathlib import Path
from helpers.bases.image_writer import LayerSource, LayerRecipe, layers_of
from helpers.host.workshop import Workshop

def make(workshop, scratch):
    (scratch / "tree").mkdir()
    (scratch / "tree/half").write_text("half")
    workshop.run(["sleep", sys.argv[2]])

layers_of(LayerRecipe(("a test",), make), Workshop(Path(sys.argv[1])))
"""

LOADS = """
import sys, time
from helpers.bases import image_writer
from helpers import engine

def slowly():
    whole = open(sys.argv[1], "rb").read()
    yield whole[: len(whole) // 2]
    print("half", flush=True)
    time.sleep(300)

image_writer.feed(engine.find(), slowly(), "an image")
"""


def _running(words: str) -> bool:
    shown = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True)
    return any(words in line and not line.startswith("Z") for line in shown.stdout.splitlines())


def test_a_kill_in_the_middle_of_preparing_leaves_no_half_made_layer_and_no_process(tmp_path):
    seconds = f"{300 + time.time_ns() % 10**9 / 10**9:.9f}"
    process = subprocess.Popen([sys.executable, "-c", PREPARES, tmp_path, seconds], cwd=paths.ROOT)
    assert wait_for(lambda: _running(f"sleep {seconds}"), 60)
    process.kill()
    process.wait()
    assert wait_for(lambda: not _running(f"sleep {seconds}"), 60)
    (left,) = tmp_path.glob("scratch/*/tree/half")
    (layer,) = image_writer.layers_of(image_writer.LayerRecipe(("a test",), _sketch), Workshop(tmp_path))
    assert layer.uncompressed > MB
    assert not left.exists()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_kill_in_the_middle_of_loading_leaves_no_image_and_the_next_load_works(
    engine, context, tag, tmp_path
):
    build(_request(context, tag, SHELL), engine=engine)
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"".join(engine.client.images.get(tag).save(named=True)))
    engine.client.images.remove(tag)
    process = subprocess.Popen(
        [sys.executable, "-c", LOADS, archive], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.communicate()
    assert wait_for(lambda: not _running(" load --quiet"), 60)
    with pytest.raises(ImageNotFound):
        engine.client.images.get(tag)
    _load(engine, archive.read_bytes())
    assert engine.client.images.get(tag)


# Paths


@pytest.mark.parametrize(
    "name",
    [
        "with spaces, = and 'quotes\"",
        "línea\nnueva",
        "-v",
        "$HOME `id` \\ %s #",
        "/".join(["long" * 60] * 12),
    ],
    ids=["quotes", "newline", "dash", "shell", "long"],
)
def test_a_build_takes_any_path(engine, context, tag, tmp_path, monkeypatch, name):
    folder = tmp_path / name
    shutil.copytree(context, folder)
    dockerfile = folder / "x=y, 'z'.Dockerfile"
    dockerfile.write_text(f"{SHELL}COPY source.txt /\n")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    result = build(Request(dockerfile, folder, tag), engine=engine)
    assert engine.client.images.get(tag).id == result.image_id
    pasted = subprocess.run(["sh", "-c", result.shell_command], capture_output=True, check=False)
    assert pasted.returncode == 0, pasted.stderr
    monkeypatch.chdir(folder)
    here = Request(Path("x=y, 'z'.Dockerfile"), Path(), tag)
    assert build(here, engine=engine).image_id == result.image_id


# Clones


def _clone(folder: Path, programs: Path) -> Path:
    """Copy what the helpers need, with the engine's programs in the place of their download."""
    for name in ("helpers", "sample_app"):
        shutil.copytree(paths.ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules"))
    (folder / ".engine/trixie").mkdir(parents=True)
    (folder / ".engine/trixie/programs").symlink_to(programs.resolve())
    return folder


def _in(clone: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    ours = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "WORKBOOK_STATE", "PYTHONPATH")
    inherited = {key: value for key, value in os.environ.items() if key not in ours}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=clone,
        env={**inherited, "DOCKER_CONTEXT": "", "PYTHONPATH": str(clone), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _done(process: subprocess.Popen[str]) -> str:
    output = process.communicate(timeout=600)[0]
    assert process.returncode == 0, output
    return output


BUILDS = """
import sys
from pathlib import Path
from helpers.buildx import Request, build
from helpers import engine
from helpers.engine import PrivateEngine
from helpers.host import paths

PrivateEngine().start()
found = engine.of(PrivateEngine())
context = Path(sys.argv[1])
print(build(Request(context / "Dockerfile", context, "workbook-test:clone"), engine=found).image_id)
print(paths.state())
"""


@pytest.mark.rare
def test_two_clones_at_once_do_not_disturb_each_other(programs, context, tmp_path):
    clones = [_clone(tmp_path / name, programs) for name in ("clone ä 'one'", "clone two")]
    engines_ = [PrivateEngine(clone / ".engine") for clone in clones]
    (context / "Dockerfile").write_text(f"{SHELL}RUN busybox date > /date\n")
    try:
        outputs = [
            _done(process).splitlines()
            for process in [_in(clone, "-c", BUILDS, str(context)) for clone in clones]
        ]
        assert outputs[0][0] != outputs[1][0]
        assert [output[1] for output in outputs] == [str(clone / ".workbook") for clone in clones]
        _done(_in(clones[0], "-m", "helpers", "clean", DOCKER_HOST=f"unix://{engines_[0].socket}"))
        assert not engines_[0].running
        assert not (clones[0] / ".workbook").exists()
        assert (clones[1] / ".workbook").is_dir()
        engine = engines.of(engines_[1])
        assert engine.client.images.get("workbook-test:clone").id == outputs[1][0]
        assert _done(_in(clones[1], "-c", BUILDS, str(context))).splitlines() == outputs[1]
    finally:
        for engine in engines_:
            engine.remove()


RUNS = """
import sys
from helpers import engine
from helpers.engine import container
with container.created("workbook-test:shared", engine=engine.find()) as made:
    print(made.id, flush=True)
    sys.stdin.read()
    made.reload()
    print(made.status)
"""


@pytest.mark.rare
def test_cleaning_one_clone_leaves_alone_what_another_runs_on_the_same_engine(
    programs, context, tmp_path
):
    one, two = (_clone(tmp_path / name, programs) for name in ("one", "two"))
    shared = PrivateEngine(tmp_path / "shared", programs=programs)
    try:
        shared.start()
        engine, host = engines.of(shared), shared.environment()
        for tag in ("workbook-test:shared", "workbook-test:other"):
            text = f'{SHELL}ENV NAME={tag}\nCMD ["busybox", "sleep", "9"]\n'
            build(_request(context, tag, text), engine=engine)
        learner = _in(two, "-c", RUNS, **host)
        used = learner.stdout.readline().strip()
        said = _done(_in(one, "-m", "helpers", "clean", **host))
        assert f"stay: the checkout in {two} uses them" in said
        assert [made.id for made in engine.client.containers.list(all=True)] == [used]
        assert [made.tags for made in engine.client.images.list()] == [["workbook-test:shared"]]
        assert learner.communicate(timeout=600)[0] == "created\n"
        _done(_in(one, "-m", "helpers", "clean", **host))
        assert engine.client.images.list() == []
    finally:
        shared.remove()


# A checkout that may only be read


READS = """
import sys
from pathlib import Path
from helpers.buildx import Request, build
from helpers.claims import Judgement, Verdict, ledger
from helpers import engine
from helpers.host import paths, workspace
from helpers.host.errors import WorkbookError

try:
    ledger.keep(Judgement("S1", Verdict.HOLDS, "", "It holds."), "01_naive", "", stand_ins=False)
    assert set(ledger.records()) == {"S1"}
    with workspace.copy() as copy:
        assert (copy.path / "package.json").is_file()
    if len(sys.argv) > 1:
        context = Path(sys.argv[1])
        build(Request(context / "Dockerfile", context, sys.argv[2]), engine=engine.find())
    print(paths.state())
except WorkbookError as error:
    print(type(error).__name__, error)
"""
CLOSED = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'


def _closed(folder: Path, *command: str, **environment: str) -> str:
    """Run a command in a checkout that its file system keeps from being written."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("WORKBOOK_STATE", "XDG_CACHE_HOME")}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", CLOSED, folder, *command],
        env={**inherited, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_checkout_that_may_only_be_read_keeps_its_state_in_the_users_cache(
    engine, programs, context, tag, tmp_path
):
    clone, home = _clone(tmp_path / "clone", programs), tmp_path / "home"
    home.mkdir()
    _request(context, tag, SHELL)
    before = sorted(clone.rglob("*"))
    command = [sys.executable, "-B", "-c", READS, str(context), tag]
    path = f"{Path(engine.docker).parent}{os.pathsep}{os.environ['PATH']}"
    said = _closed(clone, *command, HOME=str(home), PATH=path, **engine.environment).strip()
    assert Path(said).parent == home / ".cache"
    assert (Path(said) / "verdicts/verdicts.json").is_file()
    assert sorted(clone.rglob("*")) == before
    _closed(
        clone, sys.executable, "-B", "-m", "helpers", "clean", HOME=str(home), DOCKER_HOST="unix:///no"
    )
    assert not Path(said).exists()


def test_a_user_who_can_write_nowhere_is_told_what_to_set(programs, tmp_path):
    clone, home = _clone(tmp_path / "clone", programs), tmp_path / "home"
    home.mkdir(mode=0o555)
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [*powerless, sys.executable, "-B", "-c", READS]
    said = _closed(clone, *command, HOME=str(home)).strip()
    assert said.startswith("WorkbookError Cannot write to ")
    assert "set WORKBOOK_STATE to a folder you own" in said
    mine = tmp_path / "mine"
    mine.mkdir()
    assert _closed(clone, *command, HOME=str(home), WORKBOOK_STATE=str(mine)).strip() == str(mine)
