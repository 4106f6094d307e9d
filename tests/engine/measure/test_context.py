"""The forecast of what a context sends, held against the builder; and secrets, found where they lie."""

import base64
import random
import subprocess
import tarfile
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import buildx
from helpers.buildx import BuildError, Request, context, dockerignore
from helpers.engine import ImageError, container
from helpers.host import paths
from helpers.host import workspace as workspaces
from helpers.host.errors import WorkbookError
from helpers.host.workspace import FAKE_SECRET
from helpers.image import Image, secrets
from helpers.image.secrets import HISTORY, LAYER, SETTINGS
from helpers.measure import developer_folder, sample
from helpers.measure.context import send, twin

pytestmark = pytest.mark.engine

PROBE = "FROM scratch\nCOPY . /\n"
NAMES = ["a", "b", "ab", "a.b", "keep", "x.log", ".env", "node_modules"]
PARTS = ["a", "b", "?", "*", "**", "a*", "*b", "**b", "[ab]", "keep", "*.log", ".*", "node_modules"]
CASES = 48
HAND_MADE = [
    "node_modules\n.git\n.env*\ndist\n*.log",
    "**/node_modules\n**/.env*",
    "*\n!a\n!**/keep",
    "a\n!a/b",
    "a/b\n!a",
    "a\n!a\na/b",
    "a\n!a/b/keep",
    "**\n!**/x.log\n**/a/x.log",
    "!a\na\n!**/keep\nkeep",
    "/a/\n./b/../ab",
    "# a\n  b  \n\n! a",
    "a/**\n!a/*/keep",
    r"a\.b" + "\n" + r"\a",
]


def make_tree(folder, noise):
    """Make some folders three deep, with files, empty folders and links, and paths that patterns name."""
    for name in ("a/b/keep", "a/x.log", "b/a/x.log", "b/.env", "keep"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    for depth in (1, 2, 3):
        for _ in range(7):
            path = folder.joinpath(*(noise.choice(NAMES) for _ in range(depth)))
            if not any(p.is_file() or p.is_symlink() for p in (path, *path.parents)):
                kind = noise.random()
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.exists() or kind < 0.1:
                    path.mkdir(exist_ok=True)
                elif kind < 0.2:
                    path.symlink_to("nowhere")
                else:
                    path.write_text("x")


def make_patterns(noise):
    """Make up to five patterns, a third of them readmitting."""
    lines = []
    for _ in range(noise.randint(1, 5)):
        text = "/".join(noise.choice(PARTS) for _ in range(noise.randint(1, 3)))
        lines.append(noise.choice(["", "", "!"]) + noise.choice(["", "", "/", "./"]) + text)
    return "\n".join(lines)


def really_sent(engine, folder, dockerfile):
    """Return the paths that the builder got, from the builder itself."""
    out = folder.parent / f"{folder.name}.tar"
    command = engine.command("buildx", "build", "--quiet", "--file", str(dockerfile))
    command += ["--output", f"type=tar,dest={out}", str(folder)]
    done = subprocess.run(
        command, env=engine.process_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with tarfile.open(out) as tar:
        return sorted(name for name in (m.name.strip("/").removeprefix("./") for m in tar) if name)


@pytest.mark.every_engine
def test_the_forecast_is_what_the_builder_gets_for_many_trees_and_patterns(engine, tmp_path):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(PROBE)

    def differs(case):
        noise = random.Random(case)  # noqa: S311
        folder = tmp_path / f"forecast-{case}-{noise.getrandbits(40):x}"
        folder.mkdir()
        make_tree(folder, noise)
        patterns = HAND_MADE[case] if case < len(HAND_MADE) else make_patterns(noise)
        (folder / ".dockerignore").write_text(patterns)
        forecast = context.survey(folder, context.rules(folder, dockerfile))
        wanted = sorted(entry.path for entry in forecast.sent)
        got = really_sent(engine, folder, dockerfile)
        wrong = sorted(set(wanted) ^ set(got))
        return (case, patterns, wrong) if wrong else None, 0 < len(wanted) < len(forecast.entries)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(differs, range(CASES)))
    assert [difference for difference, _ in outcomes if difference] == []
    assert sum(telling for _, telling in outcomes) > CASES / 2  # a part sent, a part kept out


@pytest.mark.every_engine
@pytest.mark.parametrize("pattern", ["[a", "[a-]", "a\\", "!"])
def test_a_pattern_that_the_forecast_refuses_fails_the_build(engine, context, tag, pattern):
    (context / "Dockerfile").write_text(PROBE)
    (context / ".dockerignore").write_text(f"{pattern}\n")
    with pytest.raises(WorkbookError):
        dockerignore.parse(f"{pattern}\n")
    with pytest.raises(BuildError):
        buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)


