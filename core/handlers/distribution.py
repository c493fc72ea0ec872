"""How far two distributions of predictions lie apart."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

FloatArray = NDArray[np.float64]

BINS = 10
"""Deciles of the champion: what the usual reading of the index (0.1 small, 0.25 large) is made for."""
SMALLEST_SHARE = 1e-4
"""Of an empty bin: its logarithm must be finite."""


def stability_index(candidate: FloatArray, champion: FloatArray) -> float:
    """Return the population stability index of the candidate's predictions over the champion's.

    ``sum((p - q) * ln(p / q))`` over bins that are the champion's deciles, where ``p`` and ``q`` are the shares of
    both in a bin. Symmetric in ``p`` and ``q``, 0 for equal shares. Source: Siddiqi, *Credit Risk Scorecards*, 2006.

    Parameters
    ----------
    candidate, champion : ndarray, (n_rows,) float64
        Finite predictions of the same rows.
    """
    edges = np.unique(np.quantile(champion, np.linspace(0, 1, BINS + 1)[1:-1]))
    ours, theirs = (_shares(predictions, edges) for predictions in (candidate, champion))
    return float(np.sum((ours - theirs) * np.log(ours / theirs)))


def ks_statistic(candidate: FloatArray, champion: FloatArray) -> float:
    """Return the two-sample Kolmogorov-Smirnov statistic, 0..1; its p-value says nothing of so many rows."""
    # "asymp" is how the p-value, which nobody reads, is found: the exact one takes seconds.
    return float(ks_2samp(candidate, champion, method="asymp").statistic)


def _shares(predictions: FloatArray, edges: FloatArray) -> FloatArray:
    counts = np.bincount(np.searchsorted(edges, predictions, side="right"), minlength=len(edges) + 1)
    # A bin that a small sample has nothing in may well hold half a row.
    return np.maximum(counts / len(predictions), max(SMALLEST_SHARE, 0.5 / len(predictions)))
