"""The regression test of a model: whether it predicts like the champion, and relies on the same things."""

from collections.abc import Iterator, Mapping

from core.schemas.evaluation import Comparison, Importance, Measurement
from core.schemas.gate_limits import RegressionLimits


def findings(measurement: Measurement, limits: RegressionLimits) -> Iterator[str]:
    """Yield what differs from the champion by more than ``limits``, one sentence each; nothing without a champion."""
    compared = {"": measurement.comparison} | {f"{name}: ": it.comparison for name, it in measurement.variants.items()}
    for name, comparison in compared.items():
        if comparison is not None:
            yield from (f"{name}{found}" for found in _distribution(comparison, limits))
    yield from _importances(measurement.importances, limits)
    shift, most = measurement.weights, limits.weight_shift_max
    if shift is not None and most is not None and not shift.relative_shift <= most:
        yield f"the weights moved by {shift.relative_shift:.3f} of the champion's, allowed: {most:.3f}"


def importance_shares(importances: Mapping[str, Importance]) -> dict[str, tuple[float, float]]:
    """Return each column's share of all importances, for candidate and champion, 0..1; empty without a champion.

    A column whose shuffling lowers the error is one that the model does not rely on.
    """
    ours = {name: max(0.0, it.candidate) for name, it in importances.items()}
    theirs = {name: max(0.0, it.champion) for name, it in importances.items() if it.champion is not None}
    if not sum(ours.values()) or not sum(theirs.values()):
        return {}
    return {name: (ours[name] / sum(ours.values()), theirs[name] / sum(theirs.values())) for name in theirs}


def _distribution(comparison: Comparison, limits: RegressionLimits) -> Iterator[str]:
    measures = (
        ("the population stability index of the predictions", comparison.stability_index, limits.stability_index_max),
        ("the Kolmogorov-Smirnov statistic of the predictions", comparison.ks, limits.ks_max),
        *(
            (f"the shift of the predictions at quantile {level}", abs(shift), limits.quantile_shift_max)
            for level, shift in comparison.prediction_shift.items()
        ),
    )
    for what, found, allowed in measures:
        if allowed is not None and not found <= allowed:
            yield f"{what} is {found:.3f}, allowed: {allowed:.3f}"


def _importances(importances: Mapping[str, Importance], limits: RegressionLimits) -> Iterator[str]:
    most = limits.importance_shift_max
    if most is None:
        return
    for name, (ours, theirs) in importance_shares(importances).items():
        if not abs(ours - theirs) <= most:
            yield f"the importance of {name} is {ours:.0%}, the champion's {theirs:.0%}, allowed: {most:.0%} apart"
