"""The bill's arithmetic: units, shares, and the article's own sum."""

import pytest

from helpers.measure import cost
from helpers.measure.cost import Plan
from helpers.measure.pipeline import TransferBytes

MOVES = TransferBytes(
    uncompressed=1_200_000_000,
    first=400_000_000,
    with_base=100_000_000,
    source=1_000_000,
    dependency=50_000_000,
    stored=0,
)


def row(plan, what):
    return cost.month(MOVES, plan).set_index("what").loc[what]


def test_the_articles_sum_is_uncompressed_times_deploys():
    assert cost.day(MOVES, 50).counted == pytest.approx(60)
    assert row(Plan(), cost.COUNTED)["GB a month"] == pytest.approx(60 * 30)


def test_a_day_on_one_node_is_a_first_pull_and_redeploys():
    assert cost.day(MOVES, 50).kept == pytest.approx(0.4 + 49 * 0.001)
    assert cost.day(MOVES, 50).empty == pytest.approx(50 * 0.4)


def test_one_deploy_a_day_is_one_full_pull():
    assert cost.day(MOVES, 1).kept == cost.day(MOVES, 1).empty


def test_a_plan_counts_the_first_pull_of_each_node():
    plan = Plan(deploys_a_day=1, nodes=2)
    assert row(plan, cost.PLANNED)["GB a month"] == pytest.approx((2 * 400 + 58 * 1) / 1000)


def test_only_empty_nodes_cost_as_much_as_the_row_says_that_counts_them():
    plan = Plan(fresh=1.0)
    assert row(plan, cost.PLANNED)["GB a month"] == pytest.approx(row(plan, cost.EMPTY)["GB a month"])


def test_shares_are_averages_of_their_two_ends():
    assert cost.redeploy_bytes(MOVES, Plan(dependency=0.5)) == 25_500_000
    assert cost.pull_bytes(MOVES, Plan(fresh=0.25, dependency=0)) == 0.25 * 400e6 + 0.75 * 1e6


def test_money_is_gb_times_price():
    plan = Plan(usd_per_gb_moved=2.0, usd_per_gb_month_kept=3.0, kept=11)
    moved, kept = row(plan, cost.EMPTY), row(plan, cost.KEPT)
    assert moved["USD a month"] == pytest.approx(2 * moved["GB a month"])
    assert kept["GB a month"] == pytest.approx(0.4 + 10 * 0.001)
    assert kept["USD a month"] == pytest.approx(3 * kept["GB a month"])


@pytest.mark.parametrize("wrong", [{"fresh": 1.1}, {"dependency": -0.1}, {"nodes": 0}, {"kept": 0}])
def test_a_plan_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"share|at least"):
        Plan(**wrong)
