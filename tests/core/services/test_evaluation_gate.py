import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schemas.evaluation import Comparison, GateLimits
from core.services.evaluation_gate import judge, noise_margin_min

LIMITS = GateLimits(rmse_max_min=10.0, noise_factor=2.0)


def behind(difference_min: float, standard_error_min: float = 0.1) -> Comparison:
    return Comparison(
        champion="old",
        champion_rmse_min=5.0,
        difference_min=difference_min,
        standard_error_min=standard_error_min,
        champion_saw_test_data=False,
        prediction_shift_min={},
    )


@pytest.mark.parametrize("difference_min", [-3.0, 0.0, 0.2])
def test_a_version_that_is_better_or_behind_by_noise_only_passes(difference_min: float) -> None:
    assert judge(5.0, behind(difference_min), LIMITS).passed


def test_a_version_that_is_worse_than_the_champion_does_not_pass_and_is_told_by_how_much() -> None:
    verdict = judge(5.3, behind(0.3), LIMITS)
    assert not verdict.passed
    assert verdict.reasons == (
        "the RMSE is 0.300 minutes above that of the champion old, and the noise margin is 0.200",
    )


@pytest.mark.parametrize("rmse_min", [10.001, math.nan, math.inf])
def test_an_error_above_the_limit_or_no_number_does_not_pass(rmse_min: float) -> None:
    assert not judge(rmse_min, None, LIMITS).passed


def test_a_comparison_that_is_no_number_does_not_pass() -> None:
    assert not judge(5.0, behind(math.nan), LIMITS).passed


def test_without_a_champion_the_error_alone_decides() -> None:
    assert judge(10.0, None, LIMITS).passed


@given(st.floats(-5, 5), st.floats(0, 1), st.floats(0, 10))
def test_it_passes_exactly_within_the_margin(difference_min: float, error_min: float, factor: float) -> None:
    limits, comparison = GateLimits(noise_factor=factor), behind(difference_min, error_min)
    assert judge(5.0, comparison, limits).passed == (difference_min <= noise_margin_min(comparison, limits))
