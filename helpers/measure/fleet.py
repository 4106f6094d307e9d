"""Simulate what a registry serves when a fleet of nodes deploys all week, from bytes that were measured.

The model:

- A week has seven days, each with the same number of deploys, at random minutes of eight hours. A deploy
  changes the source, or, for a share of the deploys, the dependencies. The first deploy of the week
  stands on a new base image.
- A deploy reaches all nodes in batches, one batch a minute. A batch is a quarter of the nodes: the
  default ``maxSurge`` of a Kubernetes Deployment is 25 % (kubernetes.io, "Deployments, Rolling Update
  Deployment").
- A share of the pulls is by a cold node, which has no layer. Each other node has the version before, and
  pulls the blobs that it lacks. On the new base it lacks all of them; with ``COPY --link`` it keeps its
  own layers and lacks those of the base.
- The registry serves all pulls itself (`Delivery.DIRECT`); or each blob once to each mirror, which keeps
  it (`Delivery.MIRROR`; a pull-through cache: distribution.github.io, "Registry as a pull through
  cache"); or each blob once, and nodes take it from one another (`Delivery.PEERS`; as Spegel and
  Dragonfly do: spegel.dev, d7y.io). What mirrors and peers need among themselves is not counted.

`pipeline.measure` gives the bytes of each kind of pull. The model assumes that they do not depend on
what a node pulled before, and that a new base shares no layer with the old one. 1 GB is 10^9 bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.measure.pipeline import TransferBytes

DAYS = 7
_MINUTES = 8 * 60  # of a day, in which deploys begin
SEED = 1


class Delivery(StrEnum):
    """Who serves a pull."""

    DIRECT = "the registry"
    MIRROR = "mirrors"
    PEERS = "peers"


@dataclass(frozen=True)
class Fleet:
    """A fleet and its habits; put in your own.

    ``dependency`` is the share of deploys that change the dependencies, ``cold`` the share of pulls by
    nodes that have no layer, and ``batch`` the share of the nodes that pull in the same minute. Shares
    go from 0 to 1. ``nodes_a_mirror`` is the number of nodes behind each mirror. Raises `ValueError` for
    figures that cannot be.
    """

    nodes: int = 1_000
    deploys_a_day: int = 50
    dependency: float = 0.1
    cold: float = 0.01
    batch: float = 0.25
    nodes_a_mirror: int = 500

    def __post_init__(self) -> None:
        if not (0 <= self.dependency <= 1 and 0 <= self.cold <= 1 and 0 < self.batch <= 1):
            raise ValueError("dependency and cold are shares from 0 to 1, and batch is above 0.")
        if min(self.nodes, self.deploys_a_day, self.nodes_a_mirror) < 1:
            raise ValueError("There is at least one node, one deploy a day and one node a mirror.")


@dataclass(frozen=True)
class Traffic:
    """What the registry serves: bytes on an average day, and bytes a second in its busiest minute."""

    day_bytes: float
    peak_bytes_a_second: float


def simulate(
    moves: TransferBytes,
    fleet: Fleet,
    delivery: Delivery = Delivery.DIRECT,
    *,
    linked: bool = False,
    seed: int = SEED,
) -> Traffic:
    """Simulate a week of deploys; the same seed gives the same week.

    ``linked`` says that the image's own layers are made with ``COPY --link``.
    """
    import numpy as np

    deploys, nodes = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2))
    batches = math.ceil(1 / fleet.batch)
    served = np.zeros(DAYS * (_MINUTES + batches))
    for number in range(DAYS * fleet.deploys_a_day):
        day = number // fleet.deploys_a_day
        begins = day * (_MINUTES + batches) + int(deploys.integers(_MINUTES))
        edits_dependencies = deploys.random() < fleet.dependency
        warm = float(moves.dependency if edits_dependencies else moves.source)
        if number == 0:
            warm = moves.first - moves.with_base + warm if linked else float(moves.first)
        sizes = np.diff(np.linspace(0, fleet.nodes, batches + 1).round().astype(int))
        cold = nodes.binomial(sizes, fleet.cold)
        pulled = cold * moves.first + (sizes - cold) * warm
        if delivery is Delivery.DIRECT:
            served[begins : begins + batches] += pulled
        elif delivery is Delivery.MIRROR:
            served[begins] += warm * math.ceil(fleet.nodes / fleet.nodes_a_mirror)
        else:
            served[begins] += warm
    return Traffic(float(served.sum()) / DAYS, float(served.max()) / 60)
