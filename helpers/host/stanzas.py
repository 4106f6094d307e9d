"""Read records that are paragraphs of ``Name: value`` lines, as in Debian's and Alpine's lists.

Debian Policy, chapter 5, describes the format. In apk's database a name is one letter, and no space
follows the colon. The caller knows what a field means.
"""

from __future__ import annotations

from collections.abc import Iterator


def stanzas(text: str, key: str = "Package") -> Iterator[dict[str, str]]:
    """Yield each paragraph that has a field ``key``: its fields by name, without continued lines."""
    for paragraph in text.split("\n\n"):
        lines = [line for line in paragraph.splitlines() if ":" in line and not line[0].isspace()]
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if key in fields:
            yield fields
