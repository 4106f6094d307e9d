"""The images behind FROM: here, pulled, or a stand-in; and the offline kit of them."""

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
