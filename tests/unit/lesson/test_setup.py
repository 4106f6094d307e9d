"""What the doctor says of a base."""

from helpers.bases import Base, Source
from helpers.lesson import setup


def test_a_base_past_its_end_of_life_is_said(monkeypatch):
    monkeypatch.setattr(
        setup.bases, "find", lambda name, _engine: Base(name, Source.PRESENT, name, "24.19.0")
    )
    assert "Node 20 is past its end of life since 2026-04-30" in setup._look("node:20", None).found
    assert "Node" not in setup._look("registry:2", None).found
