"""The ledger: what the article claims, and the rule by which a measurement judges each claim.

A rule takes figures and returns a `Judgement`; it measures nothing. Its bounds stand here, in code, and
the tests try figures on both sides of each. "About" is 15 % to either side: the article rounds to
10 MB, and a point release of Node moves an image by a few per cent.
"""

from helpers.claims.cache import TIMES_FASTER, judge_t1, judge_t2, judge_t3
from helpers.claims.context import judge_x1, judge_x2
from helpers.claims.figures import Day, Installs, Mismatch, PinTest, Size, Spread, Waits, interleaved
from helpers.claims.howlow import (
    LATER_SECONDS,
    SMALL_MB,
    SMALLEST_MB,
    Goal,
    Reached,
    judge_small_and_quick,
    judge_smallest,
)
from helpers.claims.model import ABOUT, LESSONS, TEXTS, Judgement, Verdict
from helpers.claims.pins import judge_b1
from helpers.claims.pipeline import DEPLOYS, NAIVE_GB, SMALL_GB, judge_p1, judge_p2
from helpers.claims.sizes import (
    ALPINE_MB,
    DISTROLESS_MB,
    NAIVE_MB,
    PASSENGERS,
    judge_s1,
    judge_s2,
    judge_s3,
    judge_s4,
    judge_s5,
    judge_s6,
)
from helpers.claims.stages import WAYS, judge_b2, judge_v2
from helpers.claims.surface import V3_ORDER, V3_WAY_OUT, judge_v1, judge_v3
from helpers.host.tables import MB

__all__ = [
    "ABOUT",
    "ALPINE_MB",
    "DEPLOYS",
    "DISTROLESS_MB",
    "LATER_SECONDS",
    "LESSONS",
    "MB",
    "NAIVE_GB",
    "NAIVE_MB",
    "PASSENGERS",
    "SMALLEST_MB",
    "SMALL_GB",
    "SMALL_MB",
    "TEXTS",
    "TIMES_FASTER",
    "V3_ORDER",
    "V3_WAY_OUT",
    "WAYS",
    "Day",
    "Goal",
    "Installs",
    "Judgement",
    "Mismatch",
    "PinTest",
    "Reached",
    "Size",
    "Spread",
    "Verdict",
    "Waits",
    "interleaved",
    "judge_b1",
    "judge_b2",
    "judge_p1",
    "judge_p2",
    "judge_s1",
    "judge_s2",
    "judge_s3",
    "judge_s4",
    "judge_s5",
    "judge_s6",
    "judge_small_and_quick",
    "judge_smallest",
    "judge_t1",
    "judge_t2",
    "judge_t3",
    "judge_v1",
    "judge_v2",
    "judge_v3",
    "judge_x1",
    "judge_x2",
]
