import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schemas.evaluation import Slice
from core.schemas.gate_limits import GateLimits
from core.services.evaluation_gate import judge
from tests.core.services.evaluations import comparison, evaluation, figures, part

LIMITS = GateLimits(rmse_max=10.0, noise_factor=2.0)


def limits(**values: Any) -> GateLimits:
    return GateLimits.model_validate(values)


@pytest.mark.parametrize("difference", [-3.0, 0.0, 0.2])
def test_a_version_that_is_better_or_behind_by_noise_only_passes(difference: float) -> None:
    assert judge(evaluation(figures(5.0, comparison(difference))), LIMITS).passed


def test_a_version_that_is_worse_than_the_champion_does_not_pass_and_is_told_by_how_much() -> None:
    verdict = judge(evaluation(figures(5.3, comparison(0.3))), LIMITS)
    assert not verdict.passed
    assert verdict.reasons == ("the RMSE is 0.300 above that of the champion old, and the noise margin is 0.200",)


@pytest.mark.parametrize("rmse", [10.001, math.nan, math.inf])
def test_an_error_above_the_limit_or_no_number_does_not_pass(rmse: float) -> None:
    assert not judge(evaluation(figures(rmse)), LIMITS).passed


def test_an_error_that_is_no_number_does_not_pass_without_any_limit() -> None:
    assert judge(evaluation(figures(math.nan)), GateLimits()).reasons == ("the RMSE is nan",)


def test_a_comparison_that_is_no_number_does_not_pass() -> None:
    assert not judge(evaluation(figures(5.0, comparison(math.nan))), LIMITS).passed


def test_a_version_may_be_told_not_to_mind_the_champion() -> None:
    assert judge(evaluation(figures(9.0, comparison(4.0))), limits(noise_factor=None)).passed


def test_without_a_champion_the_error_alone_decides() -> None:
    assert judge(evaluation(figures(10.0)), LIMITS).passed


@given(st.floats(-5, 5), st.floats(0, 1), st.floats(0, 10))
def test_it_passes_exactly_within_the_margin(difference: float, error: float, factor: float) -> None:
    limits, compared = GateLimits(noise_factor=factor), comparison(difference, error)
    passed = judge(evaluation(figures(5.0, compared)), limits).passed
    assert passed == (difference <= factor * error)


def test_a_variant_has_limits_of_its_own_and_is_named() -> None:
    measured = evaluation(figures(5.0), variants={"without time": figures(5.8, comparison(0.4))})
    own = {"variants": {"without time": {"rmse_max": 5.7, "noise_factor": 3.0}}}
    assert judge(measured, limits(rmse_max=5.1, **own)).reasons == (
        "without time: the RMSE of 5.800 is above 5.700",
        "without time: the RMSE is 0.400 above that of the champion old, and the noise margin is 0.300",
    )


def test_limits_of_a_variant_that_a_design_does_not_have_are_not_asked_of_it() -> None:
    assert judge(evaluation(), limits(variants={"without time": {"rmse_max": 0.1}})).passed


def test_a_slice_that_is_far_behind_the_champion_does_not_pass() -> None:
    measured = evaluation(figures(5.0, None, pickup_hour={"04": part(0.6), "05": part(0.4)}))
    assert judge(measured, limits(slices={"behind_max": 0.5})).reasons == (
        "pickup_hour 04 (1,000 rows): the RMSE is 0.600 above the champion's 5.000, allowed: 0.500",
    )


def test_slices_of_variants_are_judged_too() -> None:
    measured = evaluation(variants={"without time": figures(5.0, None, pickup_hour={"04": part(0.6)})})
    (reason,) = judge(measured, limits(slices={"behind_max": 0.5})).reasons
    assert reason.startswith("without time: pickup_hour 04")


@pytest.mark.parametrize(
    "harmless",
    [
        part(0.6, rows=499),
        part(0.6, standard_error=0.31),
        Slice(rows=1000, rmse=9.0, champion_rmse=None, standard_error=None),
    ],
    ids=["small", "within noise", "no champion"],
)
def test_a_slice_that_says_little_does_not_stop_a_version(harmless: Slice) -> None:
    measured = evaluation(figures(5.0, None, pickup_hour={"04": harmless}))
    assert judge(measured, limits(slices={"behind_max": 0.5})).passed


@pytest.mark.parametrize(("action", "passed"), [("warn", True), ("fail", False)])
def test_a_version_that_predicts_unlike_the_champion_is_warned_of_or_stopped(action: str, passed: bool) -> None:
    measured = evaluation(figures(5.0, comparison(stability_index=0.4)))
    verdict = judge(measured, limits(regression={"stability_index_max": 0.2, "action": action}))
    told = ("the population stability index of the predictions is 0.400, allowed: 0.200",)
    assert verdict.passed is passed
    assert (verdict.warnings, verdict.reasons) == ((told, ()) if passed else ((), told))