@pytest.fixture
def small(tmp_path):
    """Make a working copy with a file of a size to recognise."""
    folder = tmp_path / "owner" / "copy"
    folder.mkdir(parents=True)
    with workspaces.Workspace(folder) as copy:
        copy.write("large.bin", "x" * 400_000)
        copy.write("small.txt", "y")
        yield copy


def sent(copy, engine, **how):
    return send(copy, "test", sample.dockerfile("context_probe"), engine, **how)


@pytest.mark.every_engine
def test_every_measurement_sends_all_of_it_though_the_builder_had_it_before(small, engine):
    first, second = sent(small, engine), sent(small, engine)
    for sending in (first, second):
        assert sending.missed == []
        assert 400_000 < sending.bytes < 420_000
        assert sending.bytes_in("large.bin") == 400_000


@pytest.mark.every_engine
def test_a_second_build_of_one_folder_sends_only_what_changed(small, engine, tag):
    dockerfile = sample.dockerfile("context_probe")
    with twin(small) as copy:
        sent = [
            buildx.build(Request(dockerfile, copy.path, tag), engine=engine).context_bytes for _ in "12"
        ]
    assert sent[0] > 400_000
    assert sent[1] < 4_000


@pytest.mark.every_engine
def test_the_dockerfiles_own_ignore_file_counts_and_the_folders_does_not(small, engine):
    sending = sent(small, engine, ignore="small.txt\n", own_ignore="large.bin\n")
    assert "small.txt" in sending.arrived
    assert "large.bin" not in sending.arrived
    assert sending.bytes < 4_000


def test_an_ignore_list_of_a_measurement_leaves_the_original_alone(small, engine):
    mine = small.write(".dockerignore", "small.txt\n")
    assert "large.bin" not in sent(small, engine, ignore="large.bin\n").arrived
    assert mine.read_text() == "small.txt\n"


def test_a_measurement_leaves_no_image_and_no_folder(small, engine, monkeypatch):
    mark = uuid.uuid4().hex  # a lesson may measure at the same time
    monkeypatch.setattr("helpers.measure.context.secrets.token_hex", lambda _: mark)
    assert sent(small, engine).bytes
    assert not engine.client.images.list(f"workbook/context-{mark}")
    mine = [f for f in paths.state("copies").iterdir() if list(f.glob("context-*/large.bin"))]
    assert mine == []


def test_naming_the_paths_in_copy_sends_no_others(engine):
    dockerfile = sample.dockerfile("context_named")
    with workspaces.copy(with_secret=True) as copy:
        sending = send(copy, "named", dockerfile, engine)
    assert "package.json" in sending.arrived
    assert "src/index.ts" in sending.arrived
    assert ".env.local" not in sending.arrived
    assert sending.bytes < sending.forecast.sent_bytes


@pytest.fixture(scope="module")
def filled(engine, tmp_path_factory):
    """Fill a working copy, with fixtures of a tenth of their size and no modules."""
    stub = tmp_path_factory.mktemp("installed")
    (stub / "Dockerfile").write_text("FROM scratch\nCOPY . /app\n")
    for path in ("node_modules/pino/pino.js", "dist/index.js"):
        (stub / path).parent.mkdir(parents=True)
        (stub / path).write_text("module.exports = {};\n")
    installed = buildx.build(
        Request(stub / "Dockerfile", stub, "workbook-test/installed"), engine=engine
    )
    with pytest.MonkeyPatch.context() as patch, workspaces.copy(with_secret=True) as copy:
        patch.setattr(developer_folder, "FIXTURE_BYTES", 500_000)
        developer_folder.fill(copy, installed.image_id, engine)
        yield copy
    engine.client.images.remove("workbook-test/installed")


def listed(name):
    return (paths.DOCKERFILES / f"{name}.dockerignore").read_text()


