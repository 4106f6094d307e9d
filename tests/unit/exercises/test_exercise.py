"""The exercises' texts, hints and progress, without building anything."""

import re
from collections import Counter

import nbformat
import pytest
from IPython.testing.globalipapp import start_ipython

from helpers import exercises
from helpers.exercises import CATALOGUE, Outcome, magics, records
from helpers.exercises.catalogue import pins
from helpers.exercises.checks import Check
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.lesson import setup


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))


@pytest.mark.parametrize("exercise", CATALOGUE, ids=lambda e: e.name)
def test_each_has_a_start_a_solution_three_hints_and_its_files(exercise):
    assert exercise.start != exercise._text("solution")
    assert len(set(exercise.hints)) == 3
    assert (exercise.project.folder / exercise.project.source).is_file()
    assert len({check.sentence for check in exercise.checks}) == len(exercise.checks)


@pytest.mark.parametrize("exercise", CATALOGUE, ids=lambda e: e.name)
def test_each_stands_in_its_lesson(exercise):
    lesson = paths.ROOT / "notebooks" / f"{exercise.lesson}.ipynb"
    assert f'exercises.task(\\"{exercise.name}\\")' in lesson.read_text()


@pytest.mark.parametrize("exercise", CATALOGUE, ids=lambda e: e.name)
def test_a_cell_that_is_to_be_its_answer_holds_its_start(exercise):
    lesson = nbformat.read(paths.ROOT / "notebooks" / f"{exercise.lesson}.ipynb", as_version=4)
    first, start = exercise.magic, exercise.start
    answers = [cell.source for cell in lesson.cells if cell.source.splitlines()[:1] == [first]]
    assert [text for text in answers if text != f"{first}\n{start}".rstrip("\n")] == []


def test_each_lesson_that_builds_has_at_least_two():
    count = Counter(exercise.lesson[:2] for exercise in CATALOGUE)
    assert {number for number, found in count.items() if found >= 2} == {
        f"{number:02}" for number in range(1, 11)
    }


def test_a_task_says_what_must_hold_and_where_its_files_are():
    task = exercises.task("cleanup")
    for shown in (repr(task), task._repr_markdown_()):
        assert all(f"- {check.sentence}\n" in shown for check in task.checks)
        assert "helpers/exercises/tide" in shown


def test_the_kit_carries_the_base_that_a_check_moves_to():
    assert pins.MOVED_TO in setup.carried_images()


def test_a_check_has_a_hint_for_what_was_found():
    check = Check("It runs", "Look.", lambda _: None, {"no shell": "Which form has CMD?"})
    assert check.advice("There is no shell in it.") == "Which form has CMD?"
    assert check.advice("Nothing answers.") == "Look."


def test_names_are_unique_and_an_unknown_one_is_told_the_known():
    assert len({exercise.name for exercise in CATALOGUE}) == len(CATALOGUE)
    with pytest.raises(WorkbookError, match="there are secret, cleanup"):
        exercises.task("nonsense")


def test_hints_grow_stronger_and_the_last_one_stays():
    task = exercises.task("order")
    assert [task.hint() for _ in range(4)] == [*task.hints, task.hints[-1]]
    assert exercises.progress().set_index("exercise")["hints"][task.title] == 4


def test_progress_counts_attempts_and_keeps_the_first_solution():
    records.attempted("order", solved=False)
    assert records.of("order").solved == ""
    records.attempted("order", solved=True)
    first = records.of("order").solved
    records.attempted("order", solved=False)
    assert (records.of("order").attempts, records.of("order").solved) == (3, first)


def test_an_outcome_says_what_holds_what_does_not_and_the_hint():
    outcome = Outcome("Reorder", ("It builds",), (("It is <small>", "It takes 900 MB."),), "Think.")
    assert repr(outcome) == "✓ It builds\n✗ It is <small>. It takes 900 MB.\nHint: Think."
    assert "&lt;small&gt;" in outcome._repr_html_()
    assert not outcome.solved


def test_the_vault_is_a_project_of_its_own():
    folder = exercises.task("capstone").project.folder
    assert not folder.is_relative_to(paths.SAMPLE_APP)
    assert {"package.json", "package-lock.json", "tsconfig.json"} <= {f.name for f in folder.iterdir()}


@pytest.fixture
def cell():
    """Give what runs a cell with a magic in an IPython that knows ours."""
    shell = start_ipython() or get_ipython()  # noqa: F821 - IPython puts it there
    magics.register(exercises.task)
    return shell.run_cell_magic


def test_a_cell_is_an_answer_that_is_kept_and_checked(cell, capsys, monkeypatch):
    built = []
    monkeypatch.setattr(
        "helpers.exercises.exercise.Exercise._judge",
        lambda _, attempt: built.append(attempt.files) or Outcome("", (), (), ""),
    )
    cell("dockerfile", "order", "FROM node:20\n")
    assert "your answer is kept" in capsys.readouterr().out
    exercises.task("order").check()
    cell("dockerfile", " order ", "FROM node:22\n")
    exercises.task("order").check()
    assert built == [{"Dockerfile": "FROM node:20\n"}, {"Dockerfile": "FROM node:22\n"}]


def test_an_answer_may_be_an_ignore_file(cell):
    cell("dockerignore", "ignore", "node_modules\n")
    assert (
        exercises.task("ignore")._files(exercises.task("ignore")._kept())[".dockerignore"]
        == "node_modules\n"
    )


@pytest.mark.parametrize(
    ("magic", "name", "said"),
    [
        ("dockerfile", "nonsense", "There is no exercise 'nonsense'; there are secret,"),
        ("dockerfile", "", "There is no exercise ''; there are secret,"),
        ("dockerfile", "ignore", "asks for a .dockerignore: begin with %%dockerignore ignore"),
        ("dockerignore", "order", "asks for a Dockerfile: begin with %%dockerfile order"),
    ],
)
def test_a_cell_that_answers_nothing_says_what_to_write(cell, magic, name, said):
    with pytest.raises(WorkbookError, match=re.escape(said)):
        cell(magic, name, "FROM node:20\n")


def test_without_an_answer_a_check_says_which_cell_to_run():
    with pytest.raises(WorkbookError, match="run the cell that begins with %%dockerfile order"):
        exercises.task("order").check()
