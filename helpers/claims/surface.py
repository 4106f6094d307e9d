"""The rules for the claims about the attack surface, V1 and V3."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from helpers.claims.figures import Exposure
from helpers.claims.model import Judgement, Verdict

SURFACE_ORDER = ("naive", "alpine", "distroless")
SURFACE_PRUNED = "distroless_pruned"  # the article's file with production dependencies only
NOT_COUNTED = "CVEs not counted here"


def distroless_tools(found: Exposure) -> Judgement:
    """V1: the image has no shell and no package manager, and no shell starts in it.

    That does not mean "no attack surface": what its process may do is a condition. A stand-in is a
    condition too, because the workbook wrote its recipe.
    """
    tools = [*found.shells, *found.package_managers]
    if tools or found.shell_starts:
        what = ", ".join(tools) or "a shell that answered"
        return Judgement("V1", Verdict.FAILS, str(found), f"It holds {what}.")
    because = "No shell lies in its file system, and `docker exec … sh` finds none to run."
    left = [
        *(["Node runs any program that it is given"] if found.node else []),
        *(["its process is root"] if found.root else []),
        *(["it may write files in the image"] if found.writable else []),
    ]
    conditions = [
        *(["nobody reads it as 'no attack surface'"] if left else []),
        *(["the vendor's image is composed as this stand-in is"] if found.stand_in else []),
    ]
    if left:
        because += f" But {', and '.join(left)}."
    if found.stand_in:
        because += " The workbook wrote the recipe of this base, so it shows the recipe."
    verdict = Verdict.CONDITION if conditions else Verdict.HOLDS
    return Judgement("V1", verdict, str(found), because, ", and ".join(conditions))


def attack_surface(
    measures: Mapping[str, Mapping[str, int | None]], cves: Mapping[str, int] | None
) -> Judgement:
    """V3: each measure falls from naive to Alpine to distroless; distroless has fewer CVEs than naive.

    ``measures`` holds, for each measure, the number for each variant in `SURFACE_ORDER` and for
    `SURFACE_PRUNED`; None when it is not known. ``cves`` holds a scanner's counts; None without a
    scanner. The claim fails when even the pruned file breaks the order, or has no fewer CVEs than naive.
    It is not tested without a scanner. It holds with a condition when only the pruned file keeps the
    order, or when a scanner counts fewer CVEs in Alpine.
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
    order = "Every measure falls from naive over Alpine to distroless"
    if broken:
        order = (
            f"As the article writes it, distroless breaks the order in {', '.join(broken)}; pruned of "
            "devDependencies, it keeps the order in everything"
        )
    if cves is None:
        because = f"Nobody counted the CVEs, because no scanner was installed. {order}."
        return Judgement("V3", Verdict.UNTESTED, figures, because)
    least = min(cves, key=lambda name: cves[name])
    because = (
        f"{order}. A scanner counts fewer CVEs in distroless than in naive, and the fewest in {least}."
    )
    conditions = [
        *(["the devDependencies are pruned"] if broken else []),
        *(["it is compared with naive"] if cves["alpine"] < cves["distroless"] else []),
    ]
    verdict = Verdict.CONDITION if conditions else Verdict.HOLDS
    return Judgement("V3", verdict, figures, because, ", and ".join(conditions))


def _row(numbers: Mapping[str, int | None], last: str) -> list[int]:
    names = (*SURFACE_ORDER[:-1], last)
    return [number for name in names if (number := numbers[name]) is not None]


def _falls(row: Sequence[int]) -> bool:
    """Whether no value is larger than the one before, and the last is smaller than the first."""
    steps = itertools.pairwise(row)
    return all(before >= after for before, after in steps) and row[0] > row[-1]


def _in_a_row(name: str, numbers: Mapping[str, int | None]) -> str:
    shown = ["?" if (n := numbers[v]) is None else f"{n:,}" for v in (*SURFACE_ORDER, SURFACE_PRUNED)]
    return f"{name} {' → '.join(shown[:-1])} (pruned {shown[-1]})"
