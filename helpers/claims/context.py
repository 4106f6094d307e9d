"""The rules of the claims on the build context, X1 and X2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helpers.claims.model import Judgement, Verdict
from helpers.host.tables import MB, in_mb

LITTLE_LEFT = 0.1  # of the needless bytes: a list that leaves no more than this does its work
HALF_LEFT = 0.5  # a list that leaves more than this does less than half of it


def copied_context(in_folder: Mapping[str, int], arrived: Mapping[str, int]) -> Judgement:
    """X1: without an ignore file all that the claim names is copied whole.

    Both are bytes by what the claim names: in the folder, and in the image that ``COPY . .`` made.
    """
    figures = ", ".join(f"{name} {_sized(arrived.get(name, 0))}" for name in in_folder)
    left_out = [name for name, size in in_folder.items() if not size or not arrived.get(name)]
    if left_out:
        because = f"Nothing arrived of {', '.join(left_out)}."
        return Judgement("X1", Verdict.FAILS, figures, because)
    partly = [name for name, size in in_folder.items() if arrived[name] != size]
    if partly:
        because = f"Not all arrived of {', '.join(partly)}."
        return Judgement("X1", Verdict.CONDITION, figures, because)
    because = "Each of them arrived in the image whole, byte for byte of what lay in the folder."
    return Judgement("X1", Verdict.HOLDS, figures, because)


def ignore_list(without: int, minimal: int, fuller: int, secrets: Sequence[str]) -> Judgement:
    """X2: the article's list lets no secret through, and little of what the build does not need.

    The bytes are those that were sent without a list, with the article's and with a fuller one, which
    stands for what the build needs; ``secrets`` are the files with secrets that the article's list sent.
    """
    figures = (
        f"sent without a list {in_mb(without)}, with the article's {in_mb(minimal)}, "
        f"with a fuller one {_sized(fuller)}; secrets let through: {', '.join(secrets) or 'none'}"
    )
    left = (minimal - fuller) / max(1, without - fuller)
    reasons = []
    if left > HALF_LEFT:
        reasons.append("it leaves more than half of what the build does not need")
    elif left > LITTLE_LEFT:
        reasons.append("it leaves a part of what the build does not need")
    if secrets:
        reasons.append("it lets a secret through")
    if not reasons:
        because = "No secret passes, and hardly a byte that the build does not need."
        return Judgement("X2", Verdict.HOLDS, figures, because)
    fails = bool(secrets) or left > HALF_LEFT
    because = " and ".join(reasons) + "."
    verdict = Verdict.FAILS if fails else Verdict.CONDITION
    return Judgement("X2", verdict, figures, because[0].upper() + because[1:])


def _sized(size: int) -> str:
    """Return a size in MB, or in kB or bytes where MB would show little or nothing."""
    if size >= MB:
        return in_mb(size)
    return f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size} B"
