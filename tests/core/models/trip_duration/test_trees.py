import pickle

import numpy as np
import pytest

from core.models.trip_duration import trees
from core.models.trip_duration.features import FloatArray
from core.models.trip_duration.trees import Growth, Trees

RANDOM = np.random.default_rng(3)
MATRIX = np.where(RANDOM.uniform(size=(900, 4)) < 0.1, np.nan, RANDOM.normal(size=(900, 4)))
TARGET = np.nan_to_num(MATRIX[:, 0]) * 3 + np.where(np.isnan(MATRIX[:, 1]), 5.0, MATRIX[:, 1] > 0)
GROWTH = Growth(trees=30, leaves=15, leaf_rows=5)


@pytest.fixture(scope="module")
def grown() -> Trees:
    return Trees.of([GROWTH.grow(MATRIX, TARGET, trees=30, seed=0)])


def test_they_say_what_scikit_learn_says_bit_for_bit(grown: Trees) -> None:
    regressor = GROWTH.grow(MATRIX, TARGET, trees=30, seed=0)
    assert grown.predict(MATRIX).tolist() == regressor.predict(MATRIX).tolist()


def test_a_few_rows_ask_all_trees_at_once_and_get_the_same_bits(grown: Trees) -> None:
    whole = grown.predict(MATRIX).tolist()
    for rows in (1, 2, trees.FEW_ROWS, trees.FEW_ROWS + 1):
        assert grown.predict(MATRIX[:rows]).tolist() == whole[:rows]


def test_a_single_tree_is_asked_as_many_are() -> None:
    single = Trees.of([GROWTH.grow(MATRIX, TARGET, trees=1, seed=0)])
    assert single.predict(MATRIX[:3]).tolist() == single.predict(MATRIX)[:3].tolist()


def test_growing_twice_gives_the_same_bytes(grown: Trees) -> None:
    again = Trees.of([GROWTH.grow(MATRIX.copy(), TARGET.copy(), trees=30, seed=0)])
    assert pickle.dumps(again) == pickle.dumps(grown)


def test_what_several_regressors_say_adds_up() -> None:
    first = GROWTH.grow(MATRIX, TARGET, trees=5, seed=0)
    second = GROWTH.grow(MATRIX, TARGET - first.predict(MATRIX), trees=5, seed=1)
    together = Trees.of([first, second]).predict(MATRIX)
    assert together == pytest.approx(first.predict(MATRIX) + second.predict(MATRIX), abs=1e-12)


def test_a_copy_that_went_through_pickle_says_the_same(grown: Trees) -> None:
    assert pickle.loads(pickle.dumps(grown)).predict(MATRIX).tolist() == grown.predict(MATRIX).tolist()


def test_a_node_takes_a_dozen_bytes(grown: Trees) -> None:
    assert len(pickle.dumps(grown)) < 13 * int(grown.nodes.sum()) + 1000


def broken(grown: Trees, **parts: object) -> Trees:
    names = ("start", "nodes", "feature", "number", "right", "missing_left")
    return Trees(*(parts.get(name, getattr(grown, name)) for name in names))  # type: ignore[arg-type]


def test_branches_that_lead_out_of_their_tree_are_refused(grown: Trees) -> None:
    # scikit-learn's walk checks nothing: it would read memory that is not the tree's, or never end.
    with pytest.raises(ValueError, match="lead out"):
        broken(grown, right=np.full_like(grown.right, 60_000))
    with pytest.raises(ValueError, match="lead out"):
        broken(grown, right=np.zeros_like(grown.right))


def test_parts_of_different_length_are_refused(grown: Trees) -> None:
    short: FloatArray = grown.number[:-1]
    with pytest.raises(ValueError, match="differ in length"):
        broken(grown, number=short)
    with pytest.raises(ValueError, match="no trees"):
        broken(grown, nodes=grown.nodes[:0])
