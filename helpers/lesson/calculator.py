"""The calculator: a plan's controls, and the month's bill for it as a table and a chart.

In a running notebook it is made of widgets; where those do not run (GitHub, a printed page) it shows the
table and the chart of the plan that it began with. The arithmetic is that of `bill`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from helpers import plots
from helpers.measure import cost
from helpers.measure.cost import Plan

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import VBox, Widget

    from helpers.measure.pipeline import Moves
    from helpers.plots import Chart

_WIDE = {"description_width": "16em"}


@dataclass(frozen=True)
class Calculator:
    """A month's bill to play with: ``moves`` by the image's name, the plan to begin with, a caption."""

    moves: Mapping[str, Moves]
    image: str
    plan: Plan = field(default_factory=Plan)
    caption: str = ""

    def table(self) -> pd.DataFrame:
        """Return the bill of the plan to begin with."""
        return cost.month(self.moves[self.image], self.plan)

    def chart(self) -> Chart:
        """Draw the bill of the plan to begin with."""
        return plots.bill(self.table(), self.caption)

    @cached_property
    def controls(self) -> dict[str, Widget]:
        """The widgets, by the field of `Plan` that each sets, and ``image``."""
        import ipywidgets as widgets

        look: dict[str, Any] = {"style": _WIDE, "layout": {"width": "36em"}, "continuous_update": False}
        ranges = {
            "deploys_a_day": (widgets.IntSlider, "deploys a day", 1, 200, 1),
            "nodes": (widgets.IntSlider, "nodes", 1, 100, 1),
            "fresh": (widgets.FloatSlider, "share of empty nodes", 0, 1, 0.05),
            "dependency": (widgets.FloatSlider, "share of dependency edits", 0, 1, 0.05),
            "kept": (widgets.IntSlider, "versions kept", 1, 500, 1),
            "usd_per_gb_moved": (widgets.BoundedFloatText, "USD a GB moved", 0, 100, 0.01),
            "usd_per_gb_month_kept": (widgets.BoundedFloatText, "USD a GB and month kept", 0, 100, 0.01),
        }
        made: dict[str, Widget] = {
            "image": widgets.ToggleButtons(
                options=list(self.moves), value=self.image, description="image", style=_WIDE
            )
        }
        for name, (kind, label, low, high, step) in ranges.items():
            start = getattr(self.plan, name)
            made[name] = kind(value=start, min=low, max=high, step=step, description=label, **look)
        return made

    @cached_property
    def box(self) -> VBox:
        """The controls above the table and the chart, which follow them."""
        import ipywidgets as widgets

        table, picture = widgets.HTML(), widgets.HTML()

        def show(_: object = None) -> None:
            chosen = self._chosen()
            table.value = chosen.table().round(2).to_html(index=False, border=0)
            picture.value = _html(chosen.chart())

        for control in self.controls.values():
            control.observe(show, names="value")
        show()
        return widgets.VBox([*self.controls.values(), table, picture])

    def _chosen(self) -> Calculator:
        values = {name: control.value for name, control in self.controls.items()}
        plan = Plan(**{each.name: values[each.name] for each in fields(Plan)})
        return Calculator(self.moves, values["image"], plan, self.caption)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[Any, Any]:
        """Give a page the widgets and, for where they do not run, the picture and the table."""
        picture, words = self.chart()._repr_mimebundle_()
        table = self.table().round(2).to_string(index=False)
        return {**self.box._repr_mimebundle_(), **picture, "text/plain": table}, words


def _html(chart: Chart) -> str:
    source = f"data:image/png;base64,{_base64(chart)}"
    return f'<img style="max-width: 900px; width: 100%" alt="{escape(chart.alt)}" src="{source}">'


def _base64(chart: Chart) -> str:
    return base64.b64encode(chart.png()).decode()
