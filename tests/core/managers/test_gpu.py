import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from config import ROOT
from core.managers.acceleration import accelerate
from core.managers.accelerator import Accelerator
from core.managers.artifacts import find_champion, load_version
from core.managers.gpu import find_gpu
from core.schemas.catalog import TRIP_DURATION
from core.utilities.errors import DeviceError

MADE_UP = ROOT / "tests" / "made_up_gpu"


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget a library that is imported here, and again at the end."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "cupy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.delitem(sys.modules, "cupy")


@pytest.mark.usefixtures("no_cupy")
def test_what_is_found_has_a_name_and_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(MADE_UP)
    device = find_gpu()
    assert device.name == "cuda:0 Made Up"
    assert device.get(device.put(np.array([1.5]))).tolist() == [1.5]


@pytest.mark.usefixtures("no_cupy")
@pytest.mark.parametrize(
    ("library", "told"),
    [
        ("raise ImportError('libcuda.so.1 is not there')", "ImportError: libcuda.so.1 is not there"),
        ("", "AttributeError"),
    ],
)
def test_a_library_that_does_not_work_is_no_gpu(
    library: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cupy.py").write_text(library)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DeviceError, match=f"no GPU can be used.*{told}"):
        find_gpu()


@pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is installed")
def test_without_the_library_there_is_no_gpu() -> None:
    with pytest.raises(DeviceError, match=r"not installed.*worker-gpu"):
        find_gpu()


def test_the_champion_says_on_a_real_gpu_what_it_says_here() -> None:
    try:
        device = find_gpu()
    except DeviceError as error:
        pytest.skip(f"no GPU: {error}")
    model = load_version(find_champion(ROOT / "repo" / "models", TRIP_DURATION.model), entry=TRIP_DURATION)
    there = accelerate(model, Accelerator(device, min_rows=10_000))
    assert there.accelerated is not None, there.device_note
