"""Rows with their outcome: what a model learns from, or is measured on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Feature columns and labels.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Raw columns, as they come in a request, (n_rows,) each.
    labels : ndarray, (n_rows,) float64
        What is to be predicted, in the family's unit.
    """

    columns: Mapping[str, NDArray[Any]]
    labels: NDArray[np.float64]
