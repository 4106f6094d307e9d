"""The rules for the claims about named stages and debugging, B2 and V2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helpers.claims.model import Judgement, Verdict

WAYS = ("sidecar", "docker cp", "--target builder", ":debug tag")
_NUMBERS = ("none of the four", "one of the four", "two of the four", "three of the four", "all four")


def builder_for_debugging(
    has: Mapping[str, bool], differs: Sequence[str], *, blind: bool, gone: bool
) -> Judgement:
    """B2: the builder, from the same file, has everything that is needed to debug.

    ``has`` says which debugging aids it has; ``differs`` names its differences from the runner.
    ``blind`` is True when a fault stopped the runner but did not show in the builder. ``gone`` is True
    when a build that failed in the builder left no image of it.
    """
    missing = [name for name, there in has.items() if not there]
    there = ", ".join(name for name, found in has.items() if found) or "nothing"
    figures = f"it has {there}; it differs from the runner in {', '.join(differs) or 'nothing'}"
    if not has:
        return Judgement("B2", Verdict.UNTESTED, figures, "Nothing was looked for in the builder.")
    if missing:
        return Judgement("B2", Verdict.FAILS, figures, f"The builder lacks {', '.join(missing)}.")
    if not differs and not blind and not gone:
        because = "The builder has what one debugs with, and is the runner in all that was compared."
        return Judgement("B2", Verdict.HOLDS, figures, because)
    because = "One file gives an image to debug in"
    if differs or blind:
        because += ", but it is not the image that you ship"
    because += ": a fault that stopped the runner did not show in the builder." if blind else "."
    if gone:
        because += " A build that fails in the builder leaves no image of it to look into."
    condition = "the fault shows in the builder too, and the builder itself can be built"
    return Judgement("B2", Verdict.CONDITION, figures, because, condition)


def exec_shells(shells: Mapping[str, bool], ways: Mapping[str, bool]) -> Judgement:
    """V2: no shell starts with ``docker exec``; ``ways`` says for each of `WAYS` whether it worked."""
    started = [name for name, starts in shells.items() if starts]
    worked = [name for name in WAYS if ways.get(name)]
    figures = f"docker exec starts {', '.join(started) or 'none'} of {', '.join(shells)}"
    if not shells:
        return Judgement("V2", Verdict.UNTESTED, figures, "No shell was tried.")
    if started:
        because = f"A shell starts in it: {', '.join(started)}."
        return Judgement("V2", Verdict.FAILS, figures, because)
    because = f"No shell starts, but {_NUMBERS[len(worked)]} other ways in worked here"
    because += f": {', '.join(worked)}." if worked else "."
    return Judgement("V2", Verdict.HOLDS, figures, because)
