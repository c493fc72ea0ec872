"""The only design: a mean, and what either zone and the fare's band add to it, each shrunk towards nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.models.tip_share.features import BAND, BAND_STARTS_DOLLARS, DROPOFF, PICKUP

FloatArray = NDArray[np.float64]

ZONES = 265
"""TLC taxi zones are numbered 1..265; arrays by zone have 266 entries and leave the first unused."""
SHRINKAGE_ROWS = 50.0
"""A zone with so many rows counts for half of what they say."""
ROUNDS = 3
"""Each effect is what the others leave over; after three rounds they change in the fourth digit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ZoneTips:
    """``mean + band[b] + pickup[p] + dropoff[q]``.

    Parameters
    ----------
    mean : float
        Share of the fare.
    band : ndarray, (8,) float64
        By band of the fare.
    pickup, dropoff : ndarray, (266,) float64
        By zone id; 0 for a zone that training never saw.
    """

    mean: float
    band: FloatArray
    pickup: FloatArray
    dropoff: FloatArray

    @classmethod
    def fit(cls, columns: Mapping[str, NDArray[Any]], shares: FloatArray) -> Self:
        """Fit to rows as :func:`core.models.tip_share.features.derive` gives them, and their shares, (n_rows,)."""
        mean = float(np.mean(shares))
        keys = {BAND: columns[BAND], PICKUP: columns[PICKUP], DROPOFF: columns[DROPOFF]}
        sizes = {BAND: len(BAND_STARTS_DOLLARS) + 1, PICKUP: ZONES + 1, DROPOFF: ZONES + 1}
        effects = {name: np.zeros(size) for name, size in sizes.items()}
        for _ in range(ROUNDS):
            for name, key in keys.items():
                others = sum(effects[other][keys[other]] for other in keys if other != name)
                effects[name] = _shrunken_means(key, shares - mean - others, size=sizes[name])
        return cls(mean=mean, band=effects[BAND], pickup=effects[PICKUP], dropoff=effects[DROPOFF])

    def transform(self, columns: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Predict shares, (n_rows,) float64."""
        zones = self.pickup[columns[PICKUP]] + self.dropoff[columns[DROPOFF]]
        shares: FloatArray = (self.mean + self.band[columns[BAND]]) + zones
        return shares


def _shrunken_means(key: NDArray[np.int64], values: FloatArray, *, size: int) -> FloatArray:
    """Return for each key the sum of its values over their number and ``SHRINKAGE_ROWS``, (size,)."""
    sums = np.bincount(key, weights=values, minlength=size)
    means: FloatArray = sums / (np.bincount(key, minlength=size) + SHRINKAGE_ROWS)
    return means
