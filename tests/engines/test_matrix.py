"""Which engines the matrix has, what a command learns of one, and where there can be none."""

from __future__ import annotations

import pytest

from helpers.engine import PrivateEngine
from helpers.host.errors import PrivateEngineError, WorkbookError
from tests.engines import matrix
from tests.engines.matrix import Outcome


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))


@pytest.fixture
def impossible(monkeypatch):
    def refuse(_home):
        raise PrivateEngineError("A private engine needs root.")

    monkeypatch.setattr(matrix.private, "require_possible", refuse)


def test_rows_are_chosen_by_name_each_once_and_none_means_all():
    assert [row.name for row in matrix.rows(["newest", "oldest", "newest"])] == ["newest", "oldest"]
    assert matrix.rows([]) == list(matrix.ROWS)


def test_both_releases_are_there_with_both_stores():
    rows = (row for row in matrix.ROWS if not row.rootless)
    assert {(row.suite, row.containerd_store) for row in rows} == {
        (suite, containerd) for suite in ("trixie", "forky") for containerd in (False, True)
    }


def test_an_unknown_engine_is_named_with_those_there_are():
    with pytest.raises(WorkbookError, match="no engine called 'latest'; choose from oldest, newest"):
        matrix.rows(["latest"])


def test_a_command_learns_of_its_engine_and_of_no_other(tmp_path):
    own = PrivateEngine(tmp_path)
    reader = {"PATH": "/bin", "HOME": "/root", "DOCKER_CONTEXT": "class", "BUILDX_BUILDER": "farm"}
    seen = matrix._environment(own, tmp_path, reader)
    assert seen == {
        "HOME": "/root",
        "PATH": f"{own.docker.parent}:/bin",
        "WORKBOOK_STATE": str(tmp_path),
        **own.environment(),
    }


def test_results_are_kept_apart_and_downloads_are_shared(tmp_path):
    (tmp_path / "standins").mkdir()
    (tmp_path / "standins" / "layer").touch()
    (tmp_path / "verdicts").mkdir()
    made = matrix._state(tmp_path / "row")
    assert (made / "standins" / "layer").exists()
    assert not (made / "verdicts").exists()


def test_where_no_engine_can_be_had_it_is_said_and_the_run_goes_on(impossible, capsys):
    matrix.main(["--where-possible", "newest", "--", "false"])
    assert capsys.readouterr().out == "Not run on newest: A private engine needs root.\n"


def test_where_no_engine_can_be_had_a_run_that_needs_one_fails(impossible):
    with pytest.raises(PrivateEngineError):
        matrix.main(["newest", "--", "true"])


def test_a_command_is_asked_for():
    with pytest.raises(WorkbookError, match="after `--`"):
        matrix.main([])


@pytest.mark.parametrize(
    ("code", "passed", "shown"),
    [(0, True, "passed"), (2, False, "failed (2)"), (None, False, "not run")],
)
def test_an_outcome_says_how_the_command_ended(code, passed, shown):
    outcome = Outcome("newest", "Docker Engine 28.5.2", code, 90)
    assert outcome.passed == passed
    assert str(outcome).split("  ")[0].strip() == "newest"
    assert shown in str(outcome)
    assert "1.5 min" in str(outcome)
