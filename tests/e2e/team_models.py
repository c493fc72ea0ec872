"""A model such as a team brings along, which does harm on request."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

RAISES, ANSWERS_NAN, IS_SLOW = 13, 14, 15
"""Pickup zones that make the model fail, answer NaN, or compute for ``trip_distance`` seconds."""
CLASS = "tests.e2e.team_models.TeamModel"


class TeamModel:
    """Answers ten minutes and the distance; some pickup zones do harm."""

    def transform(self, columns: Mapping[str, Any]) -> NDArray[np.float64]:
        """Predict the rows, (n_rows,) float64."""
        zones, miles = columns["PULocationID"], columns["trip_distance"]
        return np.array([_predict(int(zone), float(distance)) for zone, distance in zip(zones, miles, strict=True)])


def _predict(zone: int, miles: float) -> float:
    if zone == RAISES:
        raise RuntimeError("/secret/path: swordfish")
    if zone == ANSWERS_NAN:
        return float("nan")
    if zone == IS_SLOW:
        _compute_for(miles)
    return 10.0 + miles


def _compute_for(seconds: float) -> None:
    """Keep a core busy in Python code, the worst case: it holds the interpreter's lock."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))
