"""The answer for a zone pair that training never saw: a shrunken effect of each zone, and the distance.

``docs/models.md`` tells how the design was chosen and what it measures.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge

from core.models.trip_duration.features import ZONES, FloatArray, IntArray

CURVE_KNOTS_MILES = (5.0, 15.0, 30.0)
"""The duration bends here: short trips crawl, long ones use highways. Beyond 30 miles it is flat, because
no trip of the training data lasts more than an hour."""
ZONE_SLOPE_MILES = 10.0
"""A zone changes the pace of the first ten miles; the rest of a trip lies elsewhere."""
ZONE_SCALES = (1.0, 0.1, 0.6)
"""Prior width of a zone's offset, of its minutes a mile, and of its offset where no distance was recorded."""
ALPHA = 6.0
PAIR_WEIGHT_POWER = 1.5
"""A trip weighs ``trips_of_its_pair ** -1.5``: unseen pairs are rare ones, so the rare ones must speak."""
SHORTEST_MIN = 1.0
LONGEST_MIN = 60.0
"""Trips of the training data last 1..60 minutes; the fallback does not leave that range."""


def parameters() -> dict[str, Any]:
    """Return all that decides the fit, for the manifest."""
    return {
        "curve_knots_miles": list(CURVE_KNOTS_MILES),
        "zone_slope_miles": ZONE_SLOPE_MILES,
        "zone_scales": list(ZONE_SCALES),
        "alpha": ALPHA,
        "pair_weight_power": PAIR_WEIGHT_POWER,
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class ZoneFallback:
    """Minutes from zones and distance, without looking at the pair.

    ``intercept + zone_terms(d) . (pickup[p] + dropoff[q]) + curve_terms(d) . curve``, bounded to 1..60 minutes.

    Parameters
    ----------
    intercept : float
        Minutes.
    curve : ndarray, (4,) float64
        Coefficients of :func:`curve_terms`.
    pickup, dropoff : ndarray, (266, 3) float64
        Coefficients of :func:`zone_terms` for each zone id; 0 for a zone that training never saw.
    """

    intercept: float
    curve: FloatArray
    pickup: FloatArray
    dropoff: FloatArray

    @classmethod
    def fit(cls, pickup: IntArray, dropoff: IntArray, distance: FloatArray, duration_min: FloatArray) -> Self:
        """Fit to trips, (n_trips,) each: ridge regression in which each pair has about the same say."""
        weights = _trips_of_pair(pickup, dropoff) ** -PAIR_WEIGHT_POWER
        ridge = _ridge(_design(pickup, dropoff, distance), duration_min, weights)
        split = (ZONES + 1) * len(ZONE_SCALES)
        zones = ridge.coef_[: 2 * split].reshape(2, ZONES + 1, len(ZONE_SCALES)) * np.array(ZONE_SCALES)
        return cls(intercept=float(ridge.intercept_), curve=ridge.coef_[2 * split :], pickup=zones[0], dropoff=zones[1])

    @classmethod
    def from_coefficients(
        cls, pickup: IntArray, dropoff: IntArray, coefficients: FloatArray, *, intercept: float, slope: float
    ) -> Self:
        """Derive a fallback from a model that has a coefficient for each pair, where its trips are gone.

        The coefficients, (n_pairs,), are taken for sums of an effect of each zone, shrunk as in :meth:`fit`.

        Parameters
        ----------
        pickup, dropoff : ndarray, (n_pairs,) int64
            Zones of the pairs.
        coefficients : ndarray, (n_pairs,) float64
            Minutes that each pair adds to the intercept.
        intercept, slope : float
            Minutes, and minutes a mile, of that model.
        """
        design = sparse.hstack([_one_hot(pickup), _one_hot(dropoff)]).tocsr()
        ridge = _ridge(design, coefficients, None)
        zones = np.zeros((2, ZONES + 1, len(ZONE_SCALES)))
        zones[:, :, 0] = ridge.coef_.reshape(2, ZONES + 1)
        curve = np.array([0.0] * (len(CURVE_KNOTS_MILES) - 1) + [slope, 0.0])
        return cls(intercept=intercept + float(ridge.intercept_), curve=curve, pickup=zones[0], dropoff=zones[1])

    def transform(self, pickup: IntArray, dropoff: IntArray, distance: FloatArray) -> FloatArray:
        """Predict minutes, (n_rows,) float64, from zone ids and miles, (n_rows,) each."""
        zones = self.pickup[pickup] + self.dropoff[dropoff]
        unrecorded = distance == 0.0
        # The sums of `zones * zone_terms` and `curve_terms * curve`, added in the same order: no matrix is built.
        minutes = self.intercept + (
            (zones[:, 0] + zones[:, 1] * np.minimum(distance, ZONE_SLOPE_MILES)) + zones[:, 2] * unrecorded
        )
        first, second, third = (
            np.minimum(distance, knot) * slope for knot, slope in zip(CURVE_KNOTS_MILES, self.curve, strict=False)
        )
        minutes += ((first + second) + third) + unrecorded * self.curve[-1]
        bounded: FloatArray = np.minimum(np.maximum(minutes, SHORTEST_MIN), LONGEST_MIN)
        return bounded


def zone_terms(distance: FloatArray) -> FloatArray:
    """Return what a zone's coefficients multiply, (n_rows, 3): 1, the first ten miles, whether distance is 0."""
    return np.column_stack([np.ones_like(distance), np.minimum(distance, ZONE_SLOPE_MILES), distance == 0.0])


def curve_terms(distance: FloatArray) -> FloatArray:
    """Return the distance cut off at each knot, and whether it is 0 (not recorded), (n_rows, 4)."""
    return np.column_stack([*(np.minimum(distance, knot) for knot in CURVE_KNOTS_MILES), distance == 0.0])


def _trips_of_pair(pickup: IntArray, dropoff: IntArray) -> FloatArray:
    _, pair, counts = np.unique(pickup * (ZONES + 1) + dropoff, return_inverse=True, return_counts=True)
    trips: FloatArray = counts[pair].astype(np.float64)
    return trips


def _one_hot(zones: IntArray) -> sparse.csr_array:
    rows = np.arange(len(zones))
    return sparse.csr_array((np.ones(len(zones)), (rows, zones)), shape=(len(zones), ZONES + 1))


def _zone_block(zones: IntArray, terms: FloatArray) -> sparse.csr_array:
    """Place each row's terms at its zone: (n_rows, 266 * 3)."""
    rows, width = terms.shape
    columns = zones[:, None] * width + np.arange(width)
    shape = (rows, (ZONES + 1) * width)
    return sparse.csr_array((terms.ravel(), (np.repeat(np.arange(rows), width), columns.ravel())), shape=shape)


def _design(pickup: IntArray, dropoff: IntArray, distance: FloatArray) -> sparse.csr_array:
    terms = zone_terms(distance) * np.array(ZONE_SCALES)
    curve = sparse.csr_array(curve_terms(distance))
    return sparse.hstack([_zone_block(pickup, terms), _zone_block(dropoff, terms), curve]).tocsr()


def _ridge(design: sparse.csr_array, target: FloatArray, weights: FloatArray | None) -> Ridge:
    return Ridge(alpha=ALPHA, solver="lsqr", tol=1e-10, max_iter=10_000).fit(design, target, sample_weight=weights)
