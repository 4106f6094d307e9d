"""The calculator follows its controls, and shows words and a picture where widgets do not run.

A long path in the view of an image's files leaves room for what stands beside it.
"""

import base64
import html
import re

import pytest

from helpers.lesson import widgets
from helpers.lesson.widgets import Calculator, Guess
from helpers.measure.cost import Plan
from helpers.measure.pipeline import TransferBytes

BIG = TransferBytes(1_200_000_000, 400_000_000, 100_000_000, 1_000_000, 50_000_000, 450_000_000)
SMALL = TransferBytes(130_000_000, 47_000_000, 2_000_000, 10_000, 2_000_000, 50_000_000)


@pytest.fixture
def calculator():
    return Calculator({"naive": BIG, "small": SMALL}, "naive", Plan(), "conditions")


def shown(calculator):
    table, picture = calculator.box.children[-2:]
    return table.value, html.unescape(re.search(r'alt="([^"]*)"', picture.value)[1])


def test_it_begins_with_its_plan_and_another_image_changes_table_and_chart(calculator):
    table, words = shown(calculator)
    assert "1800.00" in table
    assert words == calculator.chart().alt
    calculator.controls["image"].value = "small"
    after = shown(calculator)
    assert "195.00" in after[0]
    assert words != after[1]


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ("deploys_a_day", 10),
        ("nodes", 3),
        ("fresh", 0.5),
        ("dependency", 0.5),
        ("kept", 7),
        ("usd_per_gb_moved", 1.0),
        ("usd_per_gb_month_kept", 1.0),
    ],
)
def test_every_control_counts(calculator, control, value):
    calculator.controls[control].value = value
    assert not calculator._chosen().table().equals(calculator.table())


def test_a_page_without_widgets_gets_a_picture_and_the_table(calculator):
    bundle, words = calculator._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "moved, by this plan" in bundle["text/plain"]
    assert words["image/png"]["alt"] == calculator.chart().alt


def test_a_long_path_keeps_both_ends_and_fits():
    assert widgets._short("/app/dist/index.js") == "/app/dist/index.js"
    short = widgets._short(f"/root/{'x' * 200}/package.json")
    assert len(short) == widgets._LONGEST
    assert short.startswith("/root/")
    assert short.endswith("/package.json")


@pytest.mark.parametrize(
    ("typed", "measured", "said"),
    [
        ("", 1234.5, "How much? You made no guess; it is 1,234 MB."),
        ("much", 1234.5, "How much? You made no guess; it is 1,234 MB."),
        ("0,5", 1234.5, "How much? You made no guess; it is 1,234 MB."),
        ("500", 1234.5, "How much? You guessed 500 MB, and it is 1,234 MB: too low by a factor of 2.5."),
        ("1,500 MB", 1250, "How much? You guessed 1,500 MB, and it is 1,250 MB: too high by 20 %."),
        (
            " 0.05",
            0.005,
            "How much? You guessed 0.05 MB, and it is 0.005 MB: too high by a factor of 10.0.",
        ),
        ("100", 100.4, "How much? You guessed right: it is 100 MB."),
        ("0", 3, "How much? You guessed 0 MB, and it is 3 MB: too low."),
        ("2", 0, "How much? You guessed 2 MB, and it is 0 MB: too high."),
        ("0", 0, "How much? You guessed right: it is 0 MB."),
    ],
)
def test_a_guess_is_set_against_what_was_measured(typed, measured, said, capsys):
    guess = Guess("How much?", "MB")
    assert guess.control.value == ""
    guess.control.value = typed
    guess.against(measured)
    assert capsys.readouterr().out == f"{said}\n"


@pytest.mark.parametrize(
    ("choice", "measured", "said"),
    [
        (None, True, "Does it stop? You made no guess; the answer is yes."),
        ("yes", True, "Does it stop? You guessed right: the answer is yes."),
        ("yes", False, "Does it stop? You guessed yes; the answer is no."),
        ("no", "no", "Does it stop? You guessed right: the answer is no."),
    ],
)
def test_a_choice_is_set_against_what_came(choice, measured, said, capsys):
    guess = Guess("Does it stop?", choices=("yes", "no"))
    assert guess.control.value is None
    guess.control.value = choice
    guess.against(measured)
    assert capsys.readouterr().out == f"{said}\n"


def test_what_cannot_be_read_as_a_number_is_said_beside_the_box():
    guess = Guess("How much?", "MB")
    beside = guess.box.children[1]
    assert beside.value == "MB"
    guess.control.value = "lots"
    assert beside.value == "MB (type a number, such as 1.5)"
    guess.control.value = "12"
    assert beside.value == "MB"


def test_a_page_without_widgets_gets_the_question():
    bundle = Guess("How <much>?", "MB")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"] == "<p>How &lt;much&gt;? (MB)</p>"
