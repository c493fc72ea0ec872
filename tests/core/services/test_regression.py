from typing import Any

import pytest

from core.schemas.evaluation import Evaluation, Importance, WeightShift
from core.schemas.gate_limits import RegressionLimits
from core.services.regression import findings, importance_shares
from tests.core.services.evaluations import comparison, evaluation, figures


def found(measured: Evaluation, **limits: Any) -> list[str]:
    return list(findings(measured, RegressionLimits.model_validate({"stability_index_max": None, **limits})))


def compared(**values: Any) -> Evaluation:
    return evaluation(figures(5.0, comparison(**values)))


@pytest.mark.parametrize(
    ("measured", "limits"),
    [
        (compared(stability_index=0.3), {"stability_index_max": 0.2}),
        (compared(ks=0.3), {"ks_max": 0.2}),
        (compared(prediction_shift={"0.05": -0.3}), {"quantile_shift_max": 0.2}),
        (compared(stability_index=float("nan")), {"stability_index_max": 0.2}),
    ],
)
def test_a_distribution_beyond_a_limit_is_found_and_one_without_a_limit_is_not(
    measured: Evaluation, limits: dict[str, float]
) -> None:
    assert len(found(measured, **limits)) == 1
    assert found(measured) == []


@pytest.mark.parametrize("name", ["stability_index", "ks"])
def test_a_distribution_at_its_limit_is_not_found(name: str) -> None:
    assert found(compared(**{name: 0.2}), **{f"{name}_max": 0.2}) == []


def test_what_is_found_in_a_variant_is_named() -> None:
    measured = evaluation(variants={"without time": figures(5.0, comparison(ks=0.3))})
    assert found(measured, ks_max=0.2) == [
        "without time: the Kolmogorov-Smirnov statistic of the predictions is 0.300, allowed: 0.200"
    ]


def test_without_a_champion_nothing_is_found() -> None:
    strict = dict.fromkeys(("stability_index_max", "ks_max", "quantile_shift_max", "importance_shift_max"), 0.0)
    assert found(evaluation(importances={"a": Importance(candidate=1.0, champion=None)}), **strict) == []


IMPORTANCES = {
    "distance": Importance(candidate=6.0, champion=1.0),
    "zone": Importance(candidate=2.0, champion=3.0),
    "noise": Importance(candidate=-0.1, champion=0.0),
}


def test_importances_are_compared_by_their_shares() -> None:
    assert importance_shares(IMPORTANCES) == {"distance": (0.75, 0.25), "zone": (0.25, 0.75), "noise": (0.0, 0.0)}
    assert found(evaluation(importances=IMPORTANCES), importance_shift_max=0.5) == []
    assert found(evaluation(importances=IMPORTANCES), importance_shift_max=0.4) == [
        "the importance of distance is 75%, the champion's 25%, allowed: 40% apart",
        "the importance of zone is 25%, the champion's 75%, allowed: 40% apart",
    ]


def test_weights_that_moved_are_found() -> None:
    shift = WeightShift(shared=3, appeared=0, vanished=0, relative_shift=0.3, largest={})
    assert found(evaluation(weights=shift), weight_shift_max=0.2) == [
        "the weights moved by 0.300 of the champion's, allowed: 0.200"
    ]
    assert found(evaluation(weights=shift), weight_shift_max=0.3) == []
