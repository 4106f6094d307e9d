"""The rules for the claims about cache and time, T1 to T3.

They count which steps ran and which came from the cache, because a busy machine cannot change that. Only
"nine times" in T2 is a ratio of times: one for each round of the experiment, and every round must show
it.
"""

from __future__ import annotations

from collections.abc import Mapping

from helpers.claims.figures import Installs, Spread
from helpers.claims.model import Judgement, Verdict, at_least_about

TIMES_FASTER = 9.0


def install_order(
    unordered_source: Installs, source: Installs, dependency: Installs, script: Installs
) -> Judgement:
    """T1: installing before copying the sources keeps the install cached after a source edit.

    ``unordered_source`` is the file that copies the sources first, after a source edit. The others are
    the ordered file after an edit of a source, of a dependency, and of a script in ``package.json``.
    """
    figures = (
        f"install steps that ran: source edit {source} (copied first: {unordered_source}), "
        f"dependency edit {dependency}, script edit {script}"
    )
    if source.ran:
        because = "A source edit ran the install again, although it stands before the sources."
        return Judgement("T1", Verdict.FAILS, figures, because)
    if dependency.ran < dependency.of:
        because = "A changed dependency was not installed: the cache gave a stale result."
        return Judgement("T1", Verdict.FAILS, figures, because)
    if not unordered_source.ran:
        because = "The install stays cached in either order, so the order is not what does it."
        return Judgement("T1", Verdict.FAILS, figures, because)
    if script.ran:
        condition = "every change of package*.json counts as a change of the dependencies"
        because = (
            "Source edits no longer reach the install. But the cache compares files, not meanings: a "
            "changed script in package.json runs it again."
        )
        return Judgement("T1", Verdict.CONDITION, figures, because, condition)
    because = "The install runs again for a changed dependency and for nothing else."
    return Judgement("T1", Verdict.HOLDS, figures, because)


def time_saved(speed_up: Spread, install_share: float, source: Installs) -> Judgement:
    """T2: after a source edit the ordered file builds about nine times faster than the unordered one.

    ``speed_up`` holds one ratio for each round. ``install_share`` is the install's share of the
    unordered build's time, from 0 to 1. ``source`` counts the installs of the ordered file after the
    edit. The claim holds when every round shows nine times. Whether there is any gain is judged by the
    install, which ran for one file and not for the other, because a busy machine can hide the gain in
    the times.
    """
    figures = (
        f"{speed_up.median:.1f} times faster ({speed_up.low:.1f} to {speed_up.high:.1f}) after a source "
        f"edit; the install took {install_share:.0%} of the unordered build"
    )
    if source.ran:
        because = "The ordered file installs again as well, so the order saves nothing here."
        return Judgement("T2", Verdict.FAILS, figures, because)
    if at_least_about(speed_up.low, TIMES_FASTER):
        because = "In every round the order saved what the article says, or more."
        return Judgement("T2", Verdict.HOLDS, figures, because)
    condition = "the install takes eight times as long as all the rest of the build"
    because = "The order saves the install and nothing else, and here the install takes less than that."
    return Judgement("T2", Verdict.CONDITION, figures, because, condition)


def cached_installs(naive: Installs, multistage: Mapping[str, Installs]) -> Judgement:
    """T3: after a source edit naive installs again, and the multi-stage files do not."""
    counts = {"naive": naive, **multistage}
    told = ", ".join(f"{name} {installs}" for name, installs in counts.items())
    figures = f"install steps that ran after a source edit: {told}"
    poor = [name for name, installs in multistage.items() if installs.ran]
    if poor:
        because = f"A source edit runs the install of {' and '.join(poor)} again."
        return Judgement("T3", Verdict.FAILS, figures, because)
    if naive.ran:
        because = "Naive installs again after each source edit, the multi-stage files do not."
        return Judgement("T3", Verdict.HOLDS, figures, because)
    because = (
        "The multi-stage files are good, but naive is as good: it copies package*.json first too. What "
        "makes a cache good is the order of the lines, not the number of stages."
    )
    return Judgement("T3", Verdict.FAILS, figures, because)
