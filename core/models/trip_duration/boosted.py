"""The best design so far: boosted trees over zones, places and distance, with the time of pickup where it is known.

Two models in one: trees that never saw a time answer trips without one, so that they are as good as they can be.
``docs/models.md`` tells how the design was chosen and what it measures.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.models.trip_duration.boosting import Boosting
from core.models.trip_duration.features import DISTANCE, DROPOFF, PICKUP, PICKUP_TIME, ZONES, FloatArray, IntArray
from core.models.trip_duration.geometry import COLUMNS, TIME_COLUMNS, pair_index, time_matrix, trip_matrix, zone_places
from core.models.trip_duration.tensor_trees import TensorTrees
from core.models.trip_duration.trees import Growth, Trees
from core.utilities.array_device import ArrayDevice

Walk = Callable[[FloatArray], FloatArray]
"""What trees say of the rows of a matrix."""
UNTIMED = Growth(leaves=127)
TIMED = Growth(leaves=255)
"""Chosen by ``python -m bench.trip_boosted`` on splits by time of 2021-01."""
SEED = 0
CHUNK_ROWS = 2_000_000
"""More trips than these are learnt chunk by chunk, so that memory holds the matrix of one chunk: half a gigabyte."""
BLOCK_ROWS = 16_384
"""Rows that are predicted at a time: their matrix stays in the processor's cache."""
PLACES_SHAPE = (ZONES + 1, 6)


