import numpy as np
import pytest

from core.models.trip_duration import tensor_trees
from core.models.trip_duration.tensor_trees import TensorTrees
from core.models.trip_duration.trees import LEAF, Growth, Trees
from core.utilities.array_device import ArrayDevice
from tests.devices import numpy_device, strict_device

RANDOM = np.random.default_rng(3)
MATRIX = np.where(RANDOM.uniform(size=(900, 4)) < 0.1, np.nan, RANDOM.normal(size=(900, 4)))
MATRIX[:3, 0] = np.inf, -np.inf, -0.0
TARGET = np.nan_to_num(MATRIX[:, 2]) * 3 + np.where(np.isnan(MATRIX[:, 1]), 5.0, MATRIX[:, 1] > 0)
GROWTH = Growth(trees=30, leaves=15, leaf_rows=5)


def grow(trees: int = 30, growth: Growth = GROWTH) -> Trees:
    return Trees.of([growth.grow(MATRIX, TARGET, trees=trees, seed=0)])


@pytest.mark.parametrize("device", [numpy_device(), strict_device()], ids=lambda device: device.name)
def test_they_say_on_a_device_what_they_say_here_bit_for_bit(device: ArrayDevice) -> None:
    grown = grow()
    there = TensorTrees(grown, device)
    for rows in (1, 64, 65, len(MATRIX)):
        assert there.predict(MATRIX[:rows]).tobytes() == grown.predict(MATRIX[:rows]).tobytes()


def test_a_value_at_a_threshold_goes_the_same_way() -> None:
    grown = grow()
    inner = grown.feature != LEAF
    at_thresholds = np.tile(MATRIX[:1], (int(inner.sum()), 1))
    at_thresholds[np.arange(len(at_thresholds)), grown.feature[inner]] = grown.number[inner]
    said = TensorTrees(grown, numpy_device()).predict(at_thresholds)
    assert said.tobytes() == grown.predict(at_thresholds).tobytes()


def test_rows_in_blocks_say_what_they_say_together(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = grow()
    there = TensorTrees(grown, numpy_device())
    monkeypatch.setattr(tensor_trees, "STEPS", 30 * 7)
    assert there.predict(MATRIX[:50]).tobytes() == grown.predict(MATRIX[:50]).tobytes()


def test_trees_without_a_single_split_say_their_mean() -> None:
    stump = grow(trees=2, growth=Growth(trees=2, leaves=15, leaf_rows=len(MATRIX)))
    assert stump.nodes.tolist() == [1, 1]
    there = TensorTrees(stump, numpy_device())
    assert there.predict(MATRIX[:5]).tolist() == stump.predict(MATRIX[:5]).tolist()


def test_no_rows_get_no_answers() -> None:
    assert TensorTrees(grow(), numpy_device()).predict(MATRIX[:0]).shape == (0,)


def test_asking_changes_neither_the_rows_nor_the_trees() -> None:
    there, rows = TensorTrees(grow(), numpy_device()), MATRIX.copy()
    first = there.predict(rows)
    assert there.predict(rows).tobytes() == first.tobytes()
    assert rows.tobytes() == MATRIX.tobytes()
