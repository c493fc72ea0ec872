"""A design: one way to build a family's model from the same rows."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.handlers.predictor import Predictor

FloatArray = NDArray[np.float64]


class Design(Protocol):
    """How a model of one kind is fitted, and what it reads.

    A handler lists its designs by name; the catalog lists the same names, so that a caller may ask for one.
    """

    @property
    def predictor(self) -> type:
        """Class of what ``fit`` returns; a loaded artifact is known by it."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What decides the fit, for the manifest: JSON values."""
        ...

    def fit(self, columns: Mapping[str, NDArray[Any]], labels: FloatArray) -> Predictor:
        """Fit to raw columns and labels, (n_rows,) each; the same input gives the same model, bit for bit."""
        ...

    def features(self, columns: Mapping[str, Any]) -> Mapping[str, NDArray[Any]]:
        """Turn raw columns, (n_rows,) each, into what the predictor reads: a worker's hot path, without a data frame."""
        ...
