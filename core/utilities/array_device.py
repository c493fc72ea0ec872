"""Where arrays are computed on: a library in the shape of NumPy, and the way to its memory and back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # whoever only reads a name needs no NumPy
    from numpy.typing import NDArray


def nothing() -> None:
    """Do nothing: what has no memory of its own has none to give back."""


@dataclass(frozen=True, kw_only=True)
class ArrayDevice:
    """A device and the library that computes there.

    Parameters
    ----------
    name : str
        As people and the heartbeat name it, ``cuda:0 NVIDIA H200``.
    xp : module
        Functions of the Python array API standard (https://data-apis.org/array-api), such as ``xp.take``. Code that
        uses no others runs on any such library: CuPy on a GPU, NumPy in a test.
    put : callable
        Copies an ndarray to the device.
    get : callable
        Waits for an array of the device, and returns it as an ndarray.
    release : callable
        Gives memory back that is free and kept for later.
    """

    name: str
    xp: Any
    put: "Callable[[NDArray[Any]], Any]"
    get: "Callable[[Any], NDArray[Any]]"
    release: Callable[[], object] = nothing
