"""Look into images by hand: their layers, the largest files of each, and what a later layer wasted.

In a running notebook it is made of widgets; where those do not run (GitHub, slides, a printed page) it
shows the layers of the first image as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from helpers import image, layers
from helpers.build import BuildResult
from helpers.claims import MB
from helpers.layers import Wanted

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import VBox, Widget

LARGEST = 12


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
        """The widgets to operate: ``image``, and ``layer`` of that image."""
        import ipywidgets as widgets

        look: dict[str, Any] = {"layout": {"width": "56em"}, "style": {"description_width": "5em"}}
        first = next(iter(self.images))
        return {
            "image": widgets.Dropdown(
                options=list(self.images), value=first, description="image", **look
            ),
            "layer": widgets.Select(options=self._choices(first), description="layer", rows=8, **look),
        }

    @cached_property
    def box(self) -> VBox:
        """The controls above the files of the layer that is chosen."""
        import ipywidgets as widgets

        table = widgets.HTML()
        chosen, layer = self.controls["image"], self.controls["layer"]

        def show(_: object = None) -> None:
            if layer.value is not None:
                frame = self.files(chosen.value, layer.value)
                table.value = frame.round(2).to_html(index=False, border=0)

        def turn(_: object) -> None:
            layer.options = self._choices(chosen.value)
            layer.value = layer.options[0][1]

        chosen.observe(turn, names="value")
        layer.observe(show, names="value")
        show()
        return widgets.VBox([chosen, layer, table])

    def _choices(self, name: str) -> list[tuple[str, int]]:
        rows = self.layers(name).itertuples(index=False, name=None)
        return [(f"{size:8.1f} MB  {text[:80]}", number) for number, text, size, *_ in rows]

    def _facts(self, name: str) -> image.ImageFacts:
        return image.inspect(self.images[name].image_id, self.images[name].engine)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        table = self.layers(next(iter(self.images))).round(1)
        return {
            **self.box._repr_mimebundle_(),
            "text/html": table.to_html(index=False, border=0),
            "text/plain": table.to_string(index=False),
        }
