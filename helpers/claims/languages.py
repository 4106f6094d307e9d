"""The rules for what the article says of other languages than Node, L1 and L2."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.claims.figures import Size, Tools
from helpers.claims.model import Judgement, Verdict

SMALLER = 10.0


def smaller_by_language(sizes: Mapping[str, tuple[Size, Size]]) -> Judgement:
    """L1: on disk, the last stage is `SMALLER` times smaller than the naive image or more, everywhere.

    ``sizes`` holds for each language the naive image and the one of several stages. The claim holds with
    a condition when it does for some languages, and fails when it does for none.
    """
    factors = {
        name: (a.uncompressed / b.uncompressed, a.compressed / b.compressed)
        for name, (a, b) in sizes.items()
    }
    figures = "; ".join(
        f"{name} {disk:.1f}x on disk, {wire:.1f}x compressed" for name, (disk, wire) in factors.items()
    )
    if not factors:
        return Judgement("L1", Verdict.UNTESTED, "no language", "No language could be built here.")
    reach = [name for name, (disk, _) in factors.items() if disk >= SMALLER]
    short = [name for name in factors if name not in reach]
    if not short:
        because = f"All of {', '.join(reach)} are {SMALLER:.0f}x smaller or more."
        return Judgement("L1", Verdict.HOLDS, figures, because)
    because = f"{' and '.join(short)}: less, for what runs the program ships with it."
    if not reach:
        return Judgement("L1", Verdict.FAILS, figures, because)
    return Judgement("L1", Verdict.CONDITION, figures, because, f"the language is {' or '.join(reach)}")


def build_image_left_behind(tools: Mapping[str, tuple[Tools, Tools]]) -> Judgement:
    """L2: the image of several stages holds no compiler, no package manager and no shell.

    ``tools`` holds for each language those of the naive image and those of the other. The claim fails
    when a compiler is left. It has a condition when package managers or shells are left.
    """
    figures = "; ".join(f"{name} {before} → {after}" for name, (before, after) in tools.items())
    if not tools:
        return Judgement("L2", Verdict.UNTESTED, "no language", "No language could be built here.")
    compiling = [name for name, (_, after) in tools.items() if after.compilers]
    if compiling:
        because = f"A compiler is left in the image of {' and '.join(compiling)}."
        return Judgement("L2", Verdict.FAILS, figures, because)
    left = [name for name, (_, after) in tools.items() if after.package_managers or after.shells]
    if not left:
        return Judgement("L2", Verdict.HOLDS, figures, "No tool of the build is left in any of them.")
    because = (
        f"No compiler is left in any of them. The image of {' and '.join(left)} still holds a package "
        "manager or a shell: they come with the base of its last stage, not from the builder."
    )
    return Judgement(
        "L2", Verdict.CONDITION, figures, because, "the last base brings no tools of its own"
    )
