"""The verbs of the lessons: show a Dockerfile, build it live, try the image out, measure it, draw it.

Each verb calls a module that does the work; this module measures and draws nothing by itself.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import bases, buildx, claims, engine, plots
from helpers.buildx import BuildResult, Request, live
from helpers.claims import Exposure, Judgement, Size, ledger
from helpers.engine import container as containers
from helpers.host import paths, tables, workspace
from helpers.host.errors import stoppable
from helpers.host.tables import MB
from helpers.host.workspace import Workspace
from helpers.image import ImageFacts, attack_surface
from helpers.image import composition as compositions
from helpers.image.filesystem import File
from helpers.lesson.widgets import Explorer, Guess, SideBySide
from helpers.measure import sample, surface
from helpers.measure.sample import Proof
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Code, Markdown

ARTICLE_SAYS_MB: Mapping[str, tuple[float, float]] = {
    "naive": claims.NAIVE_MB,
    "alpine": (claims.ALPINE_MB, claims.ALPINE_MB),
    "distroless": claims.DISTROLESS_MB,
}

_PREFIX = "workbook/"  # the tags of all images that the lessons build begin with it
_copy: Workspace | None = None
_proven: set[str] = set()


def app() -> Workspace:
    """Return the working copy of the sample app for this notebook; the first call makes it.

    It contains an ``.env.local`` with a fake secret; a developer's folder would have a real one.
    """
    global _copy
    if _copy is None:
        _copy = workspace.copy(with_secret=True)
    return _copy


def show(name: str) -> Code:
    """Show a Dockerfile of the sample app, or a file of the working copy."""
    from IPython.display import Code

    return Code(filename=str(_file(name)), language="terraform" if name.endswith(".hcl") else "docker")


def text(name: str) -> str:
    """Return a Dockerfile's text, for example to change it."""
    return _file(name).read_text(encoding="utf-8")


def difference(old: str, new: str) -> Markdown:
    """Show how two Dockerfiles differ: removed lines begin with -, added lines with +."""
    from IPython.display import Markdown

    lines = difflib.unified_diff(text(old).splitlines(), text(new).splitlines(), lineterm="", n=1)
    shown = "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
    return Markdown(f"```diff\n{shown}\n```")


def command(name: str) -> Markdown:
    """Show the command that `build` runs, ready to paste in a terminal at the top of the checkout."""
    from IPython.display import Markdown

    here = engine.find()
    words = buildx.plan(request(name), here)
    settings = [f"{key}={value}" for key, value in here.environment.items()]
    shown = " ".join([*settings, shlex.join(words)]).replace(f"{paths.ROOT}/", "")
    return Markdown("```sh\n" + shown.replace(" --", " \\\n  --") + "\n```")


@stoppable("The preparation was stopped at your request; what is ready stays, run it for the rest.")
@engine.in_touch()
def prepare() -> pd.DataFrame:
    """Get the article's base images ready; return where each came from."""
    found = bases.prepare(engine.find())
    rows = [(base.name, base.source.value, base.note) for base in found]
    return tables.frame(rows, columns=["base image", "source", "what it is"])


def build(name: str, *, target: str | None = None, cold: bool = False) -> BuildResult:
    """Build a Dockerfile of the sample app live, and return what came out.

    ``name`` is a short name (``naive``) or the path of a file in the working copy; ``target`` stops at
    a stage; ``cold`` ignores the cache. Raises the errors of `helpers.buildx.build`.
    """
    wanted = request(name, target=target, cold=cold)
    with live.watcher(wanted.tag.removeprefix(_PREFIX)) as watch:
        return buildx.build(wanted, watch)


def request(name: str, *, target: str | None = None, cold: bool = False) -> Request:
    """Return the request that `build` makes, including the image's tag."""
    label = Path(name).name.removesuffix(".Dockerfile").lower() + (f"-{target}" if target else "")
    return Request(_file(name), app().path, f"{_PREFIX}{label}", target=target, cold=cold)


def _file(name: str) -> Path:
    own = app().path / name
    return own if own.is_file() else sample.dockerfile(name)


def guess(question: str, unit: str = "", *, choices: Sequence[str] = ()) -> Guess:
    """Ask the reader for a guess before anything is measured; `Guess.against` says how far off it was.

    The guess is a number in ``unit``, or one of ``choices``, such as ``("yes", "no")``.
    """
    from IPython.display import display

    asked = Guess(question, unit, tuple(choices))
    display(asked)
    return asked


