"""Gradient-boosted trees in a form that is small to store and quick to ask.

scikit-learn grows the trees and walks them; what it keeps beside (gains, counts, bins) is left out: 12 bytes a node
instead of 56. A call of its walk costs as much as sixty rows, so a few rows ask all trees in one call: the trees hang
together below nodes that look at a column with the number of the tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from threadpoolctl import threadpool_limits

from core.models.trip_duration.features import FloatArray

LEAF = -1
FEW_ROWS = 64
"""Up to so many rows ask all trees at once; more ask one tree after another, as their copies would cost more."""
_NO_CATEGORIES = np.zeros((0, 8), dtype=np.uint32)


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How trees are grown.

    Parameters
    ----------
    trees : int
        Over all chunks.
    leaves, leaf_rows : int
        Leaves of a tree at most, and rows of a leaf at least.
    learning_rate : float
        Share of what a tree says that counts.
    features_a_split : float
        Share of the features that a split chooses from, drawn anew each time.
    """

    trees: int = 200
    leaves: int = 127
    leaf_rows: int = 40
    learning_rate: float = 0.045
    features_a_split: float = 0.4

    def grow(self, matrix: FloatArray, target: FloatArray, *, trees: int, seed: int) -> HistGradientBoostingRegressor:
        """Grow trees for the squared error; the same input gives the same trees, bit for bit.

        On one thread: with more, the order of a sum depends on who comes first. The limit holds for the calling
        thread alone, so several may grow trees at once.
        """
        regressor = HistGradientBoostingRegressor(
            max_iter=trees,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf_rows,
            max_features=self.features_a_split,
            early_stopping=False,
            random_state=seed,
        )
        with threadpool_limits(1, user_api="openmp"):
            return regressor.fit(matrix, target)


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees one behind another; each tree's nodes in the order "node, left branch, right branch".

    Parameters
    ----------
    start : float
        What the sum begins with.
    nodes : ndarray, (n_trees,) int64
        Nodes of each tree.
    feature : ndarray, (n_nodes,) int8
        Column that a node looks at; -1 for a leaf.
    number : ndarray, (n_nodes,) float64
        Highest value that goes left; a leaf's addend.
    right : ndarray, (n_nodes,) uint16
        The right branch, counted from the first node of the tree.
    missing_left : ndarray, (n_nodes,) bool
        Whether NaN goes left.
    """

    start: float
    nodes: NDArray[np.int64]
    feature: NDArray[np.int8]
    number: FloatArray
    right: NDArray[np.uint16]
    missing_left: NDArray[np.bool_]
    _walkers: tuple[TreePredictor, ...] = field(init=False, repr=False)
    _forests: dict[int, TreePredictor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ends = np.cumsum(self.nodes)
        if not len(ends) or not all(
            len(part) == ends[-1] for part in (self.feature, self.number, self.right, self.missing_left)
        ):
            raise ValueError("there are no trees, or their parts differ in length")
        parts = zip(ends - self.nodes, ends, strict=True)
        walkers = tuple(self._walker(slice(int(a), int(b))) for a, b in parts)
        object.__setattr__(self, "_walkers", walkers)
        object.__setattr__(self, "_forests", {})

    def __reduce__(self) -> tuple[Any, ...]:
        # Unpickling goes through the constructor: the parts are checked again, as a walk checks nothing.
        return type(self), (self.start, self.nodes, self.feature, self.number, self.right, self.missing_left)

    @classmethod
    def of(cls, regressors: Sequence[HistGradientBoostingRegressor]) -> Self:
        """Take the trees out of regressors, whose predictions add up."""
        grown = [stage[0].nodes for regressor in regressors for stage in regressor._predictors]
        nodes = np.concatenate(grown)
        leaf = nodes["is_leaf"].astype(bool)
        return cls(
            start=float(sum(regressor._baseline_prediction.item() for regressor in regressors)),
            nodes=np.array([len(tree) for tree in grown], dtype=np.int64),
            feature=np.where(leaf, LEAF, nodes["feature_idx"]).astype(np.int8),
            number=np.where(leaf, nodes["value"], nodes["num_threshold"]),
            right=nodes["right"].astype(np.uint16),
            missing_left=nodes["missing_go_to_left"].astype(bool),
        )

    def predict(self, matrix: FloatArray) -> FloatArray:
        """Add up what the trees say of each row, (n_rows,) float64, of (n_rows, n_features) float64.

        The sum of a row is formed in the order of the trees, so it does not depend on the rows beside it.
        """
        if len(matrix) <= FEW_ROWS:
            return self._predict_few(matrix)
        total = np.full(len(matrix), self.start)
        for walker in self._walkers:
            total += _walk(walker, matrix)
        return total

    def _predict_few(self, matrix: FloatArray) -> FloatArray:
        rows, width = matrix.shape
        trees = len(self.nodes)
        copies = np.empty((trees, rows, width + 1))
        copies[:, :, :width] = matrix
        copies[:, :, width] = np.arange(trees)[:, None]
        said = np.empty((trees + 1, rows))
        said[0] = self.start
        said[1:] = _walk(self._forest(width), copies.reshape(-1, width + 1)).reshape(trees, rows)
        # Unlike a sum, which adds in pairs, this adds one after another, as the loop over the trees does.
        total: FloatArray = np.cumsum(said, axis=0)[-1]
        return total

    def _walker(self, part: slice) -> TreePredictor:
        """Return scikit-learn's form of one tree."""
        leaf = self.feature[part] == LEAF
        nodes = np.zeros(len(leaf), dtype=PREDICTOR_RECORD_DTYPE)
        left, right = np.arange(1, len(leaf) + 1), self.right[part]
        if len(leaf) == 0 or not (left[~leaf] < right[~leaf]).all() or not (right[~leaf] < len(leaf)).all():
            raise ValueError("a tree's branches lead out of it, or back")
        nodes["is_leaf"] = leaf
        nodes["feature_idx"] = np.where(leaf, 0, self.feature[part])
        nodes["value"] = np.where(leaf, self.number[part], 0.0)
        nodes["num_threshold"] = np.where(leaf, 0.0, self.number[part])
        nodes["left"] = np.where(leaf, 0, left)
        nodes["right"] = np.where(leaf, 0, right)
        nodes["missing_go_to_left"] = self.missing_left[part]
        return TreePredictor(nodes, _NO_CATEGORIES, _NO_CATEGORIES)

    def _forest(self, column: int) -> TreePredictor:
        """Return all trees as one, for rows that have the number of a tree in ``column``; built once for each."""
        if column not in self._forests:
            self._forests[column] = _joined(self._walkers, column)
        return self._forests[column]


