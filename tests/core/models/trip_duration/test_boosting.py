import pickle
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from core.models.trip_duration.boosting import Boosting
from core.models.trip_duration.features import FloatArray
from core.models.trip_duration.trees import Growth, Trees

RANDOM = np.random.default_rng(7)
MATRIX = RANDOM.normal(size=(900, 5))
TARGET = MATRIX[:, 0] * 3 + (MATRIX[:, 1] > 0) + 10 * MATRIX[:, 4]
GROWTH = Growth(trees=11, leaves=15, leaf_rows=5)
WIDTH = 4


def boosted(chunks: int) -> Trees:
    kind = Boosting(GROWTH, width=WIDTH, chunks=chunks, seed=3)
    for number in range(chunks):
        kind.learn(MATRIX[number::chunks], TARGET[number::chunks])
    return kind.trees()


def by_hand(shares: list[int], chunks: int) -> Trees:
    """The same, written out: a matrix of its own for each chunk, and the residuals of all regressors before it."""
    grown: list[Any] = []
    for number, share in enumerate(shares):
        matrix: FloatArray = MATRIX[number::chunks, :WIDTH].copy()
        left = TARGET[number::chunks] - (Trees.of(grown).predict(matrix) if grown else 0.0)
        grown.append(GROWTH.grow(matrix, left, trees=share, seed=3 + number))
    return Trees.of(grown)


@pytest.mark.parametrize(("chunks", "shares"), [(1, [11]), (3, [4, 4, 3]), (13, [1] * 11)])
def test_the_trees_are_those_that_each_chunk_grows_on_what_is_left_bit_for_bit(chunks: int, shares: list[int]) -> None:
    assert pickle.dumps(boosted(chunks)) == pickle.dumps(by_hand(shares, chunks))


def test_columns_beyond_its_own_are_not_looked_at() -> None:
    assert boosted(3).feature.max() < WIDTH


def test_the_matrix_is_left_as_it_was() -> None:
    before = MATRIX.copy()
    boosted(3)
    assert np.array_equal(MATRIX, before)


def test_the_trees_do_not_depend_on_how_many_threads_there_are() -> None:
    with threadpool_limits(1):
        alone = pickle.dumps(boosted(3))
    with threadpool_limits(4):
        assert pickle.dumps(boosted(3)) == alone
