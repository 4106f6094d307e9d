"""Verdicts outlive the notebook that reached them, and a spoilt file does no harm."""

import json
import multiprocessing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.claims import Judgement, Verdict, store
from helpers.host import paths


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))


def judgement(claim="S1", verdict=Verdict.HOLDS):
    return Judgement(claim, verdict, "1,214 MB on disk", "It lies inside.")


def test_a_verdict_is_kept_with_its_circumstances():
    store.keep(judgement(), "01_naive", "Docker Engine 26.1.5", stand_ins=True)
    record = store.records()["S1"]
    assert (record.verdict, record.lesson, record.stand_ins) == ("holds", "01_naive", True)
    assert record.when.endswith("+00:00")


def test_a_later_verdict_takes_the_place_of_an_earlier_one():
    store.keep(judgement(), "01_naive", "", stand_ins=False)
    store.keep(judgement(verdict=Verdict.FAILS), "01_naive", "", stand_ins=False)
    assert {claim: r.verdict for claim, r in store.records().items()} == {"S1": "does not hold"}


def test_nothing_recorded_is_an_empty_ledger():
    assert store.records() == {}


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_spoilt_file_counts_as_empty_and_the_next_verdict_is_kept(spoilt):
    file = paths.state("verdicts") / "verdicts.json"
    file.write_bytes(spoilt)
    store.records()
    store.keep(judgement(), "01_naive", "", stand_ins=False)
    assert "S1" in store.records()


_fields = ["claim", "verdict", "figures", "because", "lesson", "conditions", "stand_ins", "when", "x"]
_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("holds")
)
_values |= st.lists(_values, max_size=2) | st.dictionaries(st.sampled_from(_fields), _values, max_size=2)
_whole = st.fixed_dictionaries(
    {name: st.sampled_from(["holds", "S1"]) for name in _fields[:6]} | {"stand_ins": st.booleans()},
    optional={"when": _values},
)
_shapes = _values | st.lists(_whole | st.dictionaries(st.sampled_from(_fields), _values), max_size=3)


@given(_shapes)
@example([{**dict.fromkeys(_fields[:-1], "holds"), "claim": ["S1"], "stand_ins": True}])
@example([{**dict.fromkeys(_fields[:-1], "holds"), "figures": 7, "stand_ins": True}])
def test_a_file_of_another_shape_counts_as_empty_and_the_next_verdict_is_kept(shape):
    file = paths.state("verdicts") / "verdicts.json"
    file.write_text(json.dumps(shape))
    for record in store.records().values():
        assert all(isinstance(text, str) for text in (record.claim, record.figures, record.when))
    store.keep(judgement("S2"), "01_naive", "", stand_ins=False)
    assert "S2" in store.records()


def keep_one(number):
    store.keep(judgement(f"S{number}"), "lesson", "", stand_ins=False)


def test_two_lessons_at_once_lose_no_verdict():
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(keep_one, range(20))
    assert len(store.records()) == 20
