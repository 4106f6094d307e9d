"""Draw a figure from a table, in one house style.

Each function takes a DataFrame and returns a `Chart`, which a notebook shows as a picture with a text
alternative. It measures nothing and builds nothing. MB are 10^6 bytes.
"""

from helpers.plots.cache import invalidation
from helpers.plots.composition import composition, crossing
from helpers.plots.layers import layers
from helpers.plots.sizes import sizes
from helpers.plots.style import Chart
from helpers.plots.times import scenarios, timeline

__all__ = [
    "Chart",
    "composition",
    "crossing",
    "invalidation",
    "layers",
    "scenarios",
    "sizes",
    "timeline",
]
