"""Compute what it costs in a month to transfer and to keep images.

1 GB is 10^9 bytes, and a month has 30 days. The bytes come from `helpers.measure.pipeline`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.claims import Day
from helpers.host import tables

if TYPE_CHECKING:
    import pandas as pd

    from helpers.measure.pipeline import TransferBytes

GB = 1_000_000_000
DAYS = 30

COUNTED = "moved, as the article counts"
EMPTY = "moved, every node empty each time"
PLANNED = "moved, by this plan"
KEPT = "kept in the registry"


@dataclass(frozen=True)
class Plan:
    """How an image is deployed, and what a GB costs in USD; put in your own figures.

    ``fresh`` is the share of pulls onto an empty node (new machines, runners without a cache).
    ``dependency`` is the share of deploys that change the dependencies. Both shares go from 0 to 1.
    ``kept`` is the number of versions in the registry.

    The default prices are examples from the price page of Amazon ECR (aws.amazon.com/ecr/pricing) for
    us-east-1 in March 2026: 0.09 USD for each GB sent to the internet, and 0.10 USD for each GB kept for
    a month. Transfers inside one region are free; a NAT gateway costs extra.
    """

    deploys_a_day: int = 50
    nodes: int = 1
    fresh: float = 0.0
    dependency: float = 0.0
    kept: int = 50
    usd_per_gb_moved: float = 0.09
    usd_per_gb_month_kept: float = 0.10

    def __post_init__(self) -> None:
        shares = (self.fresh, self.dependency)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"fresh and dependency are shares from 0 to 1, not {shares}.")
        if min(self.deploys_a_day, self.nodes, self.kept) < 1:
            raise ValueError("There is at least one deploy a day, one node and one version kept.")

    @property
    def pulls_a_month(self) -> int:
        """The number of pulls in a month: deploys a day x nodes x 30."""
        return self.deploys_a_day * self.nodes * DAYS


def redeploy_bytes(moves: TransferBytes, plan: Plan) -> float:
    """Return the average bytes that a redeploy moves to a node that has the previous version."""
    return plan.dependency * moves.dependency + (1 - plan.dependency) * moves.source


def pull_bytes(moves: TransferBytes, plan: Plan) -> float:
    """Return the average bytes that a pull moves: fresh x first + (1 - fresh) x redeploy."""
    return plan.fresh * moves.first + (1 - plan.fresh) * redeploy_bytes(moves, plan)


def kept_bytes(moves: TransferBytes, plan: Plan) -> float:
    """Return the bytes in a registry: all of the first version, and the new blobs of each later one."""
    return moves.first + (plan.kept - 1) * redeploy_bytes(moves, plan)


def month(moves: TransferBytes, plan: Plan) -> pd.DataFrame:
    """Return the GB and USD of a month, one row for each way of counting.

    The plan's row includes the first pull of each node. Columns: what, GB a month, USD a month.
    """
    pulls = plan.pulls_a_month
    first = plan.nodes * (moves.first - pull_bytes(moves, plan))
    moved = {
        COUNTED: pulls * moves.uncompressed,
        EMPTY: pulls * moves.first,
        PLANNED: pulls * pull_bytes(moves, plan) + first,
    }
    rows = [(what, size / GB, size / GB * plan.usd_per_gb_moved) for what, size in moved.items()]
    kept = kept_bytes(moves, plan) / GB
    rows.append((KEPT, kept, kept * plan.usd_per_gb_month_kept))
    return tables.frame(rows, columns=["what", "GB a month", "USD a month"])


def day(moves: TransferBytes, deploys: int = 50) -> Day:
    """Return the GB of a day with ``deploys`` deploys to one node."""
    kept = moves.first + (deploys - 1) * moves.source
    return Day(*(size / GB for size in (deploys * moves.uncompressed, deploys * moves.first, kept)))
