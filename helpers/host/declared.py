"""Check what was read from outside against a dataclass: every field holds the type it is declared with.

It reads nothing; what a wrong one means is its caller's business.
"""

from __future__ import annotations

from typing import TypeVar, get_args, get_origin, get_type_hints

R = TypeVar("R")


def whole(record: R) -> R:
    """Return a record of a dataclass. Raises `TypeError` where a field holds another type.

    Of a tuple only that it is one is looked at, not what it holds.
    """
    for name, declared in get_type_hints(type(record)).items():
        kinds = (tuple,) if get_origin(declared) is tuple else get_args(declared) or (declared,)
        if type(getattr(record, name)) not in kinds:
            raise TypeError(f"{name} is of another type")
    return record
