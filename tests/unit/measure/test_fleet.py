"""What the model of a fleet adds up: by hand where chance is left out, and in its limits where not."""

from __future__ import annotations

import dataclasses

import pytest

from helpers.measure.fleet import DAYS, Delivery, Fleet, simulate
from helpers.measure.pipeline import TransferBytes

MOVES = TransferBytes(
    uncompressed=1_000, first=400, with_base=100, source=10, dependency=100, stored=600
)
CALM = Fleet(nodes=8, deploys_a_day=2, dependency=0, cold=0, nodes_a_mirror=4)
WARM_DEPLOYS = 2 * DAYS - 1


@pytest.mark.parametrize(
    ("delivery", "linked", "week"),
    [
        (Delivery.DIRECT, False, 8 * (400 + WARM_DEPLOYS * 10)),
        (Delivery.DIRECT, True, 8 * (300 + 10 + WARM_DEPLOYS * 10)),
        (Delivery.MIRROR, False, 2 * (400 + WARM_DEPLOYS * 10)),
        (Delivery.PEERS, False, 400 + WARM_DEPLOYS * 10),
    ],
)
def test_without_chance_the_sum_is_that_of_paper(delivery, linked, week):
    assert simulate(MOVES, CALM, delivery, linked=linked).day_bytes == pytest.approx(week / DAYS)


def test_every_pull_by_a_cold_node_moves_everything():
    cold = simulate(MOVES, dataclasses.replace(CALM, cold=1))
    assert cold.day_bytes == pytest.approx(8 * 2 * 400)


def test_every_deploy_may_change_the_dependencies():
    edited = simulate(MOVES, dataclasses.replace(CALM, dependency=1))
    assert edited.day_bytes == pytest.approx(8 * (400 + WARM_DEPLOYS * 100) / DAYS)


def test_the_peak_is_the_batch_that_pulls_the_new_base():
    assert simulate(MOVES, CALM).peak_bytes_a_second == pytest.approx(2 * 400 / 60)
    at_once = simulate(MOVES, dataclasses.replace(CALM, batch=1))
    assert at_once.peak_bytes_a_second >= 8 * 400 / 60


def test_no_node_is_lost_between_batches():
    odd = dataclasses.replace(CALM, nodes=7, batch=0.3)
    assert simulate(MOVES, odd).day_bytes == pytest.approx(7 * (400 + WARM_DEPLOYS * 10) / DAYS)


def test_a_seed_gives_one_week_and_the_schedule_does_not_depend_on_the_fleet():
    fleet = Fleet(nodes=500)
    assert simulate(MOVES, fleet) == simulate(MOVES, fleet)
    assert simulate(MOVES, fleet) != simulate(MOVES, fleet, seed=2)
    larger = dataclasses.replace(fleet, nodes=50_000)
    assert simulate(MOVES, fleet, Delivery.PEERS) == simulate(MOVES, larger, Delivery.PEERS)


def test_a_share_of_cold_nodes_lies_between_none_and_all():
    none, some, every = (
        simulate(MOVES, Fleet(nodes=1_000, cold=share)).day_bytes for share in (0, 0.5, 1)
    )
    assert none < some < every
    assert some == pytest.approx((none + every) / 2, rel=0.05)


@pytest.mark.parametrize("wrong", [{"cold": 1.5}, {"batch": 0}, {"nodes": 0}, {"nodes_a_mirror": 0}])
def test_figures_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"share|at least one"):
        Fleet(**wrong)
