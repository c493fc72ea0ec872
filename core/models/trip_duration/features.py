"""What the trip-duration model reads: the raw columns and the one that is derived from them.

Training and serving both call :func:`derive`, so that they cannot drift apart.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PICKUP = "PULocationID"
DROPOFF = "DOLocationID"
DISTANCE = "trip_distance"
PICKUP_TIME = "pickup_datetime"
PAIR = "PU_DO"
ZONES = 265
"""TLC taxi zones are numbered 1..265; arrays by zone have 266 entries and leave the first unused."""


def pair_names(pickup: Iterable[int], dropoff: Iterable[int]) -> list[str]:
    """Name the zone pair of each trip.

    Examples
    --------
    >>> pair_names([130], [205])
    ['130_205']
    """
    return [f"{start}_{end}" for start, end in zip(pickup, dropoff, strict=True)]


def as_arrays(columns: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Turn raw columns into arrays of their own: the zone ids as int64, the distance as float64, (n_rows,) each."""
    return {
        PICKUP: np.array(columns[PICKUP], dtype=np.int64),
        DROPOFF: np.array(columns[DROPOFF], dtype=np.int64),
        DISTANCE: np.array(columns[DISTANCE], dtype=np.float64),
    }


def as_timed_arrays(columns: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Return what :func:`as_arrays` gives, and local times as datetime64[s], NaT where there is none, if there are any."""
    arrays = as_arrays(columns)
    if PICKUP_TIME in columns:
        arrays[PICKUP_TIME] = np.array(columns[PICKUP_TIME], dtype="datetime64[s]")
    return arrays


def derive(columns: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Turn raw columns into the arrays that a predictor takes.

    Parameters
    ----------
    columns : mapping of str to array-like
        ``PULocationID``, ``DOLocationID`` (whole numbers) and ``trip_distance`` (miles), (n_rows,) each.

    Returns
    -------
    dict of str to ndarray
        What :func:`as_arrays` gives, and ``PU_DO`` as (n_rows,) object array of strings like ``"130_205"``.
    """
    arrays = as_arrays(columns)
    names = pair_names(arrays[PICKUP].tolist(), arrays[DROPOFF].tolist())
    return {**arrays, PAIR: np.array(names, dtype=object)}


def zones_of(pairs: Iterable[str]) -> tuple[IntArray, IntArray]:
    """Read the zone ids back from pair names.

    Returns
    -------
    tuple of ndarray
        Pickup and drop-off zone, (n_pairs,) int64 each.

    Raises
    ------
    ValueError
        If a name is not ``"<zone>_<zone>"`` with zones of 1..265.
    """
    parts = [pair.split("_") for pair in pairs]
    if not all(len(part) == 2 and all(_is_zone(zone) for zone in part) for part in parts):  # noqa: PLR2004 (a pair)
        raise ValueError(f"a zone pair is not named like 130_205, with zones of 1..{ZONES}")
    zones = np.array(parts, dtype=np.int64).reshape(-1, 2)
    return zones[:, 0], zones[:, 1]


def _is_zone(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= ZONES
