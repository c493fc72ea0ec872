"""Which device a prediction worker computes on: what the settings ask for, and what is there."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from loguru import logger

from config import Settings
from core.managers.accelerator import Accelerator
from core.managers.gpu import find_gpu
from core.utilities.array_device import ArrayDevice
from core.utilities.errors import DeviceError, SettingsError


def choose_device(
    settings: Settings,
    *,
    forks: bool,
    turn: AbstractContextManager[Any] | None = None,
    find: Callable[[], ArrayDevice] = find_gpu,
) -> Accelerator | None:
    """Return the device for large batches, None for the CPU alone, and log which it is and why.

    Parameters
    ----------
    settings : Settings
        ``WORKER_DEVICE`` and ``WORKER_GPU_ROWS``.
    forks : bool
        The process computes in children that it forks, where a GPU that it has used cannot be used any more.
    turn : context manager, optional
        As :class:`core.managers.accelerator.Accelerator` takes it.
    find : callable
        Returns the GPU, or raises DeviceError.

    Raises
    ------
    SettingsError
        If a GPU is asked for and there is none.
    """
    wanted = settings.worker_device
    if wanted == "cpu":
        logger.info("device: cpu (WORKER_DEVICE=cpu)")
        return None
    try:
        device = _find_for_children() if forks else find()
    except DeviceError as error:
        if wanted == "gpu":
            raise SettingsError(f"WORKER_DEVICE: gpu is asked for, but {error}") from error
        logger.info("device: cpu (WORKER_DEVICE=auto: {})", error)
        return None
    logger.info(
        "device: {} (WORKER_DEVICE={}), for batches of {} rows and more of models that have a form for it",
        device.name,
        wanted,
        settings.worker_gpu_rows,
    )
    return Accelerator(device, min_rows=settings.worker_gpu_rows, turn=turn)


def _find_for_children() -> NoReturn:
    raise DeviceError("a pool of forked processes cannot share one")
