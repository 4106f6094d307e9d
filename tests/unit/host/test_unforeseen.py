"""What nobody foresaw ends in one sentence, and its traceback in a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.host import unforeseen
from helpers.host.errors import WorkbookError
from helpers.host.unforeseen import UnforeseenError


def fail(error: BaseException) -> None:
    with unforeseen.told():
        raise error


def test_the_sentence_names_a_file_with_the_traceback_and_without_credentials(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))
    with pytest.raises(UnforeseenError) as caught:
        fail(KeyError("first\nhttps://me:secret@example.invalid/"))
    assert "\n" not in str(caught.value)
    assert "KeyError" in str(caught.value)
    file = re.search(r"the file (\S+)\.$", str(caught.value))
    kept = Path(file[1]).read_text()
    assert "raise error" in kept
    assert "me:secret" not in kept + str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_where_no_file_can_be_written_the_sentence_stands_alone(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "file" / "state"))
    with pytest.raises(UnforeseenError, match="no file on it could be written"):
        fail(RuntimeError("x"))


@pytest.mark.parametrize("error", [WorkbookError("foreseen"), KeyboardInterrupt(), SystemExit(1)])
def test_what_is_foreseen_passes_as_it_is(error):
    with pytest.raises(type(error)) as caught:
        fail(error)
    assert caught.value is error
