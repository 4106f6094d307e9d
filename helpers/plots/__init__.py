"""Draw a figure from a table, in one house style.

Each function takes a DataFrame and returns a `Chart`, which a notebook shows as a picture with a text
alternative. This package measures nothing and builds nothing. 1 MB is 10^6 bytes.
"""

from helpers.plots.cache import invalidation, scenarios, timeline
from helpers.plots.composition import composition
from helpers.plots.context import SENT, sent
from helpers.plots.fleet import fleet
from helpers.plots.gains import gains
from helpers.plots.howlow import frontier
from helpers.plots.pins import lines
from helpers.plots.pipeline import cost, day, waits
from helpers.plots.sizes import languages, layers, sizes, spare
from helpers.plots.stages import stages
from helpers.plots.style import Chart
from helpers.plots.surface import surface
from helpers.plots.verdicts import board

__all__ = [
    "SENT",
    "Chart",
    "board",
    "composition",
    "cost",
    "day",
    "fleet",
    "frontier",
    "gains",
    "invalidation",
    "languages",
    "layers",
    "lines",
    "scenarios",
    "sent",
    "sizes",
    "spare",
    "stages",
    "surface",
    "timeline",
    "waits",
]
