"""Dress a table that stands in a widget: each heading above its column, and room between columns.

pandas writes a style with each table that a notebook shows, and browsers apply it to all tables of the
page; what stands here is more specific than that.
"""

_STYLE = (
    "<style>.wb-table .dataframe th, .wb-table .dataframe td"
    "{text-align:left;padding:0.2em 1.2em 0.2em 0;line-height:1.4}</style>"
)


def dressed(table: str) -> str:
    """Return the HTML of a table, or of several with their words, ready for a widget."""
    return f'<div class="wb-table">{_STYLE}{table}</div>'
