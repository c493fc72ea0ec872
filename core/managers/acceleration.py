"""Bring a loaded version to the device, if its family has a form for one, and prove it there."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

import numpy as np

from core.handlers.predictor import Predictor
from core.managers.accelerator import Accelerated, Accelerator
from core.managers.artifacts import LoadedModel
from core.utilities.errors import DeviceError

DEVICE_TOLERANCE = 1e-9
"""Relative, and absolute below 1: as far as a device's answer may be from the CPU's. As for golden rows, this is room for
another order of a sum, not for another precision."""
LARGEST_PROOF_ROWS = 10_000


def accelerate(model: LoadedModel, accelerator: Accelerator | None) -> LoadedModel:
    """Return a version that computes large batches on the device, or the same one with the reason why it does not.

    The form answers the golden rows, repeated to as many as a batch for the device has at least. That proves it where it
    will work, and compiles what the library compiles at the first call. Nothing here stops a version from serving: the CPU
    always can. It logs nothing, as it may run beside the hub.

    Parameters
    ----------
    model : LoadedModel
        Proven on the CPU.
    accelerator : Accelerator or None
        None: this process computes on the CPU.
    """
    if accelerator is None:
        return model
    try:
        form = model.handler.on_device(model.predictor, accelerator.device)
        if form is None:
            return model
        _prove(model, form, accelerator)
    except Exception as error:  # noqa: BLE001 (libraries have errors of their own)
        reason = f"{type(error).__name__}: {error}"
        return replace(model, device_note=f"is served from the CPU, not from {accelerator.device.name} ({reason})")
    return replace(
        model,
        accelerated=Accelerated(model.predictor, form, accelerator),
        device_note=f"computes batches of {accelerator.min_rows} rows and more on {accelerator.device.name}",
    )


def _prove(model: LoadedModel, form: Predictor, accelerator: Accelerator) -> None:
    golden = model.manifest.golden_rows.columns if model.manifest is not None else model.handler.example
    rows = max(len(next(iter(golden.values()))), min(accelerator.min_rows, LARGEST_PROOF_ROWS))
    features = model.handler.features_of(model.predictor, _repeated(golden, rows))
    wanted = np.asarray(model.predictor.transform(features), dtype=np.float64)
    given = accelerator.compute(form, features, rows=rows)
    off = np.abs(given - wanted) / np.maximum(1.0, np.abs(wanted))
    worst = float(off.max())
    if not worst <= DEVICE_TOLERANCE:
        raise DeviceError(f"golden rows differ by up to {worst:.1e}, more than {DEVICE_TOLERANCE:g}")


def _repeated(columns: Mapping[str, list[Any]], rows: int) -> dict[str, list[Any]]:
    return {name: list(islice(cycle(values), rows)) for name, values in columns.items()}
