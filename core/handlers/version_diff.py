"""How far apart two versions predict the same rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
WORST_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class VersionDiff:
    """Two versions on the same rows.

    Parameters
    ----------
    rows : int
        That both predicted.
    failed : (int, int)
        Rows that the first and the second version had no prediction for.
    mean_abs, median_abs, p95_abs, max_abs : float or None
        Of the absolute differences; None without rows.
    bound : float
        In the label's unit.
    share_beyond : float or None
        Of the rows whose difference is larger.
    quantiles : dict
        Level -> that quantile of the first and the second version's predictions.
    worst : list of int
        Places of the rows with the largest differences, the largest first.
    """

    rows: int
    failed: tuple[int, int]
    mean_abs: float | None
    median_abs: float | None
    p95_abs: float | None
    max_abs: float | None
    bound: float
    share_beyond: float | None
    quantiles: dict[str, tuple[float, float]]
    worst: list[int]


def compare(first: FloatArray, second: FloatArray, *, bound: float, worst: int = WORST_ROWS) -> VersionDiff:
    """Compare predictions of the same rows.

    Parameters
    ----------
    first, second : ndarray, (n_rows,) float64
        NaN where there is none.
    bound : float
        A larger difference is counted.
    worst : int
        How many rows are named.
    """
    failed = (int(np.isnan(first).sum()), int(np.isnan(second).sum()))
    places = np.flatnonzero(~np.isnan(first) & ~np.isnan(second))
    ours, theirs = first[places], second[places]
    apart = np.abs(theirs - ours)
    some = len(places) > 0
    return VersionDiff(
        rows=len(places),
        failed=failed,
        mean_abs=float(apart.mean()) if some else None,
        median_abs=float(np.median(apart)) if some else None,
        p95_abs=float(np.quantile(apart, 0.95)) if some else None,
        max_abs=float(apart.max()) if some else None,
        bound=bound,
        share_beyond=float((apart > bound).mean()) if some else None,
        quantiles={
            f"{level:g}": (float(np.quantile(ours, level)), float(np.quantile(theirs, level))) for level in QUANTILES
        }
        if some
        else {},
        worst=[int(places[index]) for index in np.argsort(-apart, kind="stable")[:worst] if apart[index] > 0],
    )
