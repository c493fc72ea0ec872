"""Small made-up trips that the tests fit models to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.trip_duration.features import DISTANCE, DROPOFF, PICKUP, FloatArray, derive


def made_up_trips(rows: int = 400) -> tuple[dict[str, NDArray[Any]], FloatArray]:
    """Return derived columns and minutes of trips between zones 1..12 and 130 to 205; 3 minutes and 4 a mile."""
    random = np.random.default_rng(7)
    pickup, dropoff = random.integers(1, 13, rows), random.integers(1, 13, rows)
    pickup[:5], dropoff[:5] = 130, 205
    distance = random.uniform(0.5, 9.0, rows)
    minutes = 3.0 + 4.0 * distance + 0.3 * pickup + random.normal(0.0, 0.5, rows)
    return derive({PICKUP: pickup, DROPOFF: dropoff, DISTANCE: distance}), minutes
