"""Whether a trained version is good enough to be registered."""

import math
from collections.abc import Iterator, Mapping

from core.schemas.evaluation import Figures, Measurement, Verdict
from core.schemas.gate_limits import GateLimits, SliceLimits, VariantLimits
from core.services.regression import findings


def judge(measurement: Measurement, limits: GateLimits) -> Verdict:
    """Judge a version by its errors alone, and beside the champion's on the same rows.

    A version that is behind the champion by less than the noise of the comparison passes: to refuse it would be to
    refuse every retraining with a coin.

    Parameters
    ----------
    measurement : Measurement
        What was measured.
    limits : GateLimits
        What it must reach.
    """
    judged: dict[str, tuple[Figures, VariantLimits]] = {"": (measurement, limits)}
    judged |= {
        f"{name}: ": (measurement.variants[name], limited)
        for name, limited in limits.variants.items()
        if name in measurement.variants
    }
    reasons = [f"{name}{reason}" for name, (figures, limited) in judged.items() for reason in _errors(figures, limited)]
    everything: Mapping[str, Figures] = {
        "": measurement,
        **{f"{name}: ": it for name, it in measurement.variants.items()},
    }
    for name, figures in everything.items():
        reasons += [f"{name}{reason}" for reason in _slices(figures, limits.slices, limits.noise_factor)]
    found = tuple(findings(measurement, limits.regression))
    if limits.regression.action == "fail":
        reasons += found
    return Verdict(
        passed=not reasons, reasons=tuple(reasons), warnings=() if limits.regression.action == "fail" else found
    )


def _errors(figures: Figures, limits: VariantLimits) -> Iterator[str]:
    rmse, comparison = figures.rmse, figures.comparison
    if not math.isfinite(rmse):
        yield f"the RMSE is {rmse}"
    elif limits.rmse_max is not None and rmse > limits.rmse_max:
        yield f"the RMSE of {rmse:.3f} is above {limits.rmse_max:.3f}"
    if comparison is None or limits.noise_factor is None:
        return
    margin = limits.noise_factor * comparison.standard_error
    if not comparison.difference <= margin:
        yield (
            f"the RMSE is {comparison.difference:.3f} above that of the champion {comparison.champion},"
            f" and the noise margin is {margin:.3f}"
        )


def _slices(figures: Figures, limits: SliceLimits, noise_factor: float | None) -> Iterator[str]:
    if limits.behind_max is None:
        return
    for dimension, parts in figures.slices.items():
        for value, part in parts.items():
            if part.champion_rmse is None or part.standard_error is None or part.rows < limits.rows_min:
                continue
            behind = part.rmse - part.champion_rmse
            if not behind <= max(limits.behind_max, (noise_factor or 0.0) * part.standard_error):
                yield (
                    f"{dimension} {value} ({part.rows:,} rows): the RMSE is {behind:.3f} above the champion's"
                    f" {part.champion_rmse:.3f}, allowed: {limits.behind_max:.3f}"
                )
