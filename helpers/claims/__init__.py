"""The ledger: what the article claims, and the rule by which a measurement judges each claim.

A rule takes figures and returns a `Judgement`; it measures nothing. Its bounds stand here, in code, and
the tests try figures on both sides of each. "About" is 15 % to either side: the article rounds to
10 MB, and a point release of Node moves an image by a few per cent.
"""

from helpers.claims.cache import TIMES_FASTER, Installs, judge_t1, judge_t2, judge_t3
from helpers.claims.model import ABOUT, LESSONS, MB, TEXTS, Judgement, Size, Verdict
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
from helpers.claims.surface import judge_v1

__all__ = [
    "ABOUT",
    "ALPINE_MB",
    "DISTROLESS_MB",
    "LESSONS",
    "MB",
    "NAIVE_MB",
    "PASSENGERS",
    "TEXTS",
    "TIMES_FASTER",
    "Installs",
    "Judgement",
    "Size",
    "Verdict",
    "judge_s1",
    "judge_s2",
    "judge_s3",
    "judge_s4",
    "judge_s5",
    "judge_s6",
    "judge_t1",
    "judge_t2",
    "judge_t3",
    "judge_v1",
]
