"""The arithmetic of the benchmark: medians with their spread, ratios, the crossover, confidence intervals."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import t as student_t

CONFIDENCE = 0.99
"""A comparison judges eight figures at once; at 95 % each, every third comparison of equals would find a difference."""


@dataclass(frozen=True)
class Spread:
    """A figure and how far its rounds lie apart, or the limits of its confidence interval."""

    middle: float
    low: float
    high: float

    @property
    def contains_one(self) -> bool:
        """Tell whether a ratio may be 1."""
        return self.low <= 1.0 <= self.high


def spread(values: Sequence[float]) -> Spread:
    """Return median, least and greatest of ``values``.

    Raises
    ------
    statistics.StatisticsError
        If there are none.
    """
    return Spread(statistics.median(values), min(values), max(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Return the ratio of the medians, and the least and greatest ratio of one round.

    Both hold a value a round, in the same order. Rounds are compared with themselves, so that a drift of the machine
    from round to round does not widen the spread.
    """
    rounds = [one / other for one, other in zip(over, under, strict=True)]
    return Spread(statistics.median(over) / statistics.median(under), min(rounds), max(rounds))


def crossover(points: Sequence[tuple[float, float]]) -> float | None:
    """Return the cost from which the ratio stays at 1 or above.

    Parameters
    ----------
    points : sequence of (float, float)
        Cost and ratio. Between two points the logarithm of the ratio is taken for a straight line.

    Returns
    -------
    float or None
        The cost; 0 if the ratio is never below 1; None if it is still below 1 at the greatest cost.

    Examples
    --------
    >>> crossover([(0.0, 0.5), (100.0, 2.0)])
    50.0
    """
    ordered = sorted(points)
    below = [index for index, (_, value) in enumerate(ordered) if value < 1.0]
    if not below:
        return 0.0
    if below[-1] == len(ordered) - 1:
        return None
    (cost, value), (next_cost, next_value) = ordered[below[-1]], ordered[below[-1] + 1]
    return cost + (next_cost - cost) * math.log(value) / (math.log(value) - math.log(next_value))


def confidence_interval(ratios: Sequence[float], *, confidence: float = CONFIDENCE) -> Spread:
    """Return the geometric mean of paired ratios and its confidence interval.

    Student's t on the logarithms: speed-ups multiply, and the rounds are few.

    Raises
    ------
    ValueError
        If there are fewer than two ratios.
    """
    if len(ratios) < 2:  # noqa: PLR2004 (one alone has no spread)
        raise ValueError("an interval needs two rounds at least")
    logs = [math.log(value) for value in ratios]
    middle = statistics.fmean(logs)
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    reach = float(student_t.ppf(0.5 + confidence / 2, len(logs) - 1)) * error
    return Spread(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach))
