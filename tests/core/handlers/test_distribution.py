import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.handlers.distribution import ks_statistic, stability_index

EVEN = np.linspace(1, 60, 10_000)


def test_the_same_distribution_has_an_index_of_nothing_in_whatever_order() -> None:
    assert stability_index(EVEN[::-1], EVEN) == pytest.approx(0, abs=1e-5)
    assert ks_statistic(EVEN[::-1], EVEN) == 0


def test_the_index_is_the_sum_of_its_formula() -> None:
    # Half of the lowest tenth went to the highest: shares 0.05 and 0.15 instead of 0.1 and 0.1.
    moved = EVEN.copy()
    moved[:500] = 60
    wanted = -0.05 * np.log(0.05 / 0.1) + 0.05 * np.log(0.15 / 0.1)
    assert stability_index(moved, EVEN) == pytest.approx(wanted, rel=1e-3)
    assert ks_statistic(moved, EVEN) == pytest.approx(0.05, abs=1e-3)


@given(st.floats(0.5, 20), st.floats(1, 20))
def test_a_larger_shift_has_a_larger_index(shift: float, more: float) -> None:
    near, far = (stability_index(EVEN + by, EVEN) for by in (shift, shift + more))
    assert 0 < near < far


def test_a_champion_that_always_answers_the_same_can_be_compared() -> None:
    assert stability_index(EVEN, np.full(10_000, 12.0)) > 0
    assert stability_index(np.full(10_000, 12.0), np.full(10_000, 12.0)) == 0