def try_out(result: BuildResult) -> Proof:
    """Run the image and use its API like a client; the container is removed afterwards."""
    with containers.running(result.image_id, engine=result.engine) as api:
        proof = sample.prove(api)
    _proven.add(result.image_id)
    return proof


def size(result: BuildResult) -> Size:
    """Return an image's two sizes, after trying the image out if that was not done yet."""
    if result.image_id not in _proven:
        try_out(result)
    return Size(result.uncompressed_bytes, result.compressed_bytes)


def sizes(*results: BuildResult) -> pd.DataFrame:
    """Return one row for each image: its three sizes in MB (10^6 bytes)."""
    rows = [
        (label(r), size(r).uncompressed / MB, size(r).compressed / MB, r.image.disk_usage_bytes / MB)
        for r in results
    ]
    columns = ["variant", "uncompressed MB", "compressed MB", "`docker images` shows here MB"]
    return tables.frame(rows, columns=columns)


def verdict(judgement: Judgement, *results: BuildResult) -> Judgement:
    """Record a judgement in the ledger, with the conditions of its builds; return it."""
    stand_ins = any(base.source is bases.Source.STAND_IN for r in results for base in r.bases)
    ledger.keep(
        judgement, claims.CLAIMS[judgement.claim].lesson, conditions(*results), stand_ins=stand_ins
    )
    return judgement


def label(result: BuildResult) -> str:
    """Return an image's name in tables and charts."""
    return result.tag.removeprefix(_PREFIX)


def conditions(*results: BuildResult) -> str:
    """Return the conditions of the figures: engine, bases and date."""
    notes = dict.fromkeys(base.note for result in results for base in result.bases)
    first = results[0]
    parts = (first.engine.description, "; ".join(notes), f"{first.started:%Y-%m-%d}")
    return " · ".join(part for part in parts if part)


def layers(result: BuildResult) -> pd.DataFrame:
    """Return one row for each layer of the Dockerfile; the base image's layers share the first row."""
    import pandas as pd

    frame = _facts(result).to_frame()
    sizes = ["uncompressed MB", "compressed MB"]
    below, own = frame[frame["from base"]], frame[~frame["from base"]]
    base = pd.DataFrame([{"instruction": f"FROM {final_base(result)}", "from base": True}])
    base[sizes] = below[sizes].sum().to_numpy()
    return pd.concat([base, own[["instruction", "from base", *sizes]]], ignore_index=True)


def final_base(result: BuildResult) -> str:
    """Return the base image of an image's last stage, followed through all stages in between."""
    return result.dockerfile.lineage(result.request.target)[0].base


def _facts(result: BuildResult) -> ImageFacts:
    base = final_base(result)
    used = [b.reference for b in result.bases if b.name == base]
    return result.image.facts(used)


def composition(*results: BuildResult) -> pd.DataFrame:
    """Return the MB of each image (columns) by category (rows)."""
    return tables.frame({label(r): _bytes_by_category(r) for r in results}) / MB


def passengers(result: BuildResult) -> dict[str, int]:
    """Return an image's bytes by category, for the ledger."""
    return {str(name): int(size) for name, size in _bytes_by_category(result).items()}


def _bytes_by_category(result: BuildResult) -> pd.Series[int]:
    frame = compositions.composition(result.image, sample.APP)
    return frame.set_index("what")["bytes"]


def packages(result: BuildResult) -> pd.DataFrame:
    """Return the app's npm packages in an image, the largest first."""
    frame = compositions.packages(result.image, sample.APP)
    frame["MB"] = frame["bytes"] / MB
    frame["needed by"] = frame["dev"].map({True: "development", False: "production"})
    return frame[["package", "needed by", "MB"]]


def read(result: BuildResult, path: str) -> None:
    """Print a text file of an image, without running the image."""
    print(result.image.read(path).decode(errors="replace"))


def whereabouts(result: BuildResult, path: str) -> pd.DataFrame:
    """Return the layers that contain a path: their instructions, and whether a container sees it."""
    instructions = [layer.instruction for layer in _facts(result).layers]
    merged = result.image.files.get(path)
    hidden = result.image.waste.files
    rows = [(instructions[w.layer], "stored", f"no: {w.how}") for w in hidden if w.path == path]
    if merged:
        rows.append((instructions[merged.layer], "stored", "yes"))
    rows += [(instructions[w.by_layer], "whiteout", "") for w in hidden if w.path == path]
    return tables.frame(rows, columns=["layer of", f"{path} is", "a container sees it"])