class BoostedTrips:
    """Minutes of a trip, by the trees for its kind: with a time of pickup, or without one.

    Instances never change, so any thread may call them.

    Parameters
    ----------
    places : ndarray, (266, 6) float64
        Where zones lie; see :func:`core.models.trip_duration.geometry.zone_places`.
    untimed, timed : Trees
        Over the columns of ``trip_matrix``, and over those and the ones of ``time_matrix``.
    seen : ndarray, (8845,) uint8
        A bit for each zone pair: whether training saw it.

    Raises
    ------
    ValueError
        If the parts are not of this design.
    """

    def __init__(self, places: FloatArray, untimed: Trees, timed: Trees, seen: NDArray[np.uint8]) -> None:
        widths = (len(COLUMNS), len(COLUMNS) + len(TIME_COLUMNS))
        if places.shape != PLACES_SHAPE or any(
            int(trees.feature.max()) >= width for trees, width in zip((untimed, timed), widths, strict=True)
        ):
            raise ValueError("the places or the trees are not of this design")
        self.places = places
        self.untimed = untimed
        self.timed = timed
        self._packed = seen
        self._seen = np.unpackbits(seen)[: (ZONES + 1) ** 2].astype(bool)

    def __reduce__(self) -> tuple[Any, ...]:
        # Unpickling goes through the constructor: the parts are checked again.
        return type(self), (self.places, self.untimed, self.timed, self._packed)

    @classmethod
    def fit(
        cls,
        columns: Mapping[str, NDArray[Any]],
        duration_min: FloatArray,
        *,
        centroids: FloatArray,
        untimed: Growth = UNTIMED,
        timed: Growth = TIMED,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Self:
        """Fit to trips that all have a time of pickup.

        Beyond ``chunk_rows`` trips the trees are shared out: each chunk grows its share of them on what the ones
        before it leave unexplained, which is what boosting does anyway. Every chunk has trips of the whole time. The
        two kinds grow side by side, a thread each, and know nothing of each other: the trees do not depend on how
        many threads there are.

        Parameters
        ----------
        columns : mapping of str to ndarray
            Zones, miles and times, (n_trips,) each.
        duration_min : ndarray, (n_trips,) float64
            Minutes.
        centroids : ndarray, (266, 2) float64
            Latitude and longitude by zone id.
        untimed, timed : Growth
            How the trees of either kind are grown.
        chunk_rows : int
            Trips whose matrix is held at once.
        """
        places = zone_places(centroids)
        seen = np.zeros((ZONES + 1) ** 2, dtype=bool)
        chunks = -(-len(duration_min) // chunk_rows)
        kinds = [
            Boosting(growth, width=width, chunks=chunks, seed=SEED)
            for growth, width in ((untimed, len(COLUMNS)), (timed, len(COLUMNS) + len(TIME_COLUMNS)))
        ]
        with ThreadPoolExecutor(len(kinds)) as threads:
            for number in range(chunks):
                part = slice(number, None, chunks)
                chunk = _part(columns, part)
                seen[pair_index(chunk[PICKUP].astype(np.int64), chunk[DROPOFF])] = True
                _learn(kinds, _timed(chunk, places), duration_min[part], threads)
        return cls(places, kinds[0].trees(), kinds[1].trees(), np.packbits(seen))

    def knows(self, pickup: IntArray, dropoff: IntArray) -> NDArray[np.bool_]:
        """Tell for each trip whether training saw its zone pair, (n_rows,) bool."""
        return self._seen[pair_index(pickup.astype(np.int64), dropoff)]

    def weights(self) -> dict[str, float]:
        """Return what the trees rest on: the share of each column in the nodes of either kind, such as ``timed hour``."""
        names = (*COLUMNS, *TIME_COLUMNS)
        shares: dict[str, float] = {}
        for kind, trees in (("untimed", self.untimed), ("timed", self.timed)):
            used = np.bincount(trees.feature[trees.feature >= 0], minlength=len(names))
            told = zip(names, (used / max(1, used.sum())).tolist(), strict=True)
            shares |= {f"{kind} {name}": share for name, share in told if share}
        return shares

    def transform(self, columns: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Predict minutes, (n_rows,) float64.

        Parameters
        ----------
        columns : mapping of str to ndarray
            As :func:`core.models.trip_duration.features.as_timed_arrays` gives them, (n_rows,) each.
        """
        return self.ask(columns, untimed=self.untimed.predict, timed=self.timed.predict)

    def on_device(self, device: ArrayDevice) -> "BoostedTripsOnDevice":
        """Return the same model with its trees on a device; it says the same, bit for bit."""
        return BoostedTripsOnDevice(self, device)

    def ask(self, columns: Mapping[str, NDArray[Any]], *, untimed: Walk, timed: Walk) -> FloatArray:
        """Predict minutes, (n_rows,) float64, by trees of either kind wherever they are walked."""
        rows = len(columns[PICKUP])
        if rows <= BLOCK_ROWS:
            return self._ask(columns, untimed, timed)
        starts = range(0, rows, BLOCK_ROWS)
        parts = [_part(columns, slice(start, start + BLOCK_ROWS)) for start in starts]
        return np.concatenate([self._ask(part, untimed, timed) for part in parts])

    def matrix(self, columns: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Return what the trees for trips with a time look at, (n_rows, 31); the time's columns are NaN without one."""
        times = columns.get(PICKUP_TIME, np.full(len(columns[PICKUP]), "NaT", dtype="datetime64[s]"))
        matrix = time_matrix(times.astype(np.int64))
        matrix[np.isnat(times)] = np.nan
        return np.column_stack([_trips(columns, self.places), matrix])

    def _ask(self, columns: Mapping[str, NDArray[Any]], untimed: Walk, timed: Walk) -> FloatArray:
        times = columns.get(PICKUP_TIME)
        known = np.zeros(0, dtype=bool) if times is None else ~np.isnat(times)
        if not known.any():
            return untimed(_trips(columns, self.places))
        if known.all():
            return timed(_timed(columns, self.places))
        minutes = np.empty(len(known))
        minutes[known] = timed(_timed(_part(columns, known), self.places))
        minutes[~known] = untimed(_trips(_part(columns, ~known), self.places))
        return minutes


class BoostedTripsOnDevice:
    """Minutes of a trip by trees that lie on a device; what they look at is worked out on the CPU.

    Parameters
    ----------
    trips : BoostedTrips
        The model.
    device : ArrayDevice
        Holds a copy of its trees.
    """

    def __init__(self, trips: BoostedTrips, device: ArrayDevice) -> None:
        self._trips = trips
        self._untimed = TensorTrees(trips.untimed, device)
        self._timed = TensorTrees(trips.timed, device)

    def transform(self, columns: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Predict minutes, (n_rows,) float64, as :meth:`BoostedTrips.transform` does."""
        return self._trips.ask(columns, untimed=self._untimed.predict, timed=self._timed.predict)


def parameters() -> dict[str, Any]:
    """Return all that decides the fit, for the manifest."""
    return {"untimed": vars(UNTIMED), "timed": vars(TIMED), "seed": SEED, "chunk_rows": CHUNK_ROWS}


def _learn(kinds: Sequence[Boosting], matrix: FloatArray, target: FloatArray, threads: Executor) -> None:
    """Let each kind learn from a chunk; the matrix is gone before the next one is built."""
    jobs = [threads.submit(kind.learn, matrix, target) for kind in kinds]
    for job in jobs:
        job.result()


def _part(columns: Mapping[str, NDArray[Any]], rows: slice | NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {name: values[rows] for name, values in columns.items()}


def _trips(columns: Mapping[str, NDArray[Any]], places: FloatArray) -> FloatArray:
    return trip_matrix(columns[PICKUP], columns[DROPOFF], columns[DISTANCE], places)


def _timed(columns: Mapping[str, NDArray[Any]], places: FloatArray) -> FloatArray:
    seconds = columns[PICKUP_TIME].astype("datetime64[s]").astype(np.int64)
    return np.column_stack([_trips(columns, places), time_matrix(seconds)])
