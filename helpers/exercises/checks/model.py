"""A check: one sentence that must hold of an answer, how to try it, and a hint for when it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from helpers.exercises.attempt import Attempt


@dataclass(frozen=True)
class Check:
    """``trial`` returns None when the sentence holds, else what was found instead.

    ``clues`` are hints for findings that tell more: the hint by a phrase that stands in what was found.
    """

    sentence: str
    hint: str
    trial: Callable[[Attempt], str | None]
    clues: Mapping[str, str] = field(default_factory=dict)

    def advice(self, found: str) -> str:
        """Return the hint that fits what was found."""
        return next((hint for phrase, hint in self.clues.items() if phrase in found), self.hint)
