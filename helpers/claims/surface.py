"""The rules of the claims on the attack surface."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.claims.model import Judgement, Verdict


def judge_v1(shells: Sequence[str], package_managers: Sequence[str], shell_ran: bool) -> Judgement:
    """V1: the image holds no shell and no package manager, and none can be started in it."""
    found = [*shells, *package_managers]
    figures = f"{len(shells)} shells, {len(package_managers)} package managers"
    if not found and not shell_ran:
        because = "None lies in its file system, and `docker exec … sh` finds none to run."
        return Judgement("V1", Verdict.HOLDS, figures, because)
    what = ", ".join(found) or "a shell that answered"
    return Judgement("V1", Verdict.FAILS, figures, f"It holds {what}.")
