"""A check: one sentence that must hold of an answer, how to try it, and a hint for when it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from helpers.exercises.attempt import Attempt


@dataclass(frozen=True)
class Check:
    """One check: ``trial`` returns None when the sentence holds, else a phrase with what was found.

    ``clues`` maps a part of such a phrase to a more exact hint.
    """

    sentence: str
    hint: str
    trial: Callable[[Attempt], str | None]
    clues: Mapping[str, str] = field(default_factory=dict)

    def advice(self, found: str) -> str:
        """Return the hint that fits the phrase with what was found."""
        return next((hint for phrase, hint in self.clues.items() if phrase in found), self.hint)
