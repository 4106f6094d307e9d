"""How nbval judges the lessons: what a cell writes to standard error counts when it is a traceback.

A warning there comes and goes between two runs: a library warns once a process, or when the machine is
slow. A lesson says what matters to its reader on standard output, and an error ends its cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

_TRACEBACK = "Traceback (most recent call last)"
_Outputs = Sequence[Mapping[str, Any]]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a cell of a notebook compare its outputs without warnings."""
    if type(item).__name__ == "IPyNbCell":
        compare = item.compare_outputs  # type: ignore[attr-defined]
        item.compare_outputs = lambda test, reference, **options: compare(  # type: ignore[attr-defined]
            without_warnings(test), without_warnings(reference), **options
        )


def without_warnings(outputs: _Outputs) -> list[Mapping[str, Any]]:
    """Return the outputs without those that stand on standard error and are no traceback."""
    return [
        output
        for output in outputs
        if output.get("name") != "stderr" or _TRACEBACK in output.get("text", "")
    ]
