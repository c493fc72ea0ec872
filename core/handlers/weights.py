"""How far the weights of two predictors lie apart."""

from collections.abc import Mapping

import numpy as np

from core.handlers.predictor import Predictor
from core.schemas.evaluation import WeightShift

LARGEST = 10


def weights_of(predictor: Predictor) -> Mapping[str, float] | None:
    """Return what a predictor tells of itself by a method ``weights()``, name to number; None if it has none.

    Coefficients of a linear model; of trees, figures of their structure.
    """
    method = getattr(predictor, "weights", None)
    return method() if callable(method) else None


def weight_shift(candidate: Predictor, champion: Predictor) -> WeightShift | None:
    """Compare the weights of two predictors; None unless both are of the same class and tell them."""
    if type(candidate) is not type(champion):
        return None
    ours, theirs = weights_of(candidate), weights_of(champion)
    if ours is None or theirs is None:
        return None
    shared = sorted(ours.keys() & theirs.keys())
    moved = np.array([ours[name] - theirs[name] for name in shared])
    scale = float(np.linalg.norm([theirs[name] for name in shared])) or 1.0
    furthest = np.argsort(-np.abs(moved), kind="stable")[:LARGEST]
    return WeightShift(
        shared=len(shared),
        appeared=len(ours.keys() - theirs.keys()),
        vanished=len(theirs.keys() - ours.keys()),
        relative_shift=float(np.linalg.norm(moved)) / scale,
        largest={shared[index]: float(moved[index]) for index in furthest if moved[index]},
    )
