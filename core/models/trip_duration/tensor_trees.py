"""The trees of :mod:`core.models.trip_duration.trees` for a device that is quick with whole arrays, such as a GPU.

All rows go down all trees together, a level at a time. Nothing is rounded on the way: a level compares, and a row's sum is
formed in the order of the trees, as on the CPU. So both say the same, bit for bit, wherever numbers are IEEE 754 doubles.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.trip_duration.features import FloatArray
from core.models.trip_duration.trees import LEAF, Trees
from core.utilities.array_device import ArrayDevice

STEPS = 2**22
"""Trees times rows that are under way at once: some 0.3 GB of a device's memory, and enough to keep it busy."""


class TensorTrees:
    """Trees on a device. Instances never change, but for what the device keeps of them.

    Parameters
    ----------
    trees : Trees
        On the CPU.
    device : ArrayDevice
        Where they are copied to, 21 bytes a node.
    """

    def __init__(self, trees: Trees, device: ArrayDevice) -> None:
        firsts = np.cumsum(trees.nodes) - trees.nodes
        leaf = trees.feature == LEAF
        own = np.arange(len(leaf), dtype=np.int32)
        right = (trees.right + np.repeat(firsts, trees.nodes)).astype(np.int32)
        # Where a leaf leads to itself, all trees can take as many steps as the deepest.
        lefts, rights = np.where(leaf, own, own + 1).astype(np.int32), np.where(leaf, own, right)
        depths = _depths(lefts, rights, firsts)
        deepest_first = np.argsort(-depths, kind="stable")
        self._device = device
        self._start = trees.start
        self._roots = firsts[deepest_first].astype(np.int32)
        self._places = np.argsort(deepest_first).tolist()
        self._active = [int((depths > level).sum()) for level in range(int(depths.max()))]
        self._feature = device.put(np.where(leaf, 0, trees.feature).astype(np.int32))
        self._number = device.put(np.ascontiguousarray(trees.number, dtype=np.float64))
        self._left = device.put(lefts)
        self._right = device.put(rights)
        self._missing_left = device.put(np.ascontiguousarray(trees.missing_left, dtype=np.bool_))

    def predict(self, matrix: FloatArray) -> FloatArray:
        """Add up what the trees say of each row, (n_rows,) float64, of (n_rows, n_features) float64 on the CPU."""
        rows = max(1, STEPS // len(self._roots))
        blocks = [self._predict(matrix[first : first + rows]) for first in range(0, len(matrix), rows)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def _predict(self, matrix: FloatArray) -> FloatArray:
        rows, width = matrix.shape
        put = self._device.put
        values = put(np.ascontiguousarray(matrix).reshape(-1))
        starts = put((np.arange(rows, dtype=np.int32) * np.int32(width)).reshape(1, rows))
        node = put(np.repeat(self._roots[:, None], rows, axis=1))
        for active in self._active:
            node[:active, :] = self._step(node[:active, :], values, starts)
        said = self._pick(self._number, node)
        total = put(np.full(rows, self._start))
        for place in self._places:
            total = total + said[place, :]
        return self._device.get(total)

    def _step(self, node: Any, values: Any, starts: Any) -> Any:  # noqa: ANN401 (the device's arrays)
        """Return where each row goes from its node, (n_trees, n_rows) int32."""
        xp = self._device.xp
        value = self._pick(values, starts + self._pick(self._feature, node))
        left = (value <= self._pick(self._number, node)) | (xp.isnan(value) & self._pick(self._missing_left, node))
        return xp.where(left, self._pick(self._left, node), self._pick(self._right, node))

    def _pick(self, values: Any, places: Any) -> Any:  # noqa: ANN401
        """Return the values at places of any shape; the standard's ``take`` knows one dimension."""
        xp = self._device.xp
        return xp.reshape(xp.take(values, xp.reshape(places, (-1,)), axis=0), places.shape)


def _depths(lefts: NDArray[np.int32], rights: NDArray[np.int32], roots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the steps from each root to its deepest leaf, (n_trees,)."""
    depth = np.zeros(len(lefts), dtype=np.int64)
    own = np.arange(len(lefts))
    # A branch's number is greater than its node's, so that level by level ends.
    level = np.unique(roots)
    while len(level):
        inner = level[lefts[level] != own[level]]
        for branch in (lefts[inner], rights[inner]):
            depth[branch] = depth[inner] + 1
        level = np.concatenate([lefts[inner], rights[inner]])
    tree = np.searchsorted(roots, own, side="right") - 1
    depths = np.zeros(len(roots), dtype=np.int64)
    np.maximum.at(depths, tree, depth)
    return depths
