"""The accelerator: the device that large batches go to, and what became of those that it failed.

A batch that the device fails is computed on the CPU, so nothing is lost and nothing is guessed. The device then rests:
one that is out of memory or gone would otherwise cost every batch the attempt.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.handlers.predictor import Predictor
from core.utilities.array_device import ArrayDevice
from core.utilities.errors import DeviceError

REST_S = 30.0
LONGEST_TOLD = 200
"""Characters of what a library says of a failure."""


class Accelerator:
    """One device of this process.

    Parameters
    ----------
    device : ArrayDevice
        Where to compute.
    min_rows : int
        Smaller batches stay on the CPU.
    turn : context manager
        Lets one thread at a time use the device. Where threads are patched it must be a lock of the system: native threads
        wait for it, never the hub.
    rest_s : float
        How long the device is left alone after a failure, in seconds.
    """

    def __init__(
        self,
        device: ArrayDevice,
        *,
        min_rows: int,
        turn: AbstractContextManager[Any] | None = None,
        rest_s: float = REST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.device = device
        self.min_rows = min_rows
        self.batches = 0
        """Batches that the device answered."""
        self.failures = 0
        """Batches that it failed, and the CPU answered."""
        self._turn = turn or threading.Lock()
        self._rest_s = rest_s
        self._clock = clock
        self._rests_until = float("-inf")
        self._reason = ""
        self._told = 0

    @property
    def resting(self) -> bool:
        """Whether a failure is so recent that all batches stay on the CPU."""
        return self._clock() < self._rests_until

    def compute(self, form: Predictor, columns: Mapping[str, Any], *, rows: int) -> NDArray[np.float64]:
        """Return what a model's form says on the device, (n_rows,) float64, all of it finite.

        Raises
        ------
        Exception
            Whatever the form or the library raises.
        DeviceError
            If it gave anything else.
        """
        with self._turn:
            predictions = np.asarray(form.transform(columns))
        if predictions.shape != (rows,) or predictions.dtype.kind not in "fiu" or not np.isfinite(predictions).all():
            raise DeviceError("it did not give one finite number a row")
        return predictions.astype(np.float64)

    def note_failure(self, error: Exception) -> None:
        """Count a batch that the device failed, and let it rest. Runs in a native thread: it must not log."""
        self._reason = f"{type(error).__name__}: {error}"[:LONGEST_TOLD]
        self._rests_until = self._clock() + self._rest_s
        self.failures += 1
        try:
            with self._turn:
                self.device.release()
        except Exception:  # noqa: BLE001 (a device that is gone has nothing to give back)
            return

    def news(self) -> str:
        """Return what is to be logged of failures since the last call; empty if there were none."""
        new, self._told = self.failures - self._told, self.failures
        if not new:
            return ""
        return (
            f"{self.device.name} failed {new} batch(es), which the CPU answered ({self._reason});"
            f" it rests for {self._rest_s:g} s; {self.failures} since the start"
        )


class Accelerated:
    """A model that computes large batches on the device, and all others, and those that fail there, on the CPU.

    Parameters
    ----------
    predictor : Predictor
        The model on the CPU.
    form : Predictor
        The same model on the device; neither changes the columns that it is given.
    accelerator : Accelerator
        The device.
    """

    def __init__(self, predictor: Predictor, form: Predictor, accelerator: Accelerator) -> None:
        self._predictor = predictor
        self._form = form
        self._accelerator = accelerator

    def transform(self, columns: Mapping[str, Any]) -> Any:  # noqa: ANN401 (what the model gives)
        """Predict, (n_rows,) float64."""
        accelerator = self._accelerator
        rows = len(next(iter(columns.values()), ()))
        if rows >= accelerator.min_rows and not accelerator.resting:
            try:
                predictions = accelerator.compute(self._form, columns, rows=rows)
            except Exception as error:  # noqa: BLE001 (libraries have errors of their own; the CPU answers in any case)
                accelerator.note_failure(error)
            else:
                accelerator.batches += 1
                return predictions
        return self._predictor.transform(columns)
