"""The images below the article's size: they answer, they are as small as said, and what they lost."""

import pytest

from helpers import claims
from helpers.buildx import BuildError
from helpers.claims import Reached
from helpers.host.tables import MB
from helpers.lesson import howlow, verbs

pytestmark = [pytest.mark.engine, pytest.mark.rare]  # lesson 10 builds and measures the same images

SCRATCH = ("scratch", "stripped", "single_executable", "packed_upx", "packed_zstd", "packed_lzma")
NAMES = ("distroless_pruned", "bundled", *SCRATCH)


@pytest.fixture(scope="module")
def variants():
    return {name: verbs.build(name) for name in NAMES}


@pytest.fixture(scope="module")
def used(variants):
    names = ("stripped", "single_executable", "packed_upx", "packed_zstd")
    return howlow.in_use(*(variants[name] for name in names)).set_index("variant")


@pytest.fixture(scope="module")
def seen(variants):
    return howlow.seen(*variants.values()).set_index("variant")


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_answers_over_http(variants, name):
    assert len(verbs.try_out(variants[name]).rows) == 5


@pytest.mark.parametrize("name", SCRATCH)
def test_an_image_from_scratch_runs_as_nobody_special(variants, name):
    built = variants[name]
    settings = built.engine.client.images.get(built.image_id).attrs["Config"]
    assert settings["User"] == "65532:65532"


def test_each_step_takes_something_away_and_the_single_executable_nearly_nothing(variants):
    mb = {name: built.uncompressed_bytes / MB for name, built in variants.items()}
    steps = ("distroless_pruned", "bundled", "scratch", "stripped", "packed_upx", "packed_zstd")
    sizes = [mb[name] for name in (*steps, "packed_lzma")]
    assert sizes == sorted(sizes, reverse=True)
    assert mb["single_executable"] == pytest.approx(mb["stripped"], rel=0.02)
    assert mb["packed_lzma"] <= claims.SMALLEST_MB


def test_unpacking_takes_cpu_at_each_start_least_with_zstandard(variants):
    images = [variants[name] for name in ("distroless_pruned", "packed_zstd", "packed_lzma")]
    measured = howlow.starts(*images, repeats=3)
    plain, zstd, lzma = (start.cpu_seconds.median for start in measured.starts)
    assert 0.05 < plain < zstd < zstd + 0.5 < lzma
    assert all(start.seconds.low > 0 for start in measured.starts)
    assert howlow.smallest(measured).reached is Reached.YES
    assert howlow.small_and_quick(measured).variant == "packed_zstd"
    assert len(howlow.chart_frontier(measured).png()) > 10_000


def test_a_packed_node_takes_memory_that_no_other_container_shares(used):
    plain = used.loc["stripped", "own memory MB"]
    for name in ("packed_upx", "packed_zstd"):
        assert used.loc[name, "own memory MB"] > plain + 60


def test_the_single_executable_runs_nothing_but_its_script(used):
    assert used.loc["single_executable", "node -e"] == "does not run"
    assert used.loc["packed_upx", "node -e"].endswith(" s")


def test_under_the_launcher_node_cannot_start_itself_anew(used):
    assert used.loc["packed_zstd", "fork()"] == "no"
    assert used.loc["packed_upx", "fork()"] == "yes"
    assert used.loc["stripped", "fork()"] == "yes"


def test_the_debugger_opens_in_each(used):
    assert set(used["debugger on SIGUSR1"]) == {"yes"}


def test_a_bundle_hides_the_packages_and_a_packer_node_itself(seen):
    assert seen.loc["distroless_pruned", "npm packages"] > 50
    assert seen.loc["bundled", "npm packages"] == 0
    assert seen.loc["bundled", "system packages"] > 5
    assert set(seen.loc[list(SCRATCH), "system packages"]) == {0}
    assert seen.loc["stripped", "runtime"].startswith("Node 20.")
    assert set(seen.loc[["single_executable", *SCRATCH[3:]], "runtime"]) == {"not found"}


def test_stripping_takes_the_names_of_functions(seen):
    assert seen.loc["scratch", "native function names"] == "yes"
    assert seen.loc["stripped", "native function names"] == "no"


def test_a_change_of_the_code_moves_node_as_well_in_a_single_executable(variants):
    frame = howlow.upkeep(*variants.values()).set_index("variant")
    moved = frame["a code change moves MB"]
    assert moved["single_executable"] > 20 > 1 > moved["stripped"] > moved["distroless_pruned"]
    assert frame.loc["bundled", "Node comes with the"] == "base image"
    assert set(frame.loc[list(SCRATCH), "Node comes with the"]) == {"this build"}


def test_upx_refuses_the_single_executable_as_the_lesson_says():
    packer = verbs.text("packed_upx").partition("FROM packer")[0]
    single = verbs.text("single_executable").partition("\n")[2]
    refused = (
        single + "\nFROM packer\nCOPY --from=builder /app/shipments-api /\nRUN upx -1 /shipments-api\n"
    )
    verbs.app().write("dockerfiles/refused.Dockerfile", packer + refused)
    with pytest.raises(BuildError) as caught:
        verbs.build("dockerfiles/refused.Dockerfile")
    assert "CantPackException" in "\n".join(caught.value.log)
