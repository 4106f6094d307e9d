"""The rule for claim B1, about Node's versions across stages and about pins."""

from __future__ import annotations

import re
from collections.abc import Sequence

from helpers.claims import support
from helpers.claims.figures import Mismatch, PinTest
from helpers.claims.model import Judgement, Verdict
from helpers.claims.support import Line
from helpers.host.errors import WorkbookError


def base_pins(
    minors: Mismatch, lines: Mismatch, libcs: Mismatch, pin: PinTest, *, ended: Sequence[Line]
) -> Judgement:
    """B1: mixing two versions of Node does harm, and a digest keeps the base while a tag does not.

    ``minors`` mixes two minor versions of one line, as in the article; ``lines`` mixes two lines. The
    claim holds with a condition when two minor versions do no harm. One digest also does not make stages
    on two images agree on the C library, and it brings no fixes to lines that have ``ended``; both are
    further conditions.
    """
    figures = (
        f"two minor versions of Node: {minors}; two lines of Node: {lines}; two C libraries: {libcs}; "
        f"the tag gave Node {' then '.join(pin.by_tag)}, the digest {' then '.join(pin.by_digest)}; "
        f"a wrong digest was {'refused' if pin.refused else 'built'}"
    )
    if not lines.agreed_ran:
        because = "The image does not even run with one line of Node, so the mix shows nothing."
        return Judgement("B1", Verdict.UNTESTED, figures, because)
    faults = [
        *([] if lines.bites else ["two lines of Node did no harm here"]),
        *([] if pin.tag_moved else ["the tag did not move"]),
        *([] if pin.kept else ["the digest did not keep the base"]),
        *([] if pin.refused else ["a wrong digest was not refused"]),
    ]
    if faults:
        because = f"Not seen as claimed: {'; '.join(faults)}."
        return Judgement("B1", Verdict.FAILS, figures, because)
    because = "It bites, and a digest keeps the base where a tag does not."
    conditions = [
        *([] if minors.bites else ["the two versions are of different lines"]),
        *(["the stages agree on the C library too"] if libcs.bites else []),
        *([_moved(ended)] if ended else []),
    ]
    if conditions:
        return Judgement("B1", Verdict.CONDITION, figures, because, ", and ".join(conditions))
    return Judgement("B1", Verdict.HOLDS, figures, because)


def _moved(ended: Sequence[Line]) -> str:
    since = " and ".join(f"{line} (since {line.end})" for line in ended)
    return f"the pin is moved off what gets no more fixes: {since}"


def release_line_of(version: str) -> Line:
    """Return the line of a version (``v20.18.0``). Raises `WorkbookError` for any other text."""
    found = re.match(r"v?(\d+)(\.|$)", version)
    if not found:
        raise WorkbookError(f"{version!r} is no version of Node; give one such as v24.1.0.")
    return support.line("Node", found[1])
