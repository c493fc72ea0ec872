"""What zones and distance say about a trip: where it starts and ends, how far that is, and how much of a detour it is."""

import numpy as np

from core.models.trip_duration.features import DROPOFF, PICKUP, ZONES, FloatArray, IntArray

MILES_A_DEGREE = (69.0, 52.3)
"""Of latitude and of longitude, in New York."""
DIRECTIONS_DEG = (0, 29, 60)
"""The maps' north, the avenues of Manhattan, and a third that lies between: a tree splits along an axis, streets do not."""
SHORTEST_AIR_MILES = 0.3
"""Where a detour is told as a ratio: a trip within a zone has no distance as the crow flies."""
COLUMNS = (
    PICKUP, DROPOFF, "miles", "extra_miles", "detour", "air_miles",
    *(
        f"{name}_{angle}"
        for angle in DIRECTIONS_DEG
        for name in ("pickup_y", "pickup_x", "dropoff_y", "dropoff_x", "across_y", "across_x", "blocks")
    ),
    "middle_y", "middle_x",
)  # fmt: skip
"""Names of the columns of :func:`trip_matrix`, in order."""
TIME_COLUMNS = ("hour", "weekday")
"""Names of the columns of :func:`time_matrix`."""


def zone_places(centroids: FloatArray) -> FloatArray:
    """Return where zones lie, in miles along each direction, (266, 6) float64.

    Parameters
    ----------
    centroids : ndarray, (266, 2) float64
        Latitude and longitude by zone id; NaN where a zone has no place.
    """
    miles = centroids * np.array(MILES_A_DEGREE)
    turned = []
    for angle in np.deg2rad(DIRECTIONS_DEG):
        cosine, sine = np.cos(angle), np.sin(angle)
        north, east = miles[:, 0], miles[:, 1]
        turned += [cosine * north + sine * east, cosine * east - sine * north]
    return np.column_stack(turned)


def trip_matrix(pickup: IntArray, dropoff: IntArray, distance: FloatArray, places: FloatArray) -> FloatArray:
    """Return what trees look at but for the time, (n_rows, 29) float64; NaN where something is not known.

    Parameters
    ----------
    pickup, dropoff : ndarray, (n_rows,) int64
        Zones, 1..265.
    distance : ndarray, (n_rows,) float64
        Miles; 0 stands for "not recorded".
    places : ndarray, (266, 6) float64
        As :func:`zone_places` gives them.
    """
    start, end = places[pickup], places[dropoff]
    across = end - start
    air = np.hypot(across[:, 0], across[:, 1])
    miles = np.where(distance == 0.0, np.nan, distance)
    matrix = np.empty((len(pickup), len(COLUMNS)))
    matrix[:, 0], matrix[:, 1], matrix[:, 2] = pickup, dropoff, miles
    matrix[:, 3], matrix[:, 4], matrix[:, 5] = miles - air, miles / np.maximum(air, SHORTEST_AIR_MILES), air
    for number in range(len(DIRECTIONS_DEG)):
        axes, first = slice(2 * number, 2 * number + 2), 6 + 7 * number
        matrix[:, first : first + 2] = start[:, axes]
        matrix[:, first + 2 : first + 4] = end[:, axes]
        matrix[:, first + 4 : first + 6] = across[:, axes]
        matrix[:, first + 6] = np.abs(across[:, 2 * number]) + np.abs(across[:, 2 * number + 1])
    matrix[:, -2:] = (start[:, :2] + end[:, :2]) / 2.0
    return matrix


def time_matrix(seconds: IntArray) -> FloatArray:
    """Return hour of the day (to the minute) and weekday (0: Monday), (n_rows, 2) float64.

    Parameters
    ----------
    seconds : ndarray, (n_rows,) int64
        Local time in seconds since 1970-01-01T00:00, a Thursday.
    """
    days, second = np.divmod(seconds, 86_400)
    return np.column_stack([second // 60 / 60.0, (days + 3) % 7])


def pair_index(pickup: IntArray, dropoff: IntArray) -> IntArray:
    """Return a number for each zone pair, below 266 * 266."""
    return pickup * (ZONES + 1) + dropoff
