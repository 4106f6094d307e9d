"""The talk: fifty minutes, each part a slide with its time and then what its lesson has to show."""

import importlib.util

from helpers.host import paths

_spec = importlib.util.spec_from_file_location("talk", paths.ROOT / "docs/slides/talk.py")
talk = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talk)


def kind(cell):
    return cell.metadata["slideshow"]["slide_type"]


def test_the_parts_make_fifty_minutes():
    assert talk.OPENING + sum(minutes for _, _, minutes in talk.PARTS) == 50


def test_each_part_begins_with_a_slide_and_shows_what_was_measured():
    for lesson, what, minutes in talk.PARTS:
        cells = talk.tagged(lesson)
        assert kind(cells[0]) == "slide", what
        shown = [cell for cell in cells if cell.get("outputs") and kind(cell) != "skip"]
        assert shown, what
        slides = sum(kind(cell) in ("slide", "subslide") for cell in cells)
        assert 0.4 * minutes <= slides <= minutes, f"{what}: {slides} slides in {minutes} minutes"


def test_the_deck_says_when_each_part_begins():
    sources = [cell.source for cell in talk.talk().cells]
    assert "**The distroless surprise**: minutes 25 to 37" in sources[0]
    assert "# The distroless surprise\n\nMinutes 25 to 37, from lesson `03_distroless`" in sources
