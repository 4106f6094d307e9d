"""Rules on the image that came out: secrets in it, bytes that nobody sees, who runs in it.

They look at what was gathered; they ask no engine.
"""

from __future__ import annotations

from helpers.examine.findings import Finding, Severity
from helpers.examine.report import BuiltImage, LayerSize
from helpers.host.tables import in_units
from helpers.image import attack_surface

_WORTH_A_WORD = 1_000_000  # bytes from which waste is a finding


def check(image: BuiltImage) -> list[Finding]:
    """Return findings on an image."""
    found = [_secret(path) for path in image.secrets]
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


def _secret(path: str) -> Finding:
    return Finding(
        "secret-in-image",
        "size",
        Severity.ERROR,
        None,
        f"{path} is in the image, by its name a secret: whoever pulls the image can read it.",
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
