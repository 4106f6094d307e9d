"""Keep a small list of records on this machine, one for each key, safely for several notebooks at once.

The file is always replaced as a whole. A file that cannot be read counts as empty and is set aside. The
caller decides what a record means.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from helpers.host import paths

R = TypeVar("R")  # a dataclass of strings, numbers and flags
T = TypeVar("T")


class Kept(Generic[R]):
    """The records of one ``kind``, in a folder of that name below `paths.state`.

    ``make`` turns fields (keyword arguments) into a record; it raises `TypeError` or `ValueError` when
    they are not a valid record. ``key`` returns the name under which the latest record is kept.
    """

    def __init__(self, kind: str, make: Callable[..., R], key: Callable[[R], str]) -> None:
        self._kind = kind
        self._make = make
        self._key = key

    def all(self) -> dict[str, R]:
        """Return the latest record of each key."""
        with self._locked() as file:
            return self._read(file)

    def put(self, record: R) -> None:
        """Keep a record; it replaces an earlier one with the same key."""
        self.change(lambda known: known.update({self._key(record): record}))

    def change(self, edit: Callable[[dict[str, R]], object]) -> None:
        """Let ``edit`` change the records while nobody else reads or writes them."""
        with self._locked() as file:
            known = self._read(file)
            edit(known)
            _write(file, [asdict(known[key]) for key in sorted(known)])  # type: ignore[call-overload]

    @contextmanager
    def _locked(self) -> Iterator[Path]:
        folder = paths.state(self._kind)
        with paths.writing(folder), paths.locked(folder):
            yield folder / f"{self._kind}.json"

    def _read(self, file: Path) -> dict[str, R]:
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
            found = [well_typed(self._make(**entry)) for entry in entries]
            return {self._key(record): record for record in found}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, RecursionError):
            file.replace(file.with_suffix(".unreadable"))
            return {}


def _write(file: Path, entries: list[dict[str, Any]]) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as fresh:
            json.dump(entries, fresh, indent=1, ensure_ascii=False)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def well_typed(record: T) -> T:
    """Return a dataclass record that was read from a file, after checking the types of its fields.

    Raises `TypeError` when a field's value does not have the declared type. The items of a tuple are not
    checked.
    """
    for name, declared in get_type_hints(type(record)).items():
        kinds = (tuple,) if get_origin(declared) is tuple else get_args(declared) or (declared,)
        if type(getattr(record, name)) not in kinds:
            raise TypeError(f"{name} is of another type")
    return record
