"""A model whose cost can be set while it serves: so much CPU time for each call, and so much for each row."""

import mmap
import pickle
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.models.trip_duration.features import DISTANCE

CLASS = "bench.dial.DialModel"
DURATION_MIN = 12.5
"""What it answers, whatever it is asked."""
_COST = struct.Struct("<dd")


class DialModel:
    """Answers a constant after having burnt CPU time.

    The two costs lie in a file that all processes map into memory, so one start serves a whole sweep.

    Parameters
    ----------
    path : str
        The file, as :func:`turn` writes it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with Path(path).open("rb") as file:
            self._cost = mmap.mmap(file.fileno(), _COST.size, access=mmap.ACCESS_READ)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.path,)

    def transform(self, columns: Mapping[str, Any]) -> NDArray[np.float64]:
        """Predict the rows, (n_rows,) float64."""
        rows = len(columns[DISTANCE])
        self.burn(rows)
        return np.full(rows, DURATION_MIN)

    def burn(self, rows: int) -> None:
        """Spend the cost of one call with ``rows`` rows.

        It is this thread's CPU time that counts: on a busy machine the clock on the wall would let a process that
        waits for a core get its work done for nothing.
        """
        per_call_us, per_row_us = _COST.unpack(self._cost)
        end = time.thread_time_ns() + int(1e3 * (per_call_us + per_row_us * rows))
        while time.thread_time_ns() < end:
            pass


def turn(path: Path, *, per_call_us: float, per_row_us: float) -> None:
    """Set the costs, in microseconds, of the models that map ``path``."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(_COST.pack(per_call_us, per_row_us))


def write_dial(folder: Path) -> tuple[Path, Path]:
    """Write a free dial and a pickle of its model into ``folder``; return both files."""
    dial, model = folder / "dial", folder / "dial.pickle"
    turn(dial, per_call_us=0.0, per_row_us=0.0)
    model.write_bytes(pickle.dumps(DialModel(str(dial))))
    return dial, model
