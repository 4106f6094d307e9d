"""The rules for the claims about the build context, X1 and X2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helpers.claims.model import Judgement, Verdict
from helpers.host.tables import MB, in_mb

LITTLE_LEFT = 0.1  # share of the needless bytes; a list that lets through no more is good


def copied_context(in_folder: Mapping[str, int], arrived: Mapping[str, int]) -> Judgement:
    """X1: without an ignore file, everything that the claim names is copied completely.

    Both mappings give bytes for each thing that the claim names: in the folder, and in the image that
    ``COPY . .`` made.
    """
    figures = ", ".join(f"{name} {_sized(arrived.get(name, 0))}" for name in in_folder)
    lacking = [name for name, size in in_folder.items() if not size]
    if lacking:
        because = f"The folder has no {', '.join(lacking)} that could be copied."
        return Judgement("X1", Verdict.UNTESTED, figures, because)
    left_out = [name for name in in_folder if not arrived.get(name)]
    if left_out:
        because = f"Nothing arrived of {', '.join(left_out)}."
        return Judgement("X1", Verdict.FAILS, figures, because)
    partly = [name for name, size in in_folder.items() if arrived[name] != size]
    if partly:
        condition = f"a part of {', '.join(partly)} is enough"
        because = "The rest of it did not arrive in the image."
        return Judgement("X1", Verdict.CONDITION, figures, because, condition)
    because = "Each of them arrived in the image whole, byte for byte of what lay in the folder."
    return Judgement("X1", Verdict.HOLDS, figures, because)


def ignore_list(without: int, minimal: int, fuller: int, secrets: Sequence[str]) -> Judgement:
    """X2: the article's list lets through no secret, and few bytes that the build does not need.

    The article offers its list "at a minimum". So needless bytes that it lets through are a condition,
    and only a secret refutes the claim. ``without``, ``minimal`` and ``fuller`` are the bytes sent
    without a list, with the article's list, and with a fuller list that sends only what the build needs.
    ``secrets`` are the files with secrets that the article's list sent.
    """
    figures = (
        f"sent without a list {in_mb(without)}, with the article's {in_mb(minimal)}, "
        f"with a fuller one {_sized(fuller)}; secrets let through: {', '.join(secrets) or 'none'}"
    )
    if secrets:
        because = "Even a minimum has to keep secrets out, and it lets one through."
        return Judgement("X2", Verdict.FAILS, figures, because)
    if (minimal - fuller) / max(1, without - fuller) > LITTLE_LEFT:
        condition = "you add what else lies in your folder"
        because = "It keeps the secrets out, but not all of the bytes that the build does not need."
        return Judgement("X2", Verdict.CONDITION, figures, because, condition)
    because = "No secret passes, and hardly a byte that the build does not need."
    return Judgement("X2", Verdict.HOLDS, figures, because)


def _sized(size: int) -> str:
    """Return a size in MB; a small size in kB or bytes."""
    if size >= MB:
        return in_mb(size)
    return f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size} B"
