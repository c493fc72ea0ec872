import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Spread, confidence_interval, crossover, ratio, spread

POSITIVE = st.floats(min_value=0.1, max_value=1e6)


def test_a_spread_is_median_least_and_greatest() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_a_ratio_is_of_medians_and_its_spread_of_rounds() -> None:
    # The machine is twice as slow in the last round; that must not show in the spread.
    assert ratio([20.0, 20.0, 10.0], [10.0, 10.0, 5.0]) == Spread(2.0, 2.0, 2.0)


def test_a_ratio_of_rounds_that_do_not_match_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("points", "cost"),
    [
        ([(0.0, 0.5), (100.0, 2.0)], 50.0),
        ([(0.0, 0.5), (100.0, 1.0), (200.0, 3.0)], 100.0),
        ([(200.0, 2.0), (0.0, 0.5), (100.0, 0.5)], 150.0),
        ([(0.0, 1.5), (100.0, 0.5), (200.0, 2.0)], 150.0),
        ([(0.0, 1.2), (100.0, 2.0)], 0.0),
        ([(0.0, 0.5), (100.0, 0.9)], None),
        ([], 0.0),
    ],
    ids=["between two", "at a point", "unordered", "the last of two", "always ahead", "never ahead", "nothing"],
)
def test_the_crossover_is_the_cost_from_which_the_ratio_stays_at_one(
    points: list[tuple[float, float]], cost: float | None
) -> None:
    assert crossover(points) == (None if cost is None else pytest.approx(cost))


def test_equal_ratios_leave_no_doubt() -> None:
    interval = confidence_interval([2.0, 2.0, 2.0])

    assert (interval.middle, interval.low, interval.high) == pytest.approx((2.0, 2.0, 2.0))
    assert not interval.contains_one


def test_an_interval_is_students_on_logarithms() -> None:
    # t(0.975, 2 degrees of freedom) = 4.30265; the logarithms 0.0, 0.1, 0.2 have a standard error of 0.1 / sqrt(3).
    interval = confidence_interval([math.exp(0.0), math.exp(0.1), math.exp(0.2)], confidence=0.95)

    reach = 4.30265 * 0.1 / math.sqrt(3)
    assert (math.log(interval.middle), math.log(interval.high)) == pytest.approx((0.1, 0.1 + reach), abs=1e-5)


@given(st.lists(POSITIVE, min_size=2, max_size=10))
def test_an_interval_is_the_same_seen_from_the_other_side(ratios: list[float]) -> None:
    one, other = confidence_interval(ratios), confidence_interval([1 / value for value in ratios])

    assert one.middle == pytest.approx(1 / other.middle)
    assert one.low <= one.middle <= one.high


def test_one_pair_is_no_interval() -> None:
    with pytest.raises(ValueError, match="two rounds"):
        confidence_interval([1.0])
