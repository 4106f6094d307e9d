"""Rules on images: the base images of a Dockerfile, and the built image.

The rules know only the name of a base, and the gathered facts of the image. They ask no engine.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from helpers.claims import support
from helpers.claims.support import Line
from helpers.examine.credentials import Secret
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.report import BuiltImage, LayerSize
from helpers.host.tables import in_units
from helpers.image import attack_surface

_WORTH_A_WORD = 1_000_000  # bytes from which waste is a finding


def check_bases(sources: Sources, on: date) -> list[Finding]:
    """Return a finding for each base made of a release line that is past its end of life on that day.

    A base with an unknown line gives no finding.
    """
    file, target = sources.file, sources.project.target
    lines = [i.line for i in file.instructions if i.keyword == "FROM"]
    shipped = {stage.base: lines[stage.index] for stage in file.lineage(target)}
    named = {stage.base: lines[stage.index] for stage in file.needs(target) if not file.parent(stage)}
    return [
        _ended(base, ended, shipped.get(base, line), on, ships=base in shipped)
        for base, line in named.items()
        if (ended := support.ended([base], on))
    ]


def _ended(base: str, ended: list[Line], line: int, on: date, *, ships: bool) -> Finding:
    unfixed = any(one.extended is None or one.extended < on for one in ended)
    return Finding(
        "past-end-of-life",
        "style",
        Severity.WARNING if ships and unfixed else Severity.HINT,
        line,
        f"`{base}`: {'; '.join(one.phrase(on) for one in ended)}.",
        f"Move to what gets fixes: {', '.join(_alive(one, on) for one in ended)}.",
    )


def _alive(ended: Line, on: date) -> str:
    """Return the line of the same product that gets fixes the longest."""
    alive = [line for line in support.lines(ended.product) if line.supported(on)]
    return str(max(alive, key=lambda line: line.months_left(on)))


def check(image: BuiltImage, told: Collection[str] = ()) -> list[Finding]:
    """Return findings on an image; ``told`` are the rules that found their cause before the build."""
    found = [] if "secret-in-context" in told or not image.secrets else [_secrets(image.secrets)]
    found += [
        _hidden(layer)
        for layer in image.layers
        if layer.wasted_bytes >= _WORTH_A_WORD and not layer.from_base
    ]
    if attack_surface.is_root(image.user):
        found.append(
            Finding(
                "runs-as-root",
                "style",
                Severity.HINT,
                None,
                "The image runs as root.",
                "End with a `USER` that owns nothing it need not.",
            )
        )
    return found


def _secrets(secrets: Sequence[Secret]) -> Finding:
    first = secrets[0]
    others = f", and {len(secrets) - 1} more files hold secrets" if len(secrets) > 1 else ""
    return Finding(
        "secret-in-image",
        "size",
        Severity.ERROR,
        None,
        f"{first.path} in the image holds {first.what}{others}: whoever pulls the image can read it.",
        "Keep it out with .dockerignore; hand secrets to the build with `RUN --mount=type=secret`.",
    )


def _hidden(layer: LayerSize) -> Finding:
    return Finding(
        "hidden-bytes",
        "size",
        Severity.WARNING,
        None,
        f"The layer of `{layer.instruction[:80]}` holds {in_units(layer.wasted_bytes)} that later "
        "layers delete or replace: stored and moved, and never seen.",
        "Make and remove in one RUN, or make it in an earlier stage.",
    )
