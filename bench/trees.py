"""The benchmark's tree ensemble: 200 trees, trained once and kept under ``build/bench``.

Any benchmark can serve it: ``TRIP_DURATION_MODEL=<trees_artifact()>`` and ``MODEL_ALLOWED_CLASSES=<CLASS>``.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from bench.cache import cached
from bench.trips import generate_columns, reference
from core.models.trip_duration.features import DISTANCE, DROPOFF, PICKUP, derive

CLASS = "bench.trees.TreesModel"
TREES = 200
TRAINING_TRIPS = 50_000
NOISE_MIN = 3.0
"""Standard deviation of what a trip takes longer or shorter than the champion says; without it trees would stay small."""


class TreesModel:
    """Minutes from zone ids and miles, by a fitted ``HistGradientBoostingRegressor``."""

    def __init__(self, regressor: HistGradientBoostingRegressor) -> None:
        self.regressor = regressor

    def transform(self, columns: Mapping[str, Any]) -> NDArray[np.float64]:
        """Predict the rows as one matrix, (n_rows,) float64."""
        matrix = np.column_stack([columns[PICKUP], columns[DROPOFF], columns[DISTANCE]])
        minutes: NDArray[np.float64] = self.regressor.predict(matrix)
        return minutes


def trees_artifact() -> Path:
    """Return the pickled model; it is trained first if it is not there yet (some seconds)."""
    name = f"trees-{TREES}-scikit-learn-{sklearn.__version__}.pickle"
    return cached(name, lambda path: path.write_bytes(pickle.dumps(train())))


def train() -> TreesModel:
    """Fit to generated trips whose durations are the champion's with noise; the same model each time."""
    columns = generate_columns(TRAINING_TRIPS, seed=1)
    minutes = reference().transform(derive(columns))
    minutes = minutes + np.random.default_rng(0).normal(0.0, NOISE_MIN, len(minutes))
    matrix = np.column_stack([columns[PICKUP], columns[DROPOFF], columns[DISTANCE]])
    regressor = HistGradientBoostingRegressor(max_iter=TREES, early_stopping=False, random_state=0)
    return TreesModel(regressor.fit(matrix, minutes))
