"""The ledger shows every claim, says what is missing, and writes a page to take home."""

import pytest

from helpers import claims
from helpers.claims import Judgement, Verdict, ledger, store
from helpers.claims.ledger import LedgerError


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))


def keep(claim, verdict=Verdict.HOLDS, *, stand_ins=False):
    judgement = Judgement(claim, verdict, "132 MB <on disk> | 47 MB", "Because.")
    store.keep(judgement, claims.LESSONS[claim], "Docker Engine 26.1.5 · node:20", stand_ins=stand_ins)


def test_every_claim_has_a_text_and_a_lesson():
    assert set(claims.TEXTS) == set(claims.LESSONS)


def test_an_empty_ledger_names_every_lesson_to_run():
    page = ledger.read()
    assert page.missing() == sorted(set(claims.LESSONS.values()))
    assert list(page.to_frame()["id"]) == list(claims.TEXTS)


def test_a_verdict_that_is_there_is_shown_and_no_longer_missing():
    for claim in ("T1", "T2", "T3"):
        keep(claim, Verdict.FAILS)
    page = ledger.read()
    assert "04_cache" not in page.missing()
    assert page.summary().startswith("3 does not hold")
    assert "✗ does not hold" in repr(page)


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


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be written"):
        ledger.read().save(tmp_path / "file")
