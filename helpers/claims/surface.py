"""The rules of the claims on the attack surface."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from helpers.claims.model import Judgement, Verdict

V3_ORDER = ("naive", "alpine", "distroless")
V3_WAY_OUT = "distroless_pruned"  # the article's file with production dependencies only


def judge_v1(shells: Sequence[str], package_managers: Sequence[str], shell_ran: bool) -> Judgement:
    """V1: the image holds no shell and no package manager, and none can be started in it."""
    found = [*shells, *package_managers]
    figures = f"{len(shells)} shells, {len(package_managers)} package managers"
    if not found and not shell_ran:
        because = "None lies in its file system, and `docker exec … sh` finds none to run."
        return Judgement("V1", Verdict.HOLDS, figures, because)
    what = ", ".join(found) or "a shell that answered"
    return Judgement("V1", Verdict.FAILS, figures, f"It holds {what}.")


def judge_v3(
    measures: Mapping[str, Mapping[str, int | None]], cves: Mapping[str, int] | None
) -> Judgement:
    """V3: each measure falls from naive over Alpine to distroless, and so do the CVEs.

    ``measures`` holds, for each measure, the number of each variant of `V3_ORDER` and of `V3_WAY_OUT`,
    None where it is not known; ``cves`` what a scanner counted, None where none was here. The claim
    holds with a condition where only the pruned file keeps the order, or where no scanner counted. It
    does not hold where even the pruned file breaks the order, or has no fewer CVEs than naive.
    """
    known = dict(measures) | ({"CVEs": cves} if cves is not None else {})
    figures = "; ".join(_in_a_row(name, numbers) for name, numbers in known.items())
    pruned = [name for name, numbers in known.items() if not _falls(_row(numbers, V3_WAY_OUT))]
    if pruned:
        because = f"Not large, smaller, minimal even when pruned: {', '.join(pruned)}."
        return Judgement("V3", Verdict.FAILS, figures, because)
    written = [name for name, numbers in known.items() if not _falls(_row(numbers, V3_ORDER[-1]))]
    conditions = []
    if written:
        conditions.append(
            f"as the article writes it, distroless breaks the order in {', '.join(written)}; "
            "pruned of devDependencies it keeps it"
        )
    if cves is None:
        conditions.append("no scanner was here, so the CVEs themselves were not counted")
    if conditions:
        because = f"The surface shrinks step by step, with a condition: {'; and '.join(conditions)}."
        return Judgement("V3", Verdict.CONDITION, figures, because)
    because = "Every measure falls from naive over Alpine to distroless, and so do the counted CVEs."
    return Judgement("V3", Verdict.HOLDS, figures, because)


def _row(numbers: Mapping[str, int | None], last: str) -> list[int]:
    names = (*V3_ORDER[:-1], last)
    return [number for name in names if (number := numbers[name]) is not None]


def _falls(row: Sequence[int]) -> bool:
    """Whether no step rises and the last is below the first; two equal steps are no breach."""
    steps = itertools.pairwise(row)
    return all(before >= after for before, after in steps) and row[0] > row[-1]


def _in_a_row(name: str, numbers: Mapping[str, int | None]) -> str:
    shown = ["?" if (n := numbers[v]) is None else f"{n:,}" for v in (*V3_ORDER, V3_WAY_OUT)]
    return f"{name} {' → '.join(shown[:-1])} (pruned {shown[-1]})"
