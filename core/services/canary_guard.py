"""Whether a canary may go on, by what it and the champion answered over the same period."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

CERTAINTY = 3.0
"""Standard deviations: by chance alone one canary in a thousand is stopped for its errors, at each look."""
MIN_ERRORS = 5
SLOWEST = 0.05
"""Share of a version's batches that its 95th percentile leaves out."""
MIN_SLOW = 5
CHANCE_SHIFT = 27.9
"""The stability index of two samples of one distribution is ``1 / n + 1 / m`` times a chi-squared variable, as it is
Pearson's statistic to second order. This is its 99.9 % quantile for ten bins, which have nine degrees of freedom."""


@dataclass(frozen=True, kw_only=True)
class GuardLimits:
    """How far a canary may be from the champion.

    Parameters
    ----------
    min_rows : int
        Of each, before times and predictions are compared.
    max_error_excess : float
        Share of failed rows beyond the champion's, 0..1.
    max_slowdown : float
        Of the 95th percentile of a batch's computation, times the champion's.
    min_slowdown_ms : float
        A smaller difference is nobody's concern.
    max_shift : float
        Of the predictions, as population stability index beyond what chance does; 0: they are not compared.
    """

    min_rows: int = 200
    max_error_excess: float = 0.02
    max_slowdown: float = 2.0
    min_slowdown_ms: float = 5.0
    max_shift: float = 0.25


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one version answered: rows, those without a prediction, and the times of its batches, (n_batches,)."""

    rows: int
    errors: int
    costs_ms: Sequence[float] = ()

    @property
    def error_rate(self) -> float:
        """Share of rows without a prediction, 0..1."""
        return self.errors / self.rows if self.rows else 0.0


def judge(canary: Side, champion: Side, *, shift: float | None, limits: GuardLimits) -> str | None:
    """Return why the canary must be stopped, None if it may go on.

    Errors are looked at from the fifth one on, so that a version that fails always is stopped soon; times and
    predictions once there are ``min_rows`` of each.

    Parameters
    ----------
    canary, champion : Side
        Of the same period.
    shift : float or None
        Population stability index of the canary's predictions over the champion's; None if not known.
    limits : GuardLimits
        The bounds.

    Examples
    --------
    >>> judge(Side(rows=10, errors=10), Side(rows=90, errors=0), shift=None, limits=GuardLimits())
    'it failed on 100.0 % of 10 rows, the champion on 0.0 % of 90'
    """
    bound = champion.error_rate + limits.max_error_excess
    if canary.errors >= MIN_ERRORS and lowest_share(canary.errors, canary.rows) > bound:
        return (
            f"it failed on {canary.error_rate:.1%} of {canary.rows} rows,"
            f" the champion on {champion.error_rate:.1%} of {champion.rows}"
        ).replace("%", " %")
    if min(canary.rows - canary.errors, champion.rows - champion.errors) < limits.min_rows:
        return None
    return _slowness(canary, champion, limits) or _shift(canary, champion, shift, limits)


def lowest_share(hits: int, of: int) -> float:
    """Return the lower end of Wilson's interval for a share, ``CERTAINTY`` standard deviations wide on each side.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Examples
    --------
    >>> lowest_share(0, 10)
    0.0
    >>> round(lowest_share(10, 10), 3)
    0.526
    """
    share, spread = hits / of, CERTAINTY**2 / of
    centre = share + spread / 2
    return max(0.0, (centre - CERTAINTY * sqrt((share * (1 - share) + spread / 4) / of)) / (1 + spread))


def _slowness(canary: Side, champion: Side, limits: GuardLimits) -> str | None:
    """Return why it is too slow: more than a twentieth of its batches, beyond chance, took longer than they may.

    A batch that the machine held up says nothing of the canary, and makes all its rows late: batches are counted.
    """
    if not canary.costs_ms or not champion.costs_ms:
        return None
    usual_ms = _p95(champion.costs_ms)
    bound_ms = max(limits.max_slowdown * usual_ms, usual_ms + limits.min_slowdown_ms)
    slow, batches = sum(cost_ms > bound_ms for cost_ms in canary.costs_ms), len(canary.costs_ms)
    if slow < MIN_SLOW or lowest_share(slow, batches) <= SLOWEST:
        return None
    return (
        f"95 % of its batches took up to {_p95(canary.costs_ms):.1f} ms, the champion's {usual_ms:.1f} ms;"
        f" {slow} of {batches} took longer than the {bound_ms:.1f} ms that they may"
    )


def _p95(values: Sequence[float]) -> float:
    """Return the value that a twentieth of them exceed."""
    return sorted(values)[-1 - int(SLOWEST * len(values))]


def _shift(canary: Side, champion: Side, shift: float | None, limits: GuardLimits) -> str | None:
    chance = CHANCE_SHIFT * sum(1 / (side.rows - side.errors) for side in (canary, champion))
    if not limits.max_shift or shift is None or shift <= limits.max_shift + chance:
        return None
    return (
        f"its predictions are not distributed as the champion's: stability index {shift:.2f} over {canary.rows} rows,"
        f" more than {limits.max_shift:g} and the {chance:.2f} that chance may do"
    )
