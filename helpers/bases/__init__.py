"""The images behind FROM: found in the engine, pulled, or made as stand-ins; and the offline kit."""

from helpers.bases.bases import (
    ARTICLE,
    Base,
    BaseError,
    Source,
    find,
    handed,
    prepare,
    registry_reachable,
    resolve,
)

__all__ = [
    "ARTICLE",
    "Base",
    "BaseError",
    "Source",
    "find",
    "handed",
    "prepare",
    "registry_reachable",
    "resolve",
]
