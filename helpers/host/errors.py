"""The one family of errors that a reader of the workbook gets to see.

It does not decide what went wrong: each module raises its own subclass, with one sentence that says
what happened and what to do. Other programs' words in it may hold credentials; they are taken out here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from helpers.host.redaction import redacted


class WorkbookError(Exception):
    """Something the reader can act on; its text is one or two sentences, complete in themselves."""

    def __init__(self, *words: object) -> None:
        super().__init__(*(redacted(word) if isinstance(word, str) else word for word in words))

    def _render_traceback_(self) -> list[str]:
        """Show the sentence alone in a notebook: IPython asks for this before it prints a traceback."""
        return [f"{type(self).__name__}: {self}"]


class StoppedByReaderError(WorkbookError, KeyboardInterrupt):
    """The reader stopped what ran, by Ctrl-C or the notebook's ■."""


@contextlib.contextmanager
def stoppable(sentence: str, kind: type[StoppedByReaderError] = StoppedByReaderError) -> Iterator[None]:
    """Turn Ctrl-C inside the block into a ``kind`` of error with this sentence.

    A block inside another one has the word; an error of this kind passes as it is.
    """
    try:
        yield
    except StoppedByReaderError:
        raise
    except KeyboardInterrupt:
        raise kind(sentence) from None


class PrivateEngineError(WorkbookError):
    """The private engine cannot be installed, started or undone here."""
