"""In CuPy's place, for a process that finds this folder on its path: a GPU that is made of NumPy.

It has what `core.managers.gpu` and the forms of our models ask for, and runs out of memory while the file that
``MADE_UP_GPU_FULL`` names is there.
"""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy import isnan, reshape, where

__all__ = ["asarray", "asnumpy", "cuda", "get_default_memory_pool", "isnan", "reshape", "take", "where"]


def asarray(values: Any) -> Any:
    return np.array(values)


def asnumpy(values: Any) -> Any:
    return np.array(values)


def take(values: Any, places: Any, axis: int) -> Any:
    full = os.environ.get("MADE_UP_GPU_FULL")
    if full and Path(full).exists():
        raise MemoryError("out of memory")
    return np.take(values, places, axis=axis)


def get_default_memory_pool() -> Any:
    return SimpleNamespace(free_all_blocks=lambda: None)


cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceProperties=lambda _number: {"name": b"Made Up"}))
