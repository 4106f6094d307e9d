"""A pin is a tag with its digest, and stands in one line of a Dockerfile."""

import pytest

from helpers.host.errors import WorkbookError
from helpers.measure import pins, sample
from helpers.measure.pins import Pin

PIN = Pin("127.0.0.1:5000", "node:20", "sha256:" + "ab" * 32)


def test_a_pin_is_written_with_its_tag_for_people_and_its_digest_for_the_builder():
    assert str(PIN) == f"127.0.0.1:5000/node:20@sha256:{'ab' * 32}"
    assert PIN.image == f"node:20@sha256:{'ab' * 32}"


@pytest.mark.parametrize("last", "0123456789abcdef")
def test_an_altered_pin_has_another_digest_of_the_same_form(last):
    pin = Pin("a", "node:20", "sha256:" + "1" * 63 + last)
    altered = pin.altered().digest
    assert altered != pin.digest
    assert len(altered) == len(pin.digest)
    assert altered[:-1] == pin.digest[:-1]


def test_repinning_changes_one_line():
    before = sample.dockerfile("pinned").read_text()
    after = pins.repin(before, "NODE", str(PIN))
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert [new for _, new in changed] == [f"ARG NODE={PIN}"]
    assert pins.repin(after, "NODE", str(PIN)) == after


def test_a_backslash_in_a_name_is_taken_as_it_is():
    assert pins.repin("ARG NODE=a\nFROM $NODE\n", "NODE", r"b\1") == "ARG NODE=b\\1\nFROM $NODE\n"


@pytest.mark.parametrize(
    "text", ["FROM node:20\n", "ARG NODE\nFROM $NODE\n", "ARG NODE=a\nARG NODE=b\nFROM $NODE\n"]
)
def test_a_dockerfile_without_one_place_for_the_pin_is_refused(text):
    with pytest.raises(WorkbookError, match="one line"):
        pins.repin(text, "NODE", "x")
