"""Turn an unforeseen error into one sentence for the reader, and keep its traceback in a file.

A `WorkbookError` was foreseen and passes unchanged. Every other error is a fault of the workbook: the
reader gets one sentence, and a file to report.
"""

from __future__ import annotations

import contextlib
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from helpers.host import paths
from helpers.host.errors import WorkbookError, redacted


class UnforeseenError(WorkbookError):
    """An error that no part of the workbook foresaw; the tests check that none is raised."""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn an unforeseen exception of the block into an `UnforeseenError`.

    Its traceback, without credentials, is kept in a file in the folder ``faults`` of `paths.state`; the
    sentence names the file. A `WorkbookError`, Ctrl-C and a closed pipe pass unchanged.
    """
    try:
        yield
    except (WorkbookError, BrokenPipeError):
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UnforeseenError(
            f"This is a fault of the workbook ({what}); {_keep(redacted(traceback.format_exc()))}"
        ) from None


def _keep(text: str) -> str:
    """Write a traceback to a file, and return a phrase that says where it is, or what to report."""
    try:
        folder = paths.state("faults")
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="replace", dir=folder, suffix=".txt", delete=False
        ) as file:
            file.write(text)
    except (OSError, WorkbookError):
        return "report it with the command that you ran (no file on it could be written)."
    return f"report it with the command that you ran and the file {Path(file.name)}."
