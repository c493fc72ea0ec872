"""Find the GPU, if there is one and CuPy is installed: the one place that imports it, in prediction workers only.

CuPy is an optional extra (``requirements/worker-gpu.txt``). ``docs/adr/0015-a-gpu-through-the-array-api.md`` says why it
is this library.
"""

from importlib.util import find_spec

from core.utilities.array_device import ArrayDevice
from core.utilities.errors import DeviceError

LIBRARY = "cupy"


def find_gpu() -> ArrayDevice:
    """Return the first GPU that is visible (``CUDA_VISIBLE_DEVICES`` decides which), after a computation there.

    Raises
    ------
    DeviceError
        If there is none, or it cannot be used; the message says why.
    """
    if find_spec(LIBRARY) is None:
        raise DeviceError("CuPy is not installed (requirements/worker-gpu.txt)")
    try:
        import cupy  # noqa: PLC0415 (seconds, and hundreds of MB: only where it is wanted)

        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        # What can be seen may still be of no use: a driver too old, a compiler that is missing.
        works = float(cupy.asnumpy(cupy.asarray([20.0]) + cupy.asarray([22.0]))[0]) == 42.0  # noqa: PLR2004
    except Exception as error:  # CuPy's errors have no common root, and its import raises others
        raise DeviceError(f"no GPU can be used ({type(error).__name__}: {error})") from error
    if not works:
        raise DeviceError(f"{name} does not add")
    return ArrayDevice(
        name=f"cuda:0 {name}",
        xp=cupy,
        put=cupy.asarray,
        get=cupy.asnumpy,
        release=cupy.get_default_memory_pool().free_all_blocks,
    )
