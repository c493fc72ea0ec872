"""Whether a trained version is good enough to be registered."""

import math

from core.schemas.evaluation import Comparison, GateLimits, Verdict


def judge(rmse_min: float, comparison: Comparison | None, limits: GateLimits) -> Verdict:
    """Judge a version by its error alone, and beside the champion's on the same rows.

    A version that is behind the champion by less than the noise of the comparison passes: to refuse it would be to
    refuse every retraining with a coin.

    Parameters
    ----------
    rmse_min : float
        The version's error on the test months, in minutes.
    comparison : Comparison or None
        None where there is no champion yet.
    limits : GateLimits
        What it must reach.

    Examples
    --------
    >>> judge(13.0, None, GateLimits(rmse_max_min=12.0)).reasons
    ('the RMSE of 13.000 minutes is above 12.000',)
    """
    reasons = []
    if not math.isfinite(rmse_min):
        reasons.append(f"the RMSE is {rmse_min} minutes")
    elif limits.rmse_max_min is not None and rmse_min > limits.rmse_max_min:
        reasons.append(f"the RMSE of {rmse_min:.3f} minutes is above {limits.rmse_max_min:.3f}")
    if comparison is not None and not comparison.difference_min <= noise_margin_min(comparison, limits):
        reasons.append(
            f"the RMSE is {comparison.difference_min:.3f} minutes above that of the champion {comparison.champion},"
            f" and the noise margin is {noise_margin_min(comparison, limits):.3f}"
        )
    return Verdict(passed=not reasons, reasons=tuple(reasons))


def noise_margin_min(comparison: Comparison, limits: GateLimits) -> float:
    """Return by how many minutes a version may be behind the champion."""
    return limits.noise_factor * comparison.standard_error_min
