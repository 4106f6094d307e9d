"""Read records that are paragraphs of ``Name: value`` lines, as Debian's and Alpine's lists have them.

Debian Policy, chapter 5, is the format; apk's database differs in that a name is one letter and no space
follows the colon. What a field means is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator


def stanzas(text: str, key: str = "Package") -> Iterator[dict[str, str]]:
    """Yield the paragraphs that have a field ``key``: its fields by name, continued lines left out."""
    for paragraph in text.split("\n\n"):
        lines = [line for line in paragraph.splitlines() if ":" in line and not line[0].isspace()]
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if key in fields:
            yield fields
