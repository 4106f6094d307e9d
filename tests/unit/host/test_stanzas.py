"""Paragraphs of Debian's and Alpine's package lists become their fields."""

from helpers.host.stanzas import stanzas

DEBIAN = "Package: one\nVersion: 1:2-3\nDescription: short\n long: more\n\tand: more\n\n\nPackage: two\n"


def test_continued_lines_are_left_out_and_a_colon_in_a_value_stays():
    first, second = stanzas(DEBIAN)
    assert first == {"Package": "one", "Version": "1:2-3", "Description": "short"}
    assert second == {"Package": "two"}


def test_a_paragraph_without_the_field_is_passed_over():
    assert list(stanzas("Origin: Debian\n\nPackage: one\n")) == [{"Package": "one"}]


def test_alpines_letters_are_fields_too():
    (found,) = stanzas("C:Q1=\nP:musl\nV:1.2.5-r9\no:musl\nF:lib\n", key="P")
    assert (found["P"], found["V"], found["o"]) == ("musl", "1.2.5-r9", "musl")
