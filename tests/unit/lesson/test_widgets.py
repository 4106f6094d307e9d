"""The calculator follows its controls, and shows words and a picture where widgets do not run.

A long path in the view of an image's files leaves room for what stands beside it.
"""

import base64
import html
import re

import pytest

from helpers.lesson import widgets
from helpers.lesson.widgets import Calculator
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


def test_it_begins_with_its_plan(calculator):
    table, words = shown(calculator)
    assert "1800.00" in table
    assert words == calculator.chart().alt


def test_another_image_changes_table_and_chart(calculator):
    before = shown(calculator)
    calculator.controls["image"].value = "small"
    after = shown(calculator)
    assert "195.00" in after[0]
    assert before[1] != after[1]


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
    before = shown(calculator)
    calculator.controls[control].value = value
    assert shown(calculator)[0] != before[0]


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
