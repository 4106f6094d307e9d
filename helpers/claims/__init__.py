"""The ledger: what the article claims, and the rule by which a measurement judges each claim.

A rule takes figures and returns a `Judgement`; it measures nothing. Its bounds are in the code, and the
tests try figures on both sides of each bound. For every size and ratio that the article gives in round
numbers, "about" means up to a fifth more or less. A claim holds with a condition when the figures meet
it only under that condition. A claim is not tested here when nobody measured its subject.
"""

from helpers.claims.cache import TIMES_FASTER, cached_installs, install_order, time_saved
from helpers.claims.context import copied_context, ignore_list
from helpers.claims.figures import (
    Day,
    Exposure,
    Installs,
    Mismatch,
    PinTest,
    Size,
    Spread,
    Tools,
    Waits,
    interleaved,
)
from helpers.claims.howlow import (
    LATER_SECONDS,
    SMALL_MB,
    SMALLEST_MB,
    Goal,
    Reached,
    small_and_quick_image,
    smallest_image,
)
from helpers.claims.languages import SMALLER, build_image_left_behind, smaller_by_language
from helpers.claims.model import ABOUT, CLAIMS, Claim, Judgement, Verdict
from helpers.claims.pins import base_pins
from helpers.claims.pipeline import DEPLOYS, NAIVE_GB, SMALL_GB, daily_transfer, start_and_storage
from helpers.claims.sizes import (
    ALPINE_MB,
    DISTROLESS_MB,
    NAIVE_MB,
    PASSENGERS,
    alpine_size,
    copied_files,
    distroless_size,
    naive_contents,
    naive_size,
    title_sizes,
)
from helpers.claims.stages import WAYS, builder_for_debugging, exec_shells
from helpers.claims.surface import SURFACE_ORDER, SURFACE_PRUNED, attack_surface, distroless_tools
from helpers.host.tables import MB

__all__ = [
    "ABOUT",
    "ALPINE_MB",
    "CLAIMS",
    "DEPLOYS",
    "DISTROLESS_MB",
    "LATER_SECONDS",
    "MB",
    "NAIVE_GB",
    "NAIVE_MB",
    "PASSENGERS",
    "SMALLER",
    "SMALLEST_MB",
    "SMALL_GB",
    "SMALL_MB",
    "SURFACE_ORDER",
    "SURFACE_PRUNED",
    "TIMES_FASTER",
    "WAYS",
    "Claim",
    "Day",
    "Exposure",
    "Goal",
    "Installs",
    "Judgement",
    "Mismatch",
    "PinTest",
    "Reached",
    "Size",
    "Spread",
    "Tools",
    "Verdict",
    "Waits",
    "alpine_size",
    "attack_surface",
    "base_pins",
    "build_image_left_behind",
    "builder_for_debugging",
    "cached_installs",
    "copied_context",
    "copied_files",
    "daily_transfer",
    "distroless_size",
    "distroless_tools",
    "exec_shells",
    "ignore_list",
    "install_order",
    "interleaved",
    "naive_contents",
    "naive_size",
    "small_and_quick_image",
    "smaller_by_language",
    "smallest_image",
    "start_and_storage",
    "time_saved",
    "title_sizes",
]
