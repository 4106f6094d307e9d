"""The widgets: look into images by hand, two Dockerfiles side by side, a month's cost to play with.

In a running notebook they are made of ipywidgets. Where those do not run (GitHub, slides, a printed
page) they show what they begin with, as tables and a picture. They read builds that ran; none builds.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from helpers import plots
from helpers.buildx import BuildResult, steps
from helpers.host import tables
from helpers.host.tables import MB
from helpers.image import ImageFacts
from helpers.measure import cost
from helpers.measure.cost import Plan

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import HBox, VBox, Widget

    from helpers.measure.pipeline import TransferBytes
    from helpers.plots import Chart

LARGEST = 12
_LONGEST = 80  # characters of a path in the view
_WIDE = {"description_width": "16em"}

# pandas writes a style with each table that a notebook shows, and browsers apply it to all tables of the
# page. This style is more specific: each heading stands above its column, with room between columns.
_STYLE = (
    "<style>.wb-table .dataframe th, .wb-table .dataframe td"
    "{text-align:left;padding:0.2em 1.2em 0.2em 0;line-height:1.4}</style>"
)


@dataclass(frozen=True)
class Explorer:
    """Images to look into, by the names under which a reader knows them."""

    images: Mapping[str, BuildResult]

    def layers(self, name: str) -> pd.DataFrame:
        """Return one row a layer: number, instruction, MB (10^6 bytes), files, MB hidden later on."""
        result = self.images[name]
        hidden = result.image.waste.files
        rows = [
            (
                number,
                layer.instruction,
                layer.uncompressed_bytes / MB,
                layer.files,
                sum(file.bytes for file in hidden if file.layer == number) / MB,
            )
            for number, layer in enumerate(self._facts(name).layers)
        ]
        return tables.frame(rows, columns=["layer", "instruction", "MB", "files", "wasted MB"])

    def files(self, name: str, layer: int) -> pd.DataFrame:
        """Return the largest files of a layer: path, MB, and what a later layer did to each."""
        result = self.images[name]
        fates = {
            file.path: f"{file.how} by layer {file.by_layer}"
            for file in result.image.waste.files
            if file.layer == layer
        }
        entries = [e for e in result.image.entries(layer) if e.kind == "file"]
        largest = sorted(entries, key=lambda entry: (-entry.bytes, entry.path))[:LARGEST]
        rows = [(f"/{e.path.lstrip('/')}", e.bytes / MB) for e in largest]
        frame = tables.frame(rows, columns=["file", "MB"])
        frame["later"] = [fates.get(path, "") for path in frame["file"]]
        return frame

    @cached_property
    def controls(self) -> dict[str, Widget]:
        """The widgets to operate: ``image``, and ``layer`` of that image.

        Buttons and a slider, since JupyterLab keeps the arrow keys from a list in a cell's output.
        """
        import ipywidgets as widgets

        names = list(self.images)
        return {
            "image": widgets.ToggleButtons(options=names, value=names[0], description="image"),
            "layer": widgets.SelectionSlider(
                options=self._choices(names[0]),
                description="layer",
                layout={"width": "36em"},
            ),
        }

    @cached_property
    def box(self) -> VBox:
        """The layers of the chosen image, the controls, and the files of the chosen layer."""
        import ipywidgets as widgets

        table, files = widgets.HTML(), widgets.HTML()
        chosen, layer = self.controls["image"], self.controls["layer"]

        def show(_: object = None) -> None:
            instruction = self._facts(chosen.value).layers[layer.value].instruction
            largest = self.files(chosen.value, layer.value)
            largest.insert(0, "kB", (largest.pop("MB") * 1000).round(1))
            largest["file"] = largest["file"].map(_short)
            heading = f"<p>The largest files of <code>{escape(instruction)}</code></p>"
            files.value = _dressed(heading + _html(largest))

        def turn(_: object = None) -> None:
            table.value = _dressed(_html(self.layers(chosen.value).round(1)))
            layer.options = self._choices(chosen.value)
            layer.index = 0
            show()

        chosen.observe(turn, names="value")
        layer.observe(show, names="value")
        turn()
        return widgets.VBox([chosen, table, layer, files])

    def _choices(self, name: str) -> list[tuple[str, int]]:
        return [(str(number), number) for number in range(len(self._facts(name).layers))]

    def _facts(self, name: str) -> ImageFacts:
        return self.images[name].image.facts()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        table = self.layers(next(iter(self.images))).round(1)
        return {
            **self.box._repr_mimebundle_(),
            "text/html": _html(table),
            "text/plain": table.to_string(index=False),
        }


def _short(path: str) -> str:
    """Leave out the middle of a long path, so that a table of them fits a slide."""
    return path if len(path) <= _LONGEST else f"{path[: _LONGEST // 2]}…{path[-_LONGEST // 2 + 1 :]}"


def _html(frame: pd.DataFrame) -> str:
    return str(frame.to_html(index=False, border=0, justify="left"))


@dataclass(frozen=True)
class SideBySide:
    """Builds to compare, at least two, by the names under which a reader knows them."""

    builds: Mapping[str, BuildResult]

    def table(self, name: str) -> pd.DataFrame:
        """Return what each line of one build's Dockerfile cost (see `steps.line_costs`)."""
        return steps.line_costs(self.builds[name])

    @cached_property
    def controls(self) -> dict[str, Widget]:
        """The two rows of buttons, ``left`` and ``right``."""
        import ipywidgets as widgets

        names = list(self.builds)
        return {
            side: widgets.ToggleButtons(options=names, value=names[at], description=side)
            for at, side in enumerate(("left", "right"))
        }

    @cached_property
    def box(self) -> HBox:
        """Both rows of buttons, each above the table of its choice."""
        import ipywidgets as widgets

        columns = []
        for menu in self.controls.values():
            table = widgets.HTML(_dressed(self._html(menu.value)))

            def show(change: Any, table: Any = table) -> None:
                table.value = _dressed(self._html(change["new"]))

            menu.observe(show, "value")
            columns.append(widgets.VBox([menu, table], layout={"width": "50%"}))
        return widgets.HBox(columns)

    def _html(self, name: str) -> str:
        frame = self.table(name).round(2)
        return f"<b>{name}</b>{frame.to_html(index=False, border=0, justify='left', na_rep='')}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        names = list(self.builds)[:2]
        words = [f"{n}\n{self.table(n).round(2).to_string(index=False, na_rep='')}" for n in names]
        return {
            **self.box._repr_mimebundle_(),
            "text/html": "".join(map(self._html, names)),
            "text/plain": "\n\n".join(words),
        }


@dataclass(frozen=True)
class Calculator:
    """A month's cost to play with: ``moves`` by the image's name, the plan to begin with, a caption."""

    moves: Mapping[str, TransferBytes]
    image: str
    plan: Plan = field(default_factory=Plan)
    caption: str = ""

    def table(self) -> pd.DataFrame:
        """Return the month's cost of the plan to begin with."""
        return cost.month(self.moves[self.image], self.plan)

    def chart(self) -> Chart:
        """Draw the month's cost of the plan to begin with."""
        return plots.cost(self.table(), self.caption)

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
            picture.value = _img(chosen.chart())

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


def _img(chart: Chart) -> str:
    source = f"data:image/png;base64,{_base64(chart)}"
    return f'<img style="max-width: 900px; width: 100%" alt="{escape(chart.alt)}" src="{source}">'


def _base64(chart: Chart) -> str:
    return base64.b64encode(chart.png()).decode()


def _dressed(table: str) -> str:
    """Return the HTML of a table, or of several with their words, ready for a widget."""
    return f'<div class="wb-table">{_STYLE}{table}</div>'
