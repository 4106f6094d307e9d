"""Tables for a reader: rows become a DataFrame, what strangers wrote is escaped, sizes read well."""

import pytest

from helpers.host import tables


def test_rows_become_a_table_also_where_there_are_none():
    shown = tables.frame(((name, len(name)) for name in ("ab", "c")), columns=("name", "letters"))
    assert shown.to_dict("list") == {"name": ["ab", "c"], "letters": [2, 1]}
    assert list(tables.frame([], columns=["name", "letters"])) == ["name", "letters"]


def test_mappings_name_their_cells():
    assert tables.frame([{"a": 1}, {"a": 2}], index=["x", "y"])["a"].to_dict() == {"x": 1, "y": 2}


def test_a_mapping_gives_the_columns():
    shown = tables.frame({"one": {"a": 1, "b": 2}, "two": {"a": 3, "b": 4}})
    assert shown.loc["b"].to_dict() == {"one": 2, "two": 4}


def test_what_strangers_wrote_is_escaped_in_html():
    html = tables.to_html(tables.frame([("<b>", 1.25)], columns=["<i>", "MB"]))
    assert "<b>" not in html
    assert "<i>" not in html
    assert '<td style="text-align:right;vertical-align:top">1.2</td>' in html


def test_rows_without_headings_may_be_named_by_their_first_cell():
    assert tables.html_of([("a & b", 7)], named=True) == (
        '<table><tbody><tr><th style="text-align:left;vertical-align:top">a &amp; b</th>'
        '<td style="text-align:right;vertical-align:top">7</td></tr></tbody></table>'
    )


def test_a_heading_stands_right_over_numbers_alone():
    html = tables.html_of([("a", 1, ""), ("b", 2, 3)], heads=("name", "count", "line"))
    assert '<th style="text-align:right">count</th><th style="text-align:left">line</th>' in html


def test_text_is_no_wider_than_asked_and_keeps_every_word():
    text = tables.to_text(tables.frame([("one two three four five six", 7)], columns=["what", "n"]), 20)
    assert max(map(len, text.splitlines())) <= 20
    assert all(word in text for word in ["one", "two", "three", "four", "five", "six", "7"])


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_900, "999.9 kB"), (1_214_000_000, "1,214.0 MB")],
)
def test_a_size_is_said_in_the_unit_that_reads_best(size, said):
    assert tables.in_units(size) == said
