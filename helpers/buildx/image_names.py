"""Say whether a text can be the name of an image, by the rules of distribution/reference.

Docker reads names with those. Whether there is such an image is not asked here.
"""

from __future__ import annotations

import re

_LONGEST = 255  # characters of a name without its registry, tag and digest
_DOMAIN = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_DOMAIN}(?:\.{_DOMAIN})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"{_HOST}/({_PART}(?:/{_PART})*)(?::\w[\w.-]{{0,127}})?"
    r"(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_DIGESTS = {"sha256": 64, "sha384": 96, "sha512": 128}  # letters of a digest


def fault(name: str) -> str:
    """Say in a phrase why no image can bear a name; empty where one can."""
    first, slash, rest = name.partition("/")
    is_host = slash and (re.search("[.:]", first) or first == "localhost" or first != first.lower())
    host, path = (first, rest) if is_host else ("docker.io", name if slash else f"library/{name}")
    repository = re.split("[:@]", path)[0]
    if repository != repository.lower():
        return f"`{repository.removeprefix('library/')}` must be written in small letters"
    if re.fullmatch("[a-f0-9]{64}", name):
        return "64 hexadecimal digits are an image's id and no name"
    found = _NAME.fullmatch(f"{host}/{path}")
    if not found:
        return "its form is not NAME, NAME:TAG or NAME@sha256:DIGEST"
    if len(found[1]) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    if found[2] and (_DIGESTS.get(found[2]) != len(found[3]) or found[3] != found[3].lower()):
        return f"`{found[2]}:{found[3]}` is no digest"
    return ""
