"""The rules of the claims on the attack surface."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from helpers.claims.model import Judgement, Verdict

SURFACE_ORDER = ("naive", "alpine", "distroless")
SURFACE_PRUNED = "distroless_pruned"  # the article's file with production dependencies only
NOT_COUNTED = "CVEs not counted here"


def distroless_tools(
    shells: Sequence[str], package_managers: Sequence[str], shell_ran: bool
) -> Judgement:
    """V1: the image holds no shell and no package manager, and none can be started in it."""
    found = [*shells, *package_managers]
    figures = f"{len(shells)} shells, {len(package_managers)} package managers"
    if not found and not shell_ran:
        because = "None lies in its file system, and `docker exec … sh` finds none to run."
        return Judgement("V1", Verdict.HOLDS, figures, because)
    what = ", ".join(found) or "a shell that answered"
    return Judgement("V1", Verdict.FAILS, figures, f"It holds {what}.")


def attack_surface(
    measures: Mapping[str, Mapping[str, int | None]], cves: Mapping[str, int] | None
) -> Judgement:
    """V3: each measure falls from naive over Alpine to distroless, and the CVEs from naive to it.

    ``measures`` holds, for each measure, the number of each variant of `SURFACE_ORDER` and of
    `SURFACE_PRUNED`, None where it is not known; ``cves`` what a scanner counted, None where none was
    here. The claim does not hold where even the pruned file breaks the order, or has no fewer CVEs than
    naive. It holds with a condition where only the pruned file keeps the order, where a scanner counts
    fewer CVEs in Alpine, or where no scanner counted.
    """
    figures = "; ".join(_in_a_row(name, numbers) for name, numbers in measures.items())
    figures += f"; {_in_a_row('CVEs', cves)}" if cves else f"; {NOT_COUNTED}"
    broken = [name for name, numbers in measures.items() if not _falls(_row(numbers, SURFACE_PRUNED))]
    if broken:
        because = f"Even pruned, distroless breaks the order in {', '.join(broken)}."
        return Judgement("V3", Verdict.FAILS, figures, because)
    if cves and cves[SURFACE_PRUNED] >= cves["naive"]:
        because = (
            "The files fall in order, but a scanner counts no fewer CVEs in distroless than in naive."
        )
        return Judgement("V3", Verdict.FAILS, figures, because)
    broken = [name for name, numbers in measures.items() if not _falls(_row(numbers, "distroless"))]
    order = (
        f"As the article writes it, distroless breaks the order in {', '.join(broken)}; pruned of "
        "devDependencies, it keeps the order in everything"
        if broken
        else "Every measure falls from naive over Alpine to distroless"
    )
    met = not broken and cves is not None and cves["alpine"] >= cves["distroless"]
    verdict = Verdict.HOLDS if met else Verdict.CONDITION
    return Judgement("V3", verdict, figures, f"{order}. {_of_cves(cves)}")


def _of_cves(cves: Mapping[str, int] | None) -> str:
    if cves is None:
        return (
            "Fewer CVEs is not shown by that: they were not counted here, because no scanner was "
            "installed."
        )
    least = min(cves, key=lambda name: cves[name])
    return f"A scanner counts fewer CVEs in distroless than in naive, and the fewest in {least}."


def _row(numbers: Mapping[str, int | None], last: str) -> list[int]:
    names = (*SURFACE_ORDER[:-1], last)
    return [number for name in names if (number := numbers[name]) is not None]


def _falls(row: Sequence[int]) -> bool:
    """Whether no step rises and the last is below the first; two equal steps are no breach."""
    steps = itertools.pairwise(row)
    return all(before >= after for before, after in steps) and row[0] > row[-1]


def _in_a_row(name: str, numbers: Mapping[str, int | None]) -> str:
    shown = ["?" if (n := numbers[v]) is None else f"{n:,}" for v in (*SURFACE_ORDER, SURFACE_PRUNED)]
    return f"{name} {' → '.join(shown[:-1])} (pruned {shown[-1]})"