def crossed_paths(result: BuildResult) -> list[str]:
    """Return the files that ``COPY --from`` brought into an image."""
    return [file.path for file in _crossed(result)]


def _crossed(result: BuildResult) -> list[File]:
    doors = _copied_layers(result)
    files = result.image.files
    return [file for file in files if file.layer in doors and file.kind == "file"]


def _copied_layers(result: BuildResult) -> list[int]:
    """Find the layers of ``COPY --from`` by their order, because the engine does not record the flag."""
    stage = result.dockerfile.stage(result.request.target)
    copies = [i for i in stage.instructions if i.keyword == "COPY"]
    facts = _facts(result)
    made = [
        n for n, x in enumerate(facts.layers) if not x.from_base and x.instruction.startswith("COPY")
    ]
    return [layer for layer, copy in zip(made, copies, strict=True) if copy.flag("from")]


def crossed(result: BuildResult) -> pd.DataFrame:
    """Return one row for each file that ``COPY --from`` brought into an image."""
    rows = [(file.path, file.bytes) for file in _crossed(result)]
    return tables.frame(rows, columns=["file", "bytes"])


def shells(*results: BuildResult) -> pd.DataFrame:
    """Return the shells and package managers among each image's files, and whether sh starts in it."""
    rows = []
    for result in results:
        names_of_shells, managers, ran = shells_and_managers(result)
        found = [", ".join(names) or "none" for names in (names_of_shells, managers)]
        rows.append((label(result), *found, "starts" if ran else "does not start"))
    columns = ["variant", "shells", "package managers", "docker exec … sh"]
    return tables.frame(rows, columns=columns)


def shells_and_managers(result: BuildResult) -> tuple[list[str], list[str], bool]:
    """Return an image's shells, its package managers, and whether a shell starts in its container."""
    files = result.image.files
    with containers.running(result.image_id, engine=result.engine) as api:
        code, _ = api.execute("sh", "-c", "true")
    return attack_surface.shells(files), attack_surface.package_managers(files), code == 0


def exposure(result: BuildResult) -> Exposure:
    """Return the programs that can be started in an image, and what its process may change."""
    names_of_shells, managers, starts = shells_and_managers(result)
    process = surface.observe(result.image_id, result.engine)
    writable = attack_surface.changeable(result.image.files, process.uid, process.gid)
    return Exposure(
        shells=names_of_shells,
        package_managers=managers,
        shell_starts=starts,
        node=process.node,
        root=process.uid == 0,
        writable=len(writable),
        stand_in=_on_a_stand_in(result),
    )


def _on_a_stand_in(result: BuildResult) -> bool:
    final = final_base(result)
    return any(b.source is bases.Source.STAND_IN for b in result.bases if b.name == final)


def shares(naive: BuildResult, builder: BuildResult, final: BuildResult) -> pd.DataFrame:
    """Return the MB that each change saved: the smaller base first, then the second stage."""
    steps = [r.uncompressed_bytes / MB for r in (naive, builder, final)]
    rows = [("the smaller base", steps[0] - steps[1]), ("the second stage", steps[1] - steps[2])]
    frame = tables.frame(rows, columns=["change", "saved MB"])
    frame["share %"] = 100 * frame["saved MB"] / frame["saved MB"].sum()
    return frame


def explore(*results: BuildResult) -> Explorer:
    """Look into images by hand: their layers, largest files and wasted bytes."""
    return Explorer({label(result): result for result in results})


def side_by_side(*results: BuildResult) -> SideBySide:
    """Compare the cost of each line of two Dockerfiles, in seconds and in bytes of the image."""
    return SideBySide({label(result): result for result in results})


def chart_layers(result: BuildResult) -> Chart:
    """Draw the layers, instruction by instruction."""
    return plots.layers(layers(result), caption=conditions(result))


def chart_composition(*results: BuildResult) -> Chart:
    """Draw the bytes of images by category."""
    return plots.composition(composition(*results), caption=conditions(*results))


def chart_sizes(*results: BuildResult) -> Chart:
    """Draw the images' sizes beside the article's claims."""
    names = [label(result) for result in results]
    said = {name: ARTICLE_SAYS_MB[name] for name in names if name in ARTICLE_SAYS_MB}
    return plots.sizes(sizes(*results), claims=said, caption=conditions(*results))
