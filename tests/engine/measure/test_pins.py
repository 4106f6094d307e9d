"""Tags move and digests do not, mixed stages do not run, and nothing of it is left in the engine."""

from __future__ import annotations

import pytest

from helpers import bases, buildx
from helpers.buildx import BuildError, Request
from helpers.engine import container
from helpers.host.errors import WorkbookError
from helpers.lesson import pins as pins_lesson
from helpers.lesson import verbs
from helpers.measure import pins
from helpers.measure.pins import Registry

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def registry(engine):
    with Registry(engine) as registry:
        yield registry
    left = [tag for image in engine.client.images.list() for tag in image.tags]
    assert not [tag for tag in left if tag.startswith(registry.address)]


@pytest.fixture
def base(context, engine, new_tag):
    """Make a small base image that says what it was made with."""

    def make(content: str) -> str:
        (context / "source.txt").write_text(content)
        (context / "Dockerfile").write_text(
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY source.txt /source.txt\n"
            'CMD ["/bin/busybox", "cat", "/source.txt"]\n'
        )
        return buildx.build(Request(context / "Dockerfile", context, new_tag()), engine=engine).tag

    return make


@pytest.fixture
def built_on(tmp_path, engine, registry, new_tag):
    """Build on an image of the registry, and return what its container prints."""

    def make(image: str) -> str:
        file = tmp_path / "Dockerfile"
        file.write_text(f"FROM {registry.address}/{image}\n")
        found = registry.base(f"{registry.address}/{image}")
        result = buildx.build(Request(file, tmp_path, new_tag(), bases=(found,)), engine=engine)
        return container.finished(result.image_id, engine=engine).output

    return make


@pytest.mark.every_engine
def test_a_tag_that_moved_gives_another_image_and_the_digest_the_same(registry, base, built_on):
    first = registry.publish(base("old"), "moves:1")
    assert [built_on("moves:1"), built_on(first.image)] == ["old", "old"]
    second = registry.publish(base("new"), "moves:1")
    assert first.digest != second.digest
    assert registry.resolve("moves:1") == second
    assert [built_on("moves:1"), built_on(first.image), built_on(second.image)] == ["new", "old", "new"]


@pytest.mark.every_engine
def test_what_is_published_is_known_by_tag_and_by_digest(registry, base):
    pin = registry.publish(base("known"), "known:1")
    for name in (f"{registry.address}/known:1", str(pin)):
        found = registry.base(name)
        assert found.name == found.reference == name
        assert found.source is bases.Source.PRESENT
        assert found.arguments() == []
    assert registry.base("node:20") is None


@pytest.mark.every_engine
def test_a_digest_that_the_registry_does_not_have_is_refused_by_name(registry, base, built_on):
    wrong = registry.publish(base("right"), "refuses:1").altered()
    with pytest.raises(BuildError, match=f"{wrong.digest}: not found"):
        built_on(wrong.image)


def test_only_a_digest_that_is_not_there_counts_as_refused(registry, base):
    pin = registry.publish(base("no Node"), "node:1")
    sentence = pins_lesson.refusal(pin.altered().image, registry).sentence
    assert f"{pin.altered().digest}: not found" in sentence
    with pytest.raises(BuildError, match=r"WORKDIR|npm ci"):
        pins_lesson.refusal(pin.image, registry)


def test_a_tag_that_nobody_published_is_one_sentence(registry):
    with pytest.raises(WorkbookError, match=r"no image .*nothing:1"):
        registry.resolve("nothing:1")


def test_a_closed_registry_answers_no_more(engine):
    with Registry(engine) as registry:
        address = registry.address
    with pytest.raises(WorkbookError, match="cannot be reached"):
        pins.resolve(f"{address}/node:20", engine)


def test_node_tells_its_version_its_abi_and_its_c_library(engine):
    names = ["node:20-alpine", "gcr.io/distroless/nodejs20-debian12"]
    musl, glibc = (pins.runtime(b.reference, engine) for b in bases.resolve(names, engine))
    assert musl.libc == "musl"
    assert glibc.libc.startswith("glibc 2.")
    assert musl.node.startswith("20.")
    assert musl.abi == glibc.abi == 115


def test_an_image_whose_program_answers_otherwise_is_one_sentence(context, engine, tag):
    (context / "Dockerfile").write_text(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/node\n"
        'ENTRYPOINT ["/bin/busybox", "node"]\n'
    )
    built = buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
    with pytest.raises(WorkbookError, match="no Node that runs"):
        pins.runtime(built.image_id, engine)


@pytest.mark.rare  # lesson 06 shows the same
@pytest.mark.parametrize(
    ("mixed", "agreed", "word"),
    [
        ("two_minors", ["one_minor"], "ERR_REQUIRE_ESM"),
        ("two_lines", ["one_line"], "NODE_MODULE_VERSION 115"),
        (
            "two_libcs",
            ["one_libc_debian", "one_libc_alpine"],
            "argon2-linux-x64-gnu|argon2-linux-arm64-gnu",
        ),
    ],
)
def test_stages_that_differ_in_one_thing_do_not_run_and_agreed_ones_do(mixed, agreed, word):
    trial = pins_lesson.trial(verbs.build(mixed))
    assert not trial.ran
    assert trial.exit_code == 1
    assert any(one in trial.log for one in word.split("|"))
    assert "    at " not in trial.log
    assert all(pins_lesson.trial(verbs.build(name)).ran for name in agreed)


@pytest.mark.rare  # lesson 08 builds on its pins
def test_a_repinned_dockerfile_is_built_on_the_pin(registry):
    pin = registry.publish("node:24-trixie-slim", "node:24")
    file = pins_lesson.write("pinned_test", pin)
    built = pins_lesson.build_file(file, registry)
    assert [base.name for base in built.bases] == [str(pin)]
    assert pins_lesson.node_of(built).startswith("24.")
    assert verbs.try_out(built)
    built.engine.client.images.remove(built.tag)
