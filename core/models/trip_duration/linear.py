"""The reference design: a linear regression over the zone pair and the distance.

``DictVectorizer`` one-hot encodes ``PU_DO`` and passes ``trip_distance`` through; ``LinearRegression`` adds up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression

from core.models.trip_duration.fallback import ZoneFallback
from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, ZONES, FloatArray, zones_of

TOLERANCE = 1e-12
"""Of the sparse least-squares solver. scikit-learn's default (1e-6) stops 0.008 minutes early."""


def records(columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> list[dict[str, Any]]:
    """Return the rows as the vectorizer takes them: one dict of ``PU_DO`` and ``trip_distance`` each."""
    rows = zip(columns[PAIR], columns[DISTANCE], strict=True)
    return [{PAIR: pair, DISTANCE: float(distance)} for pair, distance in rows]


class PairRegression:
    """A fitted vectorizer and regression, and the fallback for pairs that they do not know.

    A known pair is answered by the same sum that ``regression.predict(vectorizer.transform(...))`` forms,
    ``(coef[PU_DO] + distance * coef[trip_distance]) + intercept``, bit for bit, read from a table of all zone pairs
    instead of built as a matrix. The fallback answers an unknown pair, and a sum that is not positive: no trip lasts
    -40 minutes. Instances never change, so any thread may call them.

    Parameters
    ----------
    vectorizer : DictVectorizer
        Fitted on :func:`records`.
    regression : LinearRegression
        Fitted on what the vectorizer gives; also one written by scikit-learn 1.0.2.
    fallback : ZoneFallback, optional
        Default: derived from the regression's coefficients.

    Raises
    ------
    ValueError
        If the two are not of this design, or do not fit each other.
    """

    def __init__(
        self, vectorizer: DictVectorizer, regression: LinearRegression, fallback: ZoneFallback | None = None
    ) -> None:
        self.vectorizer = vectorizer
        self.regression = regression
        coefficients, self._slope, self._intercept = _terms(vectorizer, regression)
        self._coefficients = coefficients
        self._table = _table(coefficients)
        self.fallback = fallback or _derived_fallback(coefficients, intercept=self._intercept, slope=self._slope)

    @classmethod
    def fit(cls, columns: Mapping[str, NDArray[Any]], duration_min: FloatArray) -> Self:
        """Fit to trips.

        Parameters
        ----------
        columns : mapping of str to ndarray
            As :func:`core.models.trip_duration.features.derive` gives them, (n_trips,) each.
        duration_min : ndarray, (n_trips,) float64
            Minutes.
        """
        vectorizer = DictVectorizer()
        regression = LinearRegression(tol=TOLERANCE).fit(vectorizer.fit_transform(records(columns)), duration_min)
        fallback = ZoneFallback.fit(columns[PICKUP], columns[DROPOFF], columns[DISTANCE], duration_min)
        return cls(vectorizer, regression, fallback)

    def __reduce__(self) -> tuple[Any, ...]:
        # Unpickling goes through the constructor: the lookup is rebuilt and the parts are checked again.
        return type(self), (self.vectorizer, self.regression, self.fallback)

    def knows(self, pairs: Iterable[str]) -> NDArray[np.bool_]:
        """Tell for each zone pair whether training saw it, (n_rows,) bool."""
        return np.array([pair in self._coefficients for pair in pairs], dtype=np.bool_)

    def weights(self) -> Mapping[str, float]:
        """Return the coefficient of each zone pair, of the distance, and the intercept, for comparison with others."""
        return {**self._coefficients, DISTANCE: self._slope, "intercept": self._intercept}

    def transform(self, columns: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Predict minutes, (n_rows,) float64.

        Parameters
        ----------
        columns : mapping of str to ndarray
            As :func:`core.models.trip_duration.features.as_arrays` gives them, (n_rows,) each, zones of 1..265.
        """
        distance = columns[DISTANCE]
        pairs = self._table.take(columns[PICKUP] * (ZONES + 1) + columns[DROPOFF])
        minutes: FloatArray = (pairs + distance * self._slope) + self._intercept
        left = ~(minutes > 0.0)  # NaN, the mark of an unknown pair, is not greater than 0 either
        if left.any():
            minutes[left] = self.fallback.transform(columns[PICKUP][left], columns[DROPOFF][left], distance[left])
        return minutes


def _terms(vectorizer: DictVectorizer, regression: LinearRegression) -> tuple[dict[str, float], float, float]:
    """Read the coefficient of each pair, the one of the distance, and the intercept."""
    vocabulary: dict[str, int] = vectorizer.vocabulary_
    prefix = f"{PAIR}{vectorizer.separator}"
    coefficients = np.ravel(regression.coef_)
    intercept = np.ravel(regression.intercept_)
    if len(coefficients) != len(vocabulary) or intercept.shape != (1,):
        raise ValueError("the regression was not fitted on what the vectorizer gives")
    if not np.isfinite(coefficients).all() or not np.isfinite(intercept).all():
        raise ValueError("the regression's coefficients are not finite")
    if DISTANCE not in vocabulary or not all(name == DISTANCE or name.startswith(prefix) for name in vocabulary):
        raise ValueError(f"the vectorizer's features are not {PAIR} and {DISTANCE}")
    values = coefficients.tolist()
    pairs = {name.removeprefix(prefix): values[index] for name, index in vocabulary.items() if name != DISTANCE}
    return pairs, values[vocabulary[DISTANCE]], float(intercept[0])


def _table(coefficients: Mapping[str, float]) -> FloatArray:
    """Return each pair's coefficient at ``pickup * 266 + dropoff``, (266 * 266,); NaN marks an unknown pair."""
    pickup, dropoff = zones_of(coefficients)
    table = np.full((ZONES + 1) ** 2, np.nan)
    table[pickup * (ZONES + 1) + dropoff] = list(coefficients.values())
    return table


def _derived_fallback(coefficients: Mapping[str, float], *, intercept: float, slope: float) -> ZoneFallback:
    pickup, dropoff = zones_of(coefficients)
    values = np.array(list(coefficients.values()), dtype=np.float64)
    return ZoneFallback.from_coefficients(pickup, dropoff, values, intercept=intercept, slope=slope)
