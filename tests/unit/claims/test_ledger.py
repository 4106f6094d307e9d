"""The ledger keeps verdicts whatever its file holds, shows every claim, and writes a page to take home."""

import json
import multiprocessing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers import claims
from helpers.claims import Judgement, Verdict, ledger
from helpers.host import paths
from helpers.host.errors import WorkbookError


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))


def keep(claim, verdict=Verdict.HOLDS, *, stand_ins=False):
    condition = "it is pruned" if verdict is Verdict.CONDITION else ""
    judgement = Judgement(claim, verdict, "132 MB <on disk> | 47 MB", "Because.", condition)
    ledger.keep(
        judgement, claims.CLAIMS[claim].lesson, "Docker Engine 26.1.5 · node:20", stand_ins=stand_ins
    )


def test_every_claim_names_the_notebook_that_judges_it():
    for claim in claims.CLAIMS.values():
        text = (paths.ROOT / "notebooks" / f"{claim.lesson}.ipynb").read_text(encoding="utf-8")
        assert f"**{claim.id}**" in text


def test_an_empty_ledger_names_every_lesson_to_run():
    page = ledger.read()
    assert page.missing() == sorted({claim.lesson for claim in claims.CLAIMS.values()})
    assert list(page.to_frame()["id"]) == list(claims.CLAIMS)


def test_a_verdict_that_is_there_is_shown_and_no_longer_missing():
    for claim in ("T1", "T2", "T3"):
        keep(claim, Verdict.FAILS)
    page = ledger.read()
    assert "04_cache" not in page.missing()
    assert page.summary() == "does not hold: 3, not tried yet: 17"
    assert (page.count("does not hold"), page.count("holds")) == (3, 0)
    assert "✗ does not hold" in repr(page)


def test_a_condition_stands_before_the_reason_on_the_page():
    keep("S6", Verdict.CONDITION)
    assert ledger.records()["S6"].because == "It holds if it is pruned. Because."
    assert "≈ holds with a condition" in ledger.read().to_markdown()


def test_what_nobody_measured_is_tried_and_counted_by_itself():
    keep("V3", Verdict.UNTESTED)
    page = ledger.read()
    assert "not tested here: 1" in page.summary()
    assert "08_surface" not in page.missing()


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_verdict_with_a_condition_names_one(verdict):
    for condition in ("", "it is pruned"):
        if (verdict is Verdict.CONDITION) == bool(condition):
            assert condition in repr(Judgement("S1", verdict, "", "", condition))
        else:
            with pytest.raises(ValueError, match="its condition"):
                Judgement("S1", verdict, "", "", condition)


def test_figures_that_rest_on_stand_ins_say_so():
    keep("S1", stand_ins=True)
    keep("S2", stand_ins=False)
    measured = ledger.read().to_frame().set_index("id")["measured"]
    assert measured["S1"].endswith("(stand-in bases)")
    assert "stand-in" not in measured["S2"]


def test_the_page_is_written_as_html_and_markdown_and_escapes_what_it_quotes(tmp_path):
    keep("S1")
    html, markdown = ledger.read().save(tmp_path / "report")
    assert "132 MB &lt;on disk&gt;" in html.read_text()
    assert "src=" not in html.read_text()
    assert "132 MB <on disk> \\| 47 MB" in markdown.read_text()
    assert "Docker Engine 26.1.5" in markdown.read_text()


def test_in_a_notebook_a_claim_opens_to_what_was_measured():
    keep("S1")
    html = ledger.read()._repr_html_()
    claim = html.index("<summary><b>S1</b>")
    assert claim < html.index("132 MB &lt;on disk&gt;") < html.index("</details>", claim)
    assert html.count("<details>") == len(claims.CLAIMS)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbookError, match="cannot be written"):
        ledger.read().save(tmp_path / "file")


def judgement(claim="S1", verdict=Verdict.HOLDS):
    return Judgement(claim, verdict, "1,214 MB on disk", "It lies inside.")


def test_a_verdict_is_kept_with_its_circumstances():
    ledger.keep(judgement(), "01_naive", "Docker Engine 26.1.5", stand_ins=True)
    record = ledger.records()["S1"]
    assert (record.verdict, record.lesson, record.stand_ins) == ("holds", "01_naive", True)
    assert record.when.endswith("+00:00")


def test_a_later_verdict_takes_the_place_of_an_earlier_one():
    ledger.keep(judgement(), "01_naive", "", stand_ins=False)
    ledger.keep(judgement(verdict=Verdict.FAILS), "01_naive", "", stand_ins=False)
    assert {claim: r.verdict for claim, r in ledger.records().items()} == {"S1": "does not hold"}


def test_nothing_recorded_is_an_empty_ledger():
    assert ledger.records() == {}


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_spoilt_file_counts_as_empty_and_the_next_verdict_is_kept(spoilt):
    file = paths.state("verdicts") / "verdicts.json"
    file.write_bytes(spoilt)
    ledger.records()
    ledger.keep(judgement(), "01_naive", "", stand_ins=False)
    assert "S1" in ledger.records()


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
    for record in ledger.records().values():
        assert all(isinstance(text, str) for text in (record.claim, record.figures, record.when))
    ledger.keep(judgement("S2"), "01_naive", "", stand_ins=False)
    assert "S2" in ledger.records()


def keep_one(number):
    ledger.keep(judgement(f"S{number}"), "lesson", "", stand_ins=False)


def test_two_lessons_at_once_lose_no_verdict():
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(keep_one, range(20))
    assert len(ledger.records()) == 20
