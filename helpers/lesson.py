"""The verbs of the lessons: show a Dockerfile, build it live, try the image out, measure it, draw it.

Each is a line or two over a module that does the work; nothing here measures or draws by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import bases, claims, contents, engine, image, live, plots, sample, workspace
from helpers import build as builds
from helpers import container as containers
from helpers import dockerfile as dockerfiles
from helpers.build import BuildResult, Request
from helpers.claims import MB, Size
from helpers.errors import WorkbookError
from helpers.plots import Chart
from helpers.sample import Proof
from helpers.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Code

ARTICLE_SAYS_MB: Mapping[str, tuple[float, float]] = {
    "naive": claims.NAIVE_MB,
    "alpine": (claims.ALPINE_MB, claims.ALPINE_MB),
    "distroless": claims.DISTROLESS_MB,
}

_copy: Workspace | None = None
_proven: set[str] = set()


class LessonError(WorkbookError):
    """A lesson was asked for something that it does not have."""


def app() -> Workspace:
    """Return the working copy of the sample app that this notebook builds from, made at first use.

    It holds an ``.env.local`` with a fake secret, as a developer's folder would hold a real one.
    """
    global _copy
    if _copy is None:
        _copy = workspace.copy(with_secret=True)
    return _copy


def show(name: str) -> Code:
    """Show a Dockerfile of the sample app, or one that you wrote into the working copy."""
    from IPython.display import Code

    return Code(filename=str(_file(name)), language="docker")


def prepare() -> pd.DataFrame:
    """Have the article's base images ready; return how each came here."""
    import pandas as pd

    found = bases.prepare(engine.find())
    rows = [(base.name, base.source.value, base.note) for base in found]
    return pd.DataFrame(rows, columns=["base image", "source", "what it is"])


def build(name: str, *, target: str | None = None, cold: bool = False) -> BuildResult:
    """Build a Dockerfile of the sample app live, and return what came out.

    ``name`` is a short name (``naive``) or the path of a file in the working copy; ``target`` stops at
    a stage; ``cold`` ignores the cache. Raises the errors of `helpers.build`.
    """
    file = _file(name)
    label = Path(name).name.removesuffix(".Dockerfile") + (f"-{target}" if target else "")
    request = Request(file, app().path, f"workbook/{label}", target=target, cold=cold)
    with live.watcher(label) as watch:
        return builds.build(request, watch)


def _file(name: str) -> Path:
    own = app().path / name
    return own if own.is_file() else sample.dockerfile(name)


def try_out(result: BuildResult) -> Proof:
    """Run the image and use its API as a client would; the container is gone afterwards."""
    with containers.running(result.image_id, where=result.engine) as api:
        proof = sample.prove(api)
    _proven.add(result.image_id)
    return proof


def size(result: BuildResult) -> Size:
    """Return an image's two sizes; an image that was not tried out yet is tried out first."""
    if result.image_id not in _proven:
        try_out(result)
    return Size(result.uncompressed_bytes, result.compressed_bytes)


def sizes(*results: BuildResult) -> pd.DataFrame:
    """Return one row an image: its sizes on disk and on the wire, in MB (10^6 bytes)."""
    import pandas as pd

    rows = [(label(r), size(r).uncompressed / MB, size(r).compressed / MB) for r in results]
    columns = ["variant", "uncompressed MB", "compressed MB"]
    return pd.DataFrame(rows, columns=columns).round(1)


def label(result: BuildResult) -> str:
    """Return an image's name in tables and charts."""
    return result.tag.removeprefix("workbook/")


def conditions(*results: BuildResult) -> str:
    """Return what the figures rest on: engine, bases and date."""
    notes = dict.fromkeys(base.note for result in results for base in result.bases)
    first = results[0]
    return f"{first.engine.description} · {'; '.join(notes)} · {first.started:%Y-%m-%d}"


def layers(result: BuildResult) -> pd.DataFrame:
    """Return one row a layer that the Dockerfile made; the base image's layers share the first row."""
    import pandas as pd

    facts = _facts(result)
    frame = facts.to_frame()
    below = frame[frame["from base"]]
    own = frame[~frame["from base"]]
    base = {
        "instruction": f"FROM {_final_base(result)}",
        "uncompressed MB": below["uncompressed MB"].sum(),
        "compressed MB": below["compressed MB"].sum(),
        "from base": True,
    }
    both = pd.concat([pd.DataFrame([base]), own[list(base)]], ignore_index=True)
    return both.round(1)


def _final_base(result: BuildResult) -> str:
    parsed = dockerfiles.read(result.request.dockerfile, result.request.build_args)
    return parsed.final_base(result.request.target)


def _facts(result: BuildResult) -> image.ImageFacts:
    base = _final_base(result)
    used = [b.reference for b in result.bases if b.name == base]
    return image.inspect(result.image_id, result.engine, bases=used)


def composition(*results: BuildResult) -> pd.DataFrame:
    """Return MB by what the bytes are (rows) and image (columns)."""
    import pandas as pd

    columns = {label(r): _bytes_by_category(r) for r in results}
    return (pd.DataFrame(columns).fillna(0) / MB).round(1)


def passengers(result: BuildResult) -> dict[str, int]:
    """Return bytes by what they are, for the ledger."""
    return {str(name): int(size) for name, size in _bytes_by_category(result).items()}


def _bytes_by_category(result: BuildResult) -> pd.Series[int]:
    return contents.composition(result.image_id).set_index("what")["bytes"]


def chart_layers(result: BuildResult) -> Chart:
    """Draw the layers, instruction by instruction."""
    return plots.layers(layers(result), caption=conditions(result))


def chart_composition(*results: BuildResult) -> Chart:
    """Draw where the bytes come from."""
    return plots.composition(composition(*results), caption=conditions(*results))


def chart_sizes(*results: BuildResult) -> Chart:
    """Draw the images' sizes beside what the article says of them."""
    return plots.sizes(sizes(*results), claims=ARTICLE_SAYS_MB, caption=conditions(*results))
