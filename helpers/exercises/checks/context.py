"""Checks of the build context: what is sent to the builder, by the builder's own rules."""

from __future__ import annotations

from helpers.buildx import context
from helpers.buildx.context import Survey
from helpers.exercises.attempt import Attempt
from helpers.exercises.checks.model import Check

_NEXT_MONTH = ("dump-2027-01/customers.sql", "heap.heapsnapshot", "coverage/lcov.info")


def sends_at_most(kilobytes: float) -> Check:
    """Ask that the build context is no larger than this (in kB of 1000 bytes)."""

    def trial(attempt: Attempt) -> str | None:
        sent = _survey(attempt)
        if sent.sent_bytes <= kilobytes * 1000:
            return None
        largest = max(sent.sent, key=lambda entry: entry.bytes)
        return f"{sent.sent_bytes / 1000:,.0f} kB are sent, the largest of it {largest.path}."

    hint = "List what the build needs; everything else in the folder can stay at home."
    return Check(f"At most {kilobytes:,.0f} kB of context are sent", hint, trial)


def sends_nothing_new() -> Check:
    """Ask that files which appear after the ignore list was written are not sent either."""

    def trial(attempt: Attempt) -> str | None:
        written = [attempt.copy.write(name, "new\n") for name in _NEXT_MONTH]
        sent = {entry.path for entry in _survey(attempt).sent}
        for file in written:
            file.unlink()
        leaked = [name for name in _NEXT_MONTH if name in sent]
        return f"A new {leaked[0]} would be sent." if leaked else None

    hint = "A list of what to keep out is always one file behind. Keep out everything, then let in."
    return Check("What the folder gets next month is not sent", hint, trial)


def _survey(attempt: Attempt) -> Survey:
    path = attempt.copy.path
    return context.survey(path, context.rules(path, path / "Dockerfile"))
