"""Rebuild the pickle that scikit-learn 1.0.2 on numpy 1 wrote: its attributes, its version, its module names."""

import io
import pickle
import warnings
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression

PAIRS = {"130_205": -10.5, "1_2": 3.25, "1_3": 4.25, "7_2": 5.0}
INTERCEPT = 26.0
SLOPE = 0.5


def old_state() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes of the vectorizer and of the regression."""
    names = [*(f"PU_DO={pair}" for pair in PAIRS), "trip_distance"]
    vectorizer = {
        "dtype": np.float64,
        "separator": "=",
        "sparse": True,
        "sort": True,
        "feature_names_": names,
        "vocabulary_": {name: index for index, name in enumerate(names)},
        "_sklearn_version": "1.0.2",
    }
    regression = {
        "fit_intercept": True,
        "normalize": "deprecated",
        "copy_X": True,
        "n_jobs": None,
        "positive": False,
        "n_features_in_": len(names),
        "coef_": np.array([*PAIRS.values(), SLOPE]),
        "_residues": np.array(0.0),
        "intercept_": np.float64(INTERCEPT),
        "_sklearn_version": "1.0.2",
    }
    return vectorizer, regression


def old_pickle() -> bytes:
    """Return such a pickle, ``(DictVectorizer, LinearRegression)``."""
    vectorizer, regression = DictVectorizer.__new__(DictVectorizer), LinearRegression.__new__(LinearRegression)
    for estimator, state in zip((vectorizer, regression), old_state(), strict=True):
        estimator.__dict__.update({key: value for key, value in state.items() if key != "_sklearn_version"})
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _OldPickler(buffer, protocol=4).dump((vectorizer, regression))
    # Names of the same length of frame do not exist, so the frame's length is written anew with the text.
    return _renamed(buffer.getvalue())


class _OldPickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, DictVectorizer | LinearRegression):
            # As sklearn's own __getstate__, with the version of then.
            reduced = tuple(object.__reduce_ex__(obj, 2))
            return (*reduced[:2], {**obj.__dict__, "_sklearn_version": "1.0.2"})
        return NotImplemented


def _renamed(content: bytes) -> bytes:
    """Write ``numpy._core`` as numpy 1 did, ``numpy.core``, in every name of a protocol-4 pickle."""
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    content = content.replace(bytes([0x8C, len(new)]) + new, bytes([0x8C, len(old)]) + old)
    # PROTO (2 bytes), FRAME opcode (1), length (8): a small pickle has one frame.
    assert content[2:3] == b"\x95"
    return content[:3] + (len(content) - 11).to_bytes(8, "little") + content[11:]
