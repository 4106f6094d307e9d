"""The widgets: a guess to make, images to look into, two Dockerfiles side by side, a month's cost.

In a running notebook they use ipywidgets. Where those do not run (GitHub, slides, a printed page), they
show their first state as tables and a picture. They show builds that ran; they build nothing.
"""

from __future__ import annotations

import base64
import math
import re
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
_NUMBER = re.compile(r"(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?|\.\d+")
_WIDE = {"description_width": "16em"}

# pandas writes a style with each table in a notebook, and browsers apply it to all tables of the page.
# This style is more specific. It puts each heading above its column, with room between columns.
_STYLE = (
    "<style>.wb-table .dataframe th, .wb-table .dataframe td"
    "{text-align:left;padding:0.2em 1.2em 0.2em 0;line-height:1.4}</style>"
)


@dataclass(frozen=True)
class Guess:
    """A question to answer before a lesson measures: a box for a number, or buttons for ``choices``.

    It begins empty. Only this object keeps the reader's guess.
    """

    question: str
    unit: str = ""
    choices: tuple[str, ...] = ()

    @cached_property
    def control(self) -> Widget:
        """The box to type into, or the buttons; at first no button is pressed."""
        import ipywidgets as widgets

        look: dict[str, Any] = {"description": self.question, "style": {"description_width": "initial"}}
        if self.choices:
            return widgets.ToggleButtons(options=self.choices, value=None, **look)
        return widgets.Text(placeholder="your guess", layout={"width": "max-content"}, **look)

    @cached_property
    def box(self) -> HBox:
        """The control, and beside it the unit, or a note when the text is not a number."""
        import ipywidgets as widgets

        beside = widgets.Label(self.unit)

        def look(_: object) -> None:
            unread = self.control.value and self.value is None
            beside.value = f"{self.unit} (type a number, such as 1.5)" if unread else self.unit

        self.control.observe(look, names="value")
        return widgets.HBox([self.control, beside])

    @property
    def value(self) -> float | str | None:
        """The number or the choice; None when there is no guess, or it cannot be read."""
        given = self.control.value
        if self.choices:
            return str(given) if given is not None else None
        typed = (given or "").strip().removesuffix(self.unit).strip()
        return float(typed.replace(",", "")) if _NUMBER.fullmatch(typed) else None

    def against(self, measured: float | str) -> None:
        """Print how far off the guess was, or that there is none. True means yes, False means no."""
        if isinstance(measured, bool):
            measured = "yes" if measured else "no"
        guess = self.value
        if isinstance(measured, str):
            answer, right = f"the answer is {measured}", guess == measured
        else:
            answer = f"it is {self._in_unit(measured)}"
            right = isinstance(guess, float) and math.isclose(guess, measured, rel_tol=0.005)
        if guess is None:
            said = f"You made no guess; {answer}."
        elif right:
            said = f"You guessed right: {answer}."
        elif isinstance(guess, str) or isinstance(measured, str):
            said = f"You guessed {guess}; {answer}."
        else:
            said = f"You guessed {self._in_unit(guess)}, and {answer}: {_distance(guess, measured)}."
        print(f"{self.question} {said}")

    def _in_unit(self, number: float) -> str:
        digits = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
        return f"{digits} {self.unit}".rstrip()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        asked = f"{self.question} ({' or '.join(self.choices) or self.unit or 'a number'})"
        return {
            **self.box._repr_mimebundle_(),
            "text/html": f"<p>{escape(asked)}</p>",
            "text/plain": asked,
        }


def _distance(guess: float, measured: float) -> str:
    """Return how far a guess is from the measured value: in percent, or as a factor of 2 or more."""
    way = "too low" if guess < measured else "too high"
    small, large = sorted((guess, measured))
    if small <= 0:
        return way
    if large >= 2 * small:
        return f"{way} by a factor of {large / small:,.1f}"
    return f"{way} by {100 * abs(guess - measured) / measured:.0f} %"


@dataclass(frozen=True)
class Explorer:
    """Images to look into, by the names that a reader knows."""

    images: Mapping[str, BuildResult]

    def layers(self, name: str) -> pd.DataFrame:
        """Return one row for each layer: number, instruction, MB (10^6 bytes), files, hidden MB."""
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
        """Return the largest files of a layer: path, MB, and whether a later layer hides each."""
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

        They are buttons and a slider, because arrow keys do not reach a list in JupyterLab's output.
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
    """Return a path without its middle if it is long, so that a table of paths fits a slide."""
    return path if len(path) <= _LONGEST else f"{path[: _LONGEST // 2]}…{path[-_LONGEST // 2 + 1 :]}"


def _html(frame: pd.DataFrame) -> str:
    return str(frame.to_html(index=False, border=0, justify="left"))


@dataclass(frozen=True)
class SideBySide:
    """Builds to compare, at least two, by the names that a reader knows."""

    builds: Mapping[str, BuildResult]

    def table(self, name: str) -> pd.DataFrame:
        """Return the cost of each line of one build's Dockerfile (see `steps.line_costs`)."""
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
    """A month's cost with controls: ``moves`` by the image's name, the first plan, a caption."""

    moves: Mapping[str, TransferBytes]
    image: str
    plan: Plan = field(default_factory=Plan)
    caption: str = ""

    def table(self) -> pd.DataFrame:
        """Return the month's cost with the first plan."""
        return cost.month(self.moves[self.image], self.plan)

    def chart(self) -> Chart:
        """Draw the month's cost with the first plan."""
        return plots.cost(self.table(), self.caption)

    @cached_property
    def controls(self) -> dict[str, Widget]:
        """The widgets: one for each field of `Plan`, by its name, and ``image``."""
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
        """Return the widgets and, for pages where they do not run, the picture and the table."""
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
