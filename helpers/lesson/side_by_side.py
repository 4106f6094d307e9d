"""Two Dockerfiles side by side, each line with the seconds and the bytes that it cost.

In a running notebook buttons choose the files; where widgets do not run it shows the first two as
tables. It builds nothing: it reads builds that ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from helpers.buildx import line_costs
from helpers.buildx.run import BuildResult
from helpers.lesson.widget_tables import dressed

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import HBox, Widget


@dataclass(frozen=True)
class SideBySide:
    """Builds to compare, at least two, by the names under which a reader knows them."""

    builds: Mapping[str, BuildResult]

    def table(self, name: str) -> pd.DataFrame:
        """Return what each line of one build's Dockerfile cost (see `line_costs.of`)."""
        return line_costs.of(self.builds[name])

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
            table = widgets.HTML(dressed(self._html(menu.value)))

            def show(change: Any, table: Any = table) -> None:
                table.value = dressed(self._html(change["new"]))

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
