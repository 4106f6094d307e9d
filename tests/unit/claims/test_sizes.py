"""Each rule of the ledger, with figures on both sides of its bounds."""

import pytest

from helpers import claims
from helpers.claims import Size, Verdict
from helpers.host.tables import MB


def size(uncompressed_mb: float, compressed_mb: float | None = None) -> Size:
    compressed = uncompressed_mb / 3 if compressed_mb is None else compressed_mb
    return Size(round(uncompressed_mb * MB), round(compressed * MB))


@pytest.mark.parametrize(
    ("naive_mb", "verdict"),
    [
        (899, Verdict.FAILS),
        (900, Verdict.HOLDS),
        (1239, Verdict.HOLDS),
        (1300, Verdict.HOLDS),
        (1301, Verdict.FAILS),
    ],
)
def test_s1_holds_inside_the_articles_range(naive_mb, verdict):
    assert claims.naive_size(size(naive_mb)).verdict is verdict


def test_s2_holds_when_every_passenger_is_on_board():
    assert claims.naive_contents(dict.fromkeys(claims.PASSENGERS, 1)).verdict is Verdict.HOLDS


@pytest.mark.parametrize("missing", claims.PASSENGERS)
def test_s2_fails_when_one_passenger_is_missing(missing):
    composition = dict.fromkeys(claims.PASSENGERS, 1) | {missing: 0}
    judgement = claims.naive_contents(composition)
    assert judgement.verdict is Verdict.FAILS
    assert missing in judgement.because


@pytest.mark.parametrize(
    ("naive_mb", "alpine_mb", "verdict"),
    [
        (1200, 120, Verdict.HOLDS),
        (1200, 96, Verdict.HOLDS),
        (1200, 95, Verdict.CONDITION),
        (1152, 144, Verdict.HOLDS),
        (1151, 144, Verdict.FAILS),
        (1200, 145, Verdict.CONDITION),
        (2000, 250, Verdict.CONDITION),
        (2000, 251, Verdict.FAILS),
    ],
)
def test_s3_wants_the_size_and_the_ratio(naive_mb, alpine_mb, verdict):
    assert claims.alpine_size(size(naive_mb), size(alpine_mb)).verdict is verdict


@pytest.mark.parametrize(
    ("alpine", "how"),
    [(size(158, 50), "are compressed"), (size(150, 70), "are uncompressed"), (size(158, 57), None)],
)
def test_s3_names_the_size_by_which_the_ratio_is_about_ten(alpine, how):
    judged = claims.alpine_size(size(1255, 448), alpine)
    assert judged.verdict is (Verdict.CONDITION if how else Verdict.FAILS)
    assert judged.condition.endswith(how or "")


def test_s4_holds_when_all_that_crossed_was_named():
    crossed = ["/app/dist/index.js", "/app/dist/app.js"]
    assert claims.copied_files(["/app/dist"], crossed).verdict is Verdict.HOLDS


def test_s4_fails_with_a_stray_and_is_not_tested_with_nothing():
    stray = claims.copied_files(["/app/dist"], ["/app/dist/index.js", "/app/src/index.ts"])
    assert stray.verdict is Verdict.FAILS
    assert "/app/src/index.ts" in stray.because
    assert claims.copied_files(["/app/dist"], []).verdict is Verdict.UNTESTED


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        (size(70, 25), Verdict.HOLDS),
        (size(60, 25), Verdict.HOLDS),
        (size(59, 25), Verdict.FAILS),
        (size(81, 25), Verdict.FAILS),
        (size(140, 60), Verdict.CONDITION),
        (size(140, 81), Verdict.FAILS),
        (size(205, 74), Verdict.FAILS),
    ],
)
def test_s5_judges_the_articles_own_file_against_alpine_at_144_mb(written, verdict):
    assert claims.distroless_size(size(144, 51), written, size(129, 51)).verdict is verdict


def test_s5_says_what_pruning_brings():
    on_wire = claims.distroless_size(size(144, 51), size(205, 74), size(129, 51)).because
    on_disk = claims.distroless_size(size(144, 51), size(205, 74), size(79, 30)).because
    neither = claims.distroless_size(size(144, 51), size(205, 74), size(190, 81)).because
    assert "is larger than Alpine" in on_wire
    assert "under 80 MB compressed" in on_wire
    assert "reaches the range" in on_disk
    assert "misses the range" in neither


@pytest.mark.parametrize(
    ("naive", "best", "verdict"),
    [
        (size(1239), size(60, 20), Verdict.HOLDS),
        (size(1239), size(61, 60), Verdict.CONDITION),
        (size(1239), size(129, 61), Verdict.FAILS),
        (size(800), size(40, 20), Verdict.HOLDS),
        (size(799), size(40, 20), Verdict.FAILS),
    ],
)
def test_s6_compares_uncompressed_sizes(naive, best, verdict):
    assert claims.title_sizes(naive, best).verdict is verdict


def test_a_judgement_reads_as_text_and_as_a_table():
    judgement = claims.naive_size(size(1239, 479))
    assert "verdict  holds" in repr(judgement)
    assert "1,239 MB uncompressed, 479 MB compressed" in repr(judgement)
    assert "<table>" in judgement._repr_html_()
