"""A model whose answers are known and some of whose rows do harm."""

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

RAISES_MILES, HANGS_MILES, KILLS_MILES = 499.0, 498.0, 497.0
SLOW_MILES, SLOW_S = 496.0, 1.0
CLASS = "tests.chaos.poison.PoisonedModel"


class PoisonedModel:
    """Answers ten minutes and two a mile; three distances raise, hang, or end the process, one takes a second."""

    def transform(self, columns: Mapping[str, Any]) -> NDArray[np.float64]:
        """Predict the rows, (n_rows,) float64."""
        miles = np.asarray(columns["trip_distance"], dtype=np.float64)
        if (miles == KILLS_MILES).any():
            os.abort()
        if (miles == HANGS_MILES).any():
            time.sleep(3600)
        if (miles == SLOW_MILES).any():
            time.sleep(SLOW_S)
        if (miles == RAISES_MILES).any():
            raise ValueError("poison")
        return 10.0 + 2.0 * miles
