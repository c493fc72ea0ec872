"""Devices that every machine has, in a GPU's place."""

from typing import Any

import array_api_strict
import numpy as np
from numpy.typing import NDArray

from core.utilities.array_device import ArrayDevice

CPU = array_api_strict.Device("CPU_DEVICE")
ELSEWHERE = array_api_strict.Device("device1")


def numpy_device(name: str = "cuda:0 made up") -> ArrayDevice:
    """NumPy: as quick as can be without a GPU."""
    return ArrayDevice(name=name, xp=np, put=np.copy, get=np.asarray)


def strict_device() -> ArrayDevice:
    """The standard and nothing more, and arrays that lie elsewhere: whoever mixes them with those of the CPU fails."""

    def put(values: NDArray[Any]) -> Any:
        return array_api_strict.asarray(np.array(values), device=ELSEWHERE)

    def get(values: Any) -> NDArray[Any]:
        assert values.device == ELSEWHERE
        return np.asarray(values.to_device(CPU))

    return ArrayDevice(name="cuda:0 strict", xp=array_api_strict, put=put, get=get)
