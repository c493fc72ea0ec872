"""How the trees of one kind come about, chunk by chunk."""

from typing import Any

import numpy as np

from core.models.trip_duration.features import FloatArray
from core.models.trip_duration.trees import Growth, Trees


class Boosting:
    """Trees under way: each chunk of trips grows its share of them on what the ones before leave unexplained.

    Parameters
    ----------
    growth : Growth
        How the trees are grown, and how many over all chunks.
    width : int
        Columns of a chunk's matrix that the trees look at: the first ones.
    chunks : int
        How many chunks there will be.
    seed : int
        Of the first chunk; the next ones count on.
    """

    def __init__(self, growth: Growth, *, width: int, chunks: int, seed: int) -> None:
        self._growth = growth
        self._width = width
        self._seed = seed
        self._shares = [len(part) for part in np.array_split(np.arange(growth.trees), chunks)]
        self._regressors: list[Any] = []

    def learn(self, matrix: FloatArray, target: FloatArray) -> None:
        """Grow the next chunk's share of the trees; none, where there are more chunks than trees.

        Parameters
        ----------
        matrix : ndarray, (n_trips, width or more) float64
            Of this chunk; read only, so that several kinds may look at the same.
        target : ndarray, (n_trips,) float64
            What is to be explained.
        """
        number = len(self._regressors)
        if number == len(self._shares) or not self._shares[number]:
            return
        seen = matrix[:, : self._width]
        left = target - self.trees().predict(seen) if number else target
        self._regressors.append(self._growth.grow(seen, left, trees=self._shares[number], seed=self._seed + number))

    def trees(self) -> Trees:
        """Return all that were grown so far."""
        return Trees.of(self._regressors)
