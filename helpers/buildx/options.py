"""Read the options of ``docker buildx build`` that a reader adds to a build.

This module knows which options write something, and which would hide the build's steps from the
workbook. The builder checks all other options.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from helpers.host.errors import WorkbookError

_SHORT = {"-f": "--file", "-o": "--output", "-q": "--quiet", "-t": "--tag"}
_ALONE = {"--check", "--load", "--no-cache", "--pull", "--push", "--quiet"}  # take no value
_WRITE = {"--cache-to", "--iidfile", "--load", "--metadata-file", "--output", "--push", "--tag"}
_REFUSED = {
    "--progress": "the workbook reads the steps of a build from it",
    "--metadata-file": "the workbook reads from it what was built",
    "--quiet": "the workbook reads the steps of a build",
    "--call": "it asks for something else than a build",
    "--check": "it asks for something else than a build",
    "--print": "it asks for something else than a build",
}


def require_readable(extra: Sequence[str]) -> None:
    """Raise `WorkbookError` for an option that would hide the build's steps."""
    for name, _, _ in _parsed(extra):
        if name in _REFUSED:
            raise WorkbookError(f"A build cannot be given {name} here: {_REFUSED[name]}; leave it out.")


def without_writing(extra: Sequence[str]) -> list[str]:
    """Return the options that write no image, cache or file, as they were given."""
    return [word for name, _, words in _parsed(extra) if name not in _WRITE for word in words]


def named_contexts(extra: Sequence[str]) -> dict[str, str]:
    """Return the places in ``--build-context NAME=PLACE``, by names in BuildKit's short form."""
    values = (value.partition("=") for name, value, _ in _parsed(extra) if name == "--build-context")
    return {short_name(name): place for name, _, place in values}


def short_name(image: str) -> str:
    """Return an image's name in the form that BuildKit compares with the names of contexts."""
    return image.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")


def _parsed(extra: Iterable[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each option's long name, its value (may be empty), and its words as they were given."""
    words = iter(extra)
    for word in words:
        name, equals, value = word.partition("=")
        if not word.startswith("--") and word[:2] in _SHORT:
            name, value = _SHORT[word[:2]], word[2:].removeprefix("=")
            equals = value
        if equals or name in _ALONE or not name.startswith("--"):
            yield name, value, (word,)
        else:
            value = next(words, "")
            yield name, value, (word, value) if value else (word,)
