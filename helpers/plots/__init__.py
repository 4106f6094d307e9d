"""Draw a figure from a table, in one house style.

Each function takes a DataFrame and returns a `Chart`, which a notebook shows as a picture with a text
alternative. It measures nothing and builds nothing. MB are 10^6 bytes.
"""

from helpers.plots.board import board
from helpers.plots.composition import composition, crossing
from helpers.plots.context import SENT, sent
from helpers.plots.layers import layers
from helpers.plots.sizes import sizes
from helpers.plots.spare import spare
from helpers.plots.style import Chart
from helpers.plots.times import scenarios, timeline

__all__ = [
    "SENT",
    "Chart",
    "board",
    "composition",
    "crossing",
    "layers",
    "scenarios",
    "sent",
    "sizes",
    "spare",
    "timeline",
]
