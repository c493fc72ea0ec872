"""What the tip model reads. Training and serving both call :func:`derive`, so that they cannot drift apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

PICKUP = "PULocationID"
DROPOFF = "DOLocationID"
FARE = "fare_amount"
BAND = "fare_band"
BAND_STARTS_DOLLARS = (5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 50.0)
"""Bands end below these; a passenger who rounds up gives a larger share of a small fare."""


def derive(columns: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Turn raw columns into what the model reads.

    Parameters
    ----------
    columns : mapping of str to array-like
        ``PULocationID``, ``DOLocationID`` (whole numbers) and ``fare_amount`` (dollars), (n_rows,) each.

    Returns
    -------
    dict of str to ndarray
        The three as arrays, and ``fare_band`` (int64, 0..7), (n_rows,) each.

    Examples
    --------
    >>> derive({"PULocationID": [130], "DOLocationID": [205], "fare_amount": [14.5]})["fare_band"].tolist()
    [3]
    """
    fare = np.array(columns[FARE], dtype=np.float64)
    return {
        PICKUP: np.array(columns[PICKUP], dtype=np.int64),
        DROPOFF: np.array(columns[DROPOFF], dtype=np.int64),
        FARE: fare,
        BAND: np.searchsorted(BAND_STARTS_DOLLARS, fare, side="right").astype(np.int64),
    }
