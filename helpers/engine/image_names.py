"""Take names of images apart, and make the local names that the workbook gives to its own images.

Ours begin with ``localhost/``: such a name leads to no registry, so an image that is missing is never
fetched from someone who happened to register the name. It knows no engine.
"""

from __future__ import annotations

OURS = "localhost/workbook-"


def registry_of(name: str) -> str:
    """Return the registry that a name leads to; empty for the one that Docker takes by default."""
    first, slash, _ = name.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else ""


def local_name(kind: str, name: str) -> str:
    """Return our name for the image of a ``kind`` (``standin``, ``ca``) that serves for ``name``."""
    plain, _, digest = name.partition("@sha256:")
    path, _, last = plain.rpartition("/")
    tagged = f"{path.replace(':', '/')}/{last}".lstrip("/")
    if ":" not in last:
        tagged += ":latest"
    return f"{OURS}{kind}/{tagged}" + (f"-{digest[:12]}" if digest else "")
