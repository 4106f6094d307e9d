"""The verbs of lesson 05b: hand a secret to a build in five ways, and search for it in the images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from helpers import buildx
from helpers.buildx import BuildResult, Request, live
from helpers.host import tables
from helpers.host.tables import MB
from helpers.host.workspace import FAKE_SECRET
from helpers.image import secrets
from helpers.lesson import verbs
from helpers.measure import exports, sample
from helpers.measure.exports import Exported

if TYPE_CHECKING:
    import pandas as pd

_PLACES = {
    secrets.LAYER: "a layer",
    secrets.HISTORY: "the history",
    secrets.SETTINGS: "the settings",
}
_KEY = "payment_api_key"
_ARGUMENT = "PAYMENT_API_KEY"


def build_with_argument(name: str) -> BuildResult:
    """Build a Dockerfile live with the fake key as a build argument."""
    request = Request(
        sample.dockerfile(name),
        verbs.app().path,
        f"workbook/{name}",
        build_args={_ARGUMENT: FAKE_SECRET},
    )
    return _live(request, name)


def build_with_secret(name: str, key: str = FAKE_SECRET) -> BuildResult:
    """Build a Dockerfile live with a key as a secret, from a file outside the build context."""
    file = verbs.app().path.parent / _KEY
    file.touch(mode=0o600)
    file.write_text(key, encoding="utf-8")
    extra = ("--secret", f"id={_KEY},src={file}")
    try:
        return _live(
            Request(sample.dockerfile(name), verbs.app().path, f"workbook/{name}", extra=extra), name
        )
    finally:
        file.unlink()


def _live(request: Request, label: str) -> BuildResult:
    with live.watcher(label) as watch:
        return buildx.build(request, watch)


def run_steps(result: BuildResult) -> pd.DataFrame:
    """Return the RUN steps of a build, and whether each came from the cache."""
    frame = result.to_frame()
    return frame[frame["step"].str.startswith("RUN ")][["step", "cached"]].reset_index(drop=True)


def search_in(*results: BuildResult) -> pd.DataFrame:
    """Return one row for each image: what was searched for the fake key, and where it was found."""
    rows = []
    for result in results:
        found = secrets.search(result.image, FAKE_SECRET)
        where = ", ".join(word for kind, word in _PLACES.items() if found.count(kind)) or "nowhere"
        rows.append((verbs.label(result), found.layers, found.layer_bytes / MB, found.history, where))
    columns = ["image", "layers", "MB searched", "history entries", "the key is in"]
    return tables.frame(rows, columns=columns)


def sightings(result: BuildResult) -> pd.DataFrame:
    """Return every place in an image where the fake key was found."""
    found = secrets.search(result.image, FAKE_SECRET).sightings
    rows = [(s.where, s.instruction or "(the image's settings)", s.what) for s in found]
    return tables.frame(rows, columns=["where", "instruction", "what"])


def read_history(result: BuildResult) -> None:
    """Print the entries of an image's history that contain the fake key, unchanged."""
    found = secrets.search(result.image, FAKE_SECRET).sightings
    for sighting in found:
        if sighting.where == secrets.HISTORY:
            print(sighting.instruction)


def publish(name: str) -> dict[str, Exported] | None:
    """Build a Dockerfile with the fake key as an argument, with each kind of provenance.

    The images go into archives, which are read and deleted. When no such archive can be built, this
    prints why and returns None.
    """
    if not exports.available():
        print(exports.UNAVAILABLE)
        return None
    file, arguments = sample.dockerfile(name), {_ARGUMENT: FAKE_SECRET}
    with live.series("exported", 2) as say, exports.exporter(file) as engine:
        made = {}
        for mode in ("min", "max"):
            say(f"provenance mode={mode}")
            option = f"--provenance=mode={mode}"
            made[mode] = exports.export(file, verbs.app().path, engine, option, build_args=arguments)
    return made


def provenance(published: dict[str, Exported] | None) -> pd.DataFrame | None:
    """Return one row for each kind of provenance: its bytes, and how often it contains the fake key."""
    if published is None:
        return None
    rows = [
        (f"mode={mode}", len(made.provenance), made.provenance.count(FAKE_SECRET))
        for mode, made in published.items()
    ]
    return tables.frame(rows, columns=["provenance", "bytes", "times it holds the key"])


def read_provenance(published: dict[str, Exported] | None) -> None:
    """Print the lines of the most detailed provenance that contain the fake key."""
    statement = json.loads(published["max"].provenance) if published else {}
    for line in json.dumps(statement, indent=1).splitlines():
        if FAKE_SECRET in line:
            print(line.strip())
