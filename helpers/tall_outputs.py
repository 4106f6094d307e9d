"""Break a cell whose outputs are too high for a slide into cells that fit, by an estimate of heights.

Heights are in lines of running text. A table is broken between rows and keeps its head, a listing
between lines; a picture stays whole. It writes no slide.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bs4.element import PageElement, Tag

PICTURE = 13.0
CODE_LINE = 0.65
_ROW, _LIVE_ROW, _NEXT_LINE = 0.95, 0.68, 0.67
_ROW_LETTERS = 90  # of a table's row, on one line
_HEADING = 1.4
_LEAST = 4.0  # below this much room a part begins on the next slide
_SHRINKS = 1.1  # a slide that is a little too full is drawn smaller


def lines(data: Mapping[str, Any]) -> float:
    """Estimate the height of one output from its data by type."""
    if "image/png" in data:
        return PICTURE
    if "text/html" in data:
        return sum(_height(block) for block in _blocks(str(data["text/html"])))
    text = str(data.get("text/markdown") or data.get("text/plain", ""))
    return CODE_LINE * len(text.splitlines())


def split(cell: Any, first: float, rest: float) -> list[Any]:
    """Return the cell, or cells in its place: room for ``first`` lines of outputs, then ``rest`` each.

    The first keeps the source; the others hold outputs alone.
    """
    outputs = cell.get("outputs", [])
    if sum(lines(output.get("data", {})) for output in outputs) <= _SHRINKS * first:
        return [cell]
    slides: list[list[Any]] = [[]]
    room = first
    for output in outputs:
        for part in _parts(output, room, rest):
            height = lines(part.get("data", {}))
            if height > room:
                slides.append([])
                room = rest
            slides[-1].append(part)
            room -= height
    cell.outputs = slides[0]
    return [cell, *map(_further, slides[1:])]


def _further(outputs: list[Any]) -> Any:
    """Return a cell that shows outputs without a source."""
    import nbformat

    metadata = {"slideshow": {"slide_type": "-"}, "transient": {"remove_source": True}}
    return nbformat.v4.new_code_cell("", metadata=metadata, outputs=outputs)


def _parts(output: Any, first: float, rest: float) -> Iterator[Any]:
    """Return an output whole, or its HTML in parts that fit."""
    data = output.get("data", {})
    if "image/png" in data or "text/html" not in data or lines(data) <= max(first, _LEAST):
        yield output
        return
    for html in _pages(str(data["text/html"]), first if first >= _LEAST else rest, rest):
        part = copy.deepcopy(output)
        part.data = type(part.data)({"text/html": html})
        yield part


def _pages(html: str, first: float, rest: float) -> Iterator[str]:
    page, room = "", first
    for block in _blocks(html):
        for piece in _pieces(block, room, rest):
            height = _height(piece)
            if page and height + (_LEAST if _is_heading(piece) else 0.0) > room:
                yield page
                page, room = "", rest
            page, room = page + str(piece), room - height
    if page:
        yield page


def _blocks(html: str) -> list[PageElement]:
    """Return what stands one below the other: paragraphs, headings, tables, listings."""
    from bs4 import BeautifulSoup

    return list(_opened(BeautifulSoup(html, "html.parser")))


def _opened(part: Tag) -> Iterator[PageElement]:
    from bs4.element import Tag

    for child in part.children:
        if not isinstance(child, Tag):
            if str(child).strip():
                yield child
        elif child.name == "div" and "highlight" not in child.get_attribute_list("class"):
            yield from _opened(child)
        else:
            yield child


def _pieces(block: PageElement, room: float, rest: float) -> list[PageElement]:
    """Return a table or a listing in pieces of ``room`` and then ``rest`` lines, anything else whole."""
    if _height(block) <= room:
        return [block]
    groups = _groups(block)
    if len(groups) < 2:
        return [block]
    empty = copy.copy(block)
    for member in list(_holder(empty).children):
        member.extract()
    frame = sum(_row_height(row) for row in _head_rows(block))
    pieces, left = [copy.copy(empty)], (room if room >= _LEAST else rest) - frame
    for members in groups:
        height = sum(_member_height(member) for member in members)
        if height > left and _holder(pieces[-1]).contents:
            pieces.append(copy.copy(empty))
            left = rest - frame
        _holder(pieces[-1]).extend([copy.copy(member) for member in members])
        left -= height
    return list(pieces)


def _groups(block: PageElement) -> list[list[PageElement]]:
    """Return the rows of a table, or the lines of a listing, each as the elements that make it."""
    holder = _holder(block)
    if holder.name != "pre":
        return [[row] for row in holder.find_all("tr", recursive=False)]
    groups: list[list[PageElement]] = [[]]
    for child in holder.children:
        groups[-1].append(child)
        if child.get_text().endswith("\n"):
            groups.append([])
    return [group for group in groups if group]


def _head_rows(block: PageElement) -> list[Any]:
    head = getattr(block, "find", lambda _: None)("thead")
    return head.find_all("tr") if head else []


def _holder(block: PageElement) -> Any:
    found = getattr(block, "find", lambda _: None)
    return found("tbody") or found("pre") or block


def _is_heading(block: PageElement) -> bool:
    return getattr(block, "name", None) in ("b", "h3", "h4")


def _height(block: Any) -> float:
    name, text = getattr(block, "name", None), block.get_text()
    if name == "style":
        return 0.0
    if name == "table":
        return sum(_row_height(row) for row in block.find_all("tr"))
    if _is_heading(block):
        return _HEADING
    if name in ("p", "ul", None) and "\n" not in text.strip():
        return 1.2 * -(-len(text) // 85)
    return CODE_LINE * float(text.count("\n"))


def _member_height(member: PageElement) -> float:
    if getattr(member, "name", None) == "tr":
        return _row_height(member)
    return CODE_LINE * member.get_text().count("\n")


def _row_height(row: Any) -> float:
    if row.find(class_="wb-instruction"):
        return _LIVE_ROW
    letters = sum(len(cell.get_text(" ", strip=True)) for cell in row.find_all(["td", "th"]))
    return _ROW + _NEXT_LINE * max(0, -(-letters // _ROW_LETTERS) - 1)