def _walk(walker: TreePredictor, matrix: FloatArray) -> FloatArray:
    said: FloatArray = walker.predict(matrix, _NO_CATEGORIES, np.zeros(matrix.shape[1], dtype=np.uint32), 1)
    return said


def _joined(walkers: Sequence[TreePredictor], column: int) -> TreePredictor:
    """Hang trees below a balanced tree of nodes that look at ``column``, where the number of a tree stands."""
    switches = np.zeros(len(walkers) - 1, dtype=PREDICTOR_RECORD_DTYPE)
    parts, roots, first = [switches], [], len(switches)
    for walker in walkers:
        moved = walker.nodes.copy()
        inner = moved["is_leaf"] == 0
        moved["left"][inner] += first
        moved["right"][inner] += first
        roots.append(first)
        parts.append(moved)
        first += len(moved)
    free = iter(range(len(switches)))

    def join(low: int, high: int) -> int:
        """Return the node that leads to the trees ``low..high``."""
        if high - low == 1:
            return roots[low]
        node, middle = next(free), (low + high) // 2
        switches[node]["feature_idx"], switches[node]["num_threshold"] = column, middle - 0.5
        switches[node]["left"], switches[node]["right"] = join(low, middle), join(middle, high)
        return node

    join(0, len(walkers))
    return TreePredictor(np.concatenate(parts), _NO_CATEGORIES, _NO_CATEGORIES)
