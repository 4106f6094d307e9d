"""Repeats take turns, and a spread tells median and range."""

import pytest

from helpers.claims.figures import Spread, interleaved


def test_a_spread_tells_median_and_range():
    spread = Spread((3.0, 1.0, 2.0))
    assert (spread.median, spread.low, spread.high) == (2.0, 1.0, 3.0)
    assert str(spread) == "2.0 s (1.0\N{EN DASH}3.0)"


def test_measurements_take_turns():
    order = []
    spreads = interleaved(
        2, {"a": lambda: order.append("a") or 1.0, "b": lambda: order.append("b") or 2.0}
    )
    assert order == ["a", "b", "a", "b"]
    assert spreads == {"a": Spread((1.0, 1.0)), "b": Spread((2.0, 2.0))}


def test_no_repeat_is_refused():
    with pytest.raises(ValueError, match="at least once"):
        interleaved(0, {"a": lambda: 1.0})
