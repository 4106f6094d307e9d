"""The lessons' verbs on the article's Dockerfiles: what they measure, and what they leave alone."""

import hashlib
import shlex

import pytest

from helpers import claims
from helpers.buildx import steps
from helpers.claims import Verdict
from helpers.host import paths
from helpers.host.tables import MB
from helpers.lesson import pins, stages, verbs

pytestmark = pytest.mark.engine


def fingerprint():
    files = sorted(path for path in paths.SAMPLE_APP.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(f).encode() + f.read_bytes() for f in files)).hexdigest()


@pytest.fixture(scope="module")
def variants():
    before = fingerprint()
    names = ("naive", "alpine", "distroless", "distroless_pruned")
    yield {name: verbs.build(name) for name in names}
    assert fingerprint() == before


@pytest.mark.parametrize("name", ["naive", "alpine", "distroless", "distroless_pruned"])
def test_every_variant_answers_over_http(variants, name):
    assert len(verbs.try_out(variants[name]).rows) == 5


@pytest.mark.parametrize("name", ["naive", "alpine", "distroless", "distroless_pruned"])
def test_the_layers_add_up_to_the_engines_figure_to_the_byte(variants, name):
    built = variants[name]
    total = round(verbs.layers(built)["uncompressed MB"].sum() * MB)
    assert total == built.uncompressed_bytes
    if built.engine.store != "containerd":  # whose figure is that of the compressed blobs
        assert total == built.engine.client.images.get(built.image_id).attrs["Size"]


def test_the_articles_distroless_ships_dev_dependencies_and_the_pruned_one_none(variants):
    assert verbs.passengers(variants["distroless"])["devDependencies"] > 10 * MB
    assert verbs.passengers(variants["distroless_pruned"])["devDependencies"] == 0


def test_the_naive_image_holds_the_secret_and_the_alpine_one_does_not(variants):
    secret = "secrets swept in (.env*)"
    assert verbs.passengers(variants["naive"])[secret] > 0
    assert verbs.passengers(variants["alpine"])[secret] == 0


def test_only_the_named_folder_crosses_into_the_alpine_image(variants):
    crossed = verbs.crossed_paths(variants["alpine"])
    assert "/app/dist/index.js" in crossed
    assert claims.copied_files(["/app/dist"], crossed).verdict is Verdict.HOLDS


def test_a_shell_starts_in_alpine_and_not_in_distroless(variants):
    shells, managers, ran = verbs.shells_and_managers(variants["alpine"])
    assert shells
    assert managers
    assert ran
    assert verbs.shells_and_managers(variants["distroless"]) == ([], [], False)


def test_charts_name_their_engine_and_say_stand_in_where_one_takes_part(variants):
    caption = verbs.conditions(*variants.values())
    assert "Docker Engine" in caption
    for base in {b.name: b for v in variants.values() for b in v.bases}.values():
        assert base.note in caption
        assert ("stand-in" in base.note) == (base.source.value == "stand-in")


def test_a_dockerfile_that_the_reader_changes_is_built_as_changed(variants):
    changed = verbs.text("naive").replace("EXPOSE 3000", "EXPOSE 3000\nLABEL reader=me")
    verbs.app().write("dockerfiles/of_a_reader.Dockerfile", changed)
    built = verbs.build("dockerfiles/of_a_reader.Dockerfile")
    image = built.engine.client.images.get(built.image_id)
    assert image.labels["reader"] == "me"
    built.engine.client.images.remove(built.tag)


TWO_STAGES = """\
FROM node:20-alpine AS one
RUN echo built > /built
FROM node:20-alpine AS two
RUN echo mine > /mine
COPY --from=one /built /built
"""
OTHER = (
    "FROM scratch AS elsewhere\nCOPY package.json /a\nFROM elsewhere AS another\nCOPY package.json /b\n"
)


def analysed(built):
    """Return what each verb that needs the Dockerfile says of a build."""
    return {
        "the last stage stands on": verbs.final_base(built),
        "layers": verbs.layers(built).to_dict(),
        "copied from another stage": verbs.crossed_paths(built),
        "stages on an image": pins.stages(built).to_dict("list"),
        "stages that ran": stages.ran(built).to_dict("list"),
        "steps": steps.of(built),
        "steps in order": steps.in_order(built),
        "costs": steps.line_costs(built).to_csv(),
    }


@pytest.mark.parametrize("afterwards", [OTHER, None], ids=["another file", "no file"])
def test_an_analysis_speaks_of_the_file_that_was_built_whatever_becomes_of_it(afterwards):
    name = "dockerfiles/edited_afterwards.Dockerfile"
    file = verbs.app().write(name, TWO_STAGES)
    built = verbs.build(name)
    before = analysed(built)
    assert before["copied from another stage"] == ["/built"]
    file.write_text(afterwards) if afterwards else file.unlink()
    after = analysed(built)
    built.engine.client.images.remove(built.tag)
    assert after == before


@pytest.mark.parametrize("name", ["alpine", "dockerfiles/Of_Mine.Dockerfile"])
def test_the_command_that_is_shown_is_the_one_that_the_build_runs(name):
    if "/" in name:
        verbs.app().write(name, "FROM scratch\nCOPY package.json /a\n")
    shown = verbs.command(name).data
    built = verbs.build(name)
    if "/" in name:
        built.engine.client.images.remove(built.tag)
    words = shown.removeprefix("```sh\n").removesuffix("\n```").replace("\\\n", " ")
    ran = built.shell_command.replace(f"{paths.ROOT}/", "")
    assert shlex.split(words) == shlex.split(ran)