def test_the_article_s_list_sends_fixtures_and_a_secret_and_the_recommended_one_neither(filled, engine):
    without = sent(filled, engine)
    minimal = sent(filled, engine, ignore=listed("minimal"))
    recommended = sent(filled, engine, ignore=listed("recommended"))
    assert [s.missed for s in (without, minimal, recommended)] == [[], [], []]
    assert set(developer_folder.SECRET_FILES) <= set(without.arrived)
    assert set(developer_folder.SECRET_FILES) & set(minimal.arrived) == {f"{developer_folder.TOOL}/.env"}
    assert f"{developer_folder.TOOL}/node_modules/pino/pino.js" in minimal.arrived
    assert (
        minimal.bytes_in(developer_folder.FIXTURES) == without.bytes_in(developer_folder.FIXTURES) > 20e6
    )
    assert (
        set(recommended.arrived)
        & {*developer_folder.SECRET_FILES, developer_folder.FIXTURES, "node_modules"}
        == set()
    )
    assert recommended.bytes < 0.3e6


def test_the_recommended_list_leaves_what_the_build_and_the_app_need(filled, engine, tag):
    with twin(filled, listed("recommended")) as copy:
        built = buildx.build(Request(sample.dockerfile("recommended"), copy.path, tag), engine=engine)
    with container.running(built.image_id, engine=engine) as api:
        assert len(sample.prove(api).rows) == 5


@pytest.mark.parametrize(
    ("name", "how", "where"),
    [
        ("secret_copied", "file", {LAYER}),
        ("secret_removed", "file", {LAYER}),
        ("secret_argument", "argument", {HISTORY}),
        ("secret_variable", "argument", {HISTORY, SETTINGS}),
        ("secret_mounted", "mount", set()),
    ],
)
def test_a_secret_is_found_wherever_the_build_left_it(engine, tag, tmp_path, name, how, where):
    key = tmp_path / "key"
    key.write_text(FAKE_SECRET)
    with workspaces.copy(with_secret=how == "file") as copy:
        request = Request(
            sample.dockerfile(name),
            copy.path,
            tag,
            build_args={"PAYMENT_API_KEY": FAKE_SECRET} if how == "argument" else {},
            extra=("--secret", f"id=payment_api_key,src={key}") if how == "mount" else (),
        )
        built = buildx.build(request, engine=engine)
    found = secrets.search(built.image, FAKE_SECRET)
    assert {sighting.where for sighting in found.sightings} == where
    assert found.layers == len(engine.client.images.get(tag).attrs["RootFS"]["Layers"])
    assert found.layer_bytes > engine.client.images.get(tag).attrs["Size"]  # tar headers come on top


def test_the_step_with_the_mount_really_read_the_secret(engine, tag, tmp_path):
    key = tmp_path / "key"
    key.write_text(FAKE_SECRET)
    with workspaces.copy() as copy:
        extra = ("--secret", f"id=payment_api_key,src={key}")
        built = buildx.build(
            Request(sample.dockerfile("secret_mounted"), copy.path, tag, cold=True, extra=extra)
        )
    assert int(built.image.read("/app/key-length.txt")) == len(FAKE_SECRET)


@pytest.mark.every_engine
def test_a_secret_in_base64_across_files_of_a_layer_is_found_in_its_file(engine, context, tag):
    for offset in range(3):
        (context / f"hidden-{offset}").write_bytes(
            base64.b64encode(b"x" * offset + FAKE_SECRET.encode())
        )
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    built = buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
    found = secrets.search(built.image, FAKE_SECRET).sightings
    assert sorted((s.what, s.form) for s in found) == [
        (f"/hidden-{offset}", f"base64, offset {offset}") for offset in range(3)
    ]


@pytest.mark.every_engine
def test_a_label_that_holds_a_secret_is_a_sighting(engine, context, tag):
    (context / "Dockerfile").write_text(f"FROM scratch\nCOPY source.txt /\nLABEL key={FAKE_SECRET}\n")
    built = buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
    found = secrets.search(built.image, FAKE_SECRET).sightings
    assert {s.where for s in found} == {HISTORY, SETTINGS}


def test_a_short_text_is_not_searched_for(engine):
    with pytest.raises(ImageError):
        secrets.search(Image(engine, "anything"), "short")
