"""Look into images by hand: their layers, the largest files of each, and what a later layer wasted.

In a running notebook it is made of widgets; where those do not run (GitHub, slides, a printed page) it
shows the layers of the first image as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from helpers.buildx.run import BuildResult
from helpers.host.tables import MB
from helpers.image import image, layers
from helpers.image.layers import Wanted
from helpers.lesson.widget_tables import dressed

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import VBox, Widget

LARGEST = 12
_LONGEST = 80  # characters of a path in the view


@dataclass(frozen=True)
class Explorer:
    """Images to look into, by the names under which a reader knows them."""

    images: Mapping[str, BuildResult]

    def layers(self, name: str) -> pd.DataFrame:
        """Return one row a layer: number, instruction, MB (10^6 bytes), files, MB hidden later on."""
        import pandas as pd

        result = self.images[name]
        hidden = image.waste(result.image_id, result.engine).files
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
        return pd.DataFrame(rows, columns=["layer", "instruction", "MB", "files", "wasted MB"])

    def files(self, name: str, layer: int) -> pd.DataFrame:
        """Return the largest files of a layer: path, MB, and what a later layer did to each."""
        import pandas as pd

        result = self.images[name]
        fates = {
            file.path: f"{file.how} by layer {file.by_layer}"
            for file in image.waste(result.image_id, result.engine).files
            if file.layer == layer
        }
        stored = layers.scan(result.engine, self._facts(name).id, Wanted(entries=True))
        entries = [e for e in stored.layers[layer].entries if e.kind == "file"]
        largest = sorted(entries, key=lambda entry: (-entry.bytes, entry.path))[:LARGEST]
        rows = [(f"/{e.path.lstrip('/')}", e.bytes / MB) for e in largest]
        frame = pd.DataFrame(rows, columns=["file", "MB"])
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
            files.value = dressed(heading + _html(largest))

        def turn(_: object = None) -> None:
            table.value = dressed(_html(self.layers(chosen.value).round(1)))
            layer.options = self._choices(chosen.value)
            layer.index = 0
            show()

        chosen.observe(turn, names="value")
        layer.observe(show, names="value")
        turn()
        return widgets.VBox([chosen, table, layer, files])

    def _choices(self, name: str) -> list[tuple[str, int]]:
        return [(str(number), number) for number in range(len(self._facts(name).layers))]

    def _facts(self, name: str) -> image.ImageFacts:
        return image.inspect(self.images[name].image_id, self.images[name].engine)

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
