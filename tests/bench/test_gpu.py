import re
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest

from bench import gpu, gpu_routes
from config import ROOT
from core.managers.artifacts import LoadedModel, find_champion, load_version
from core.managers.gpu import find_gpu
from core.schemas.catalog import TIP_SHARE, TRIP_DURATION, CatalogEntry
from core.utilities.errors import DeviceError
from tests.devices import numpy_device


def champion(entry: CatalogEntry) -> LoadedModel:
    return load_version(find_champion(ROOT / "repo" / "models", entry.model), entry=entry)


def test_it_measures_both_sides_on_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "CALLS", 1)
    lines = gpu.lines(champion(TRIP_DURATION), numpy_device(), gpu.made_up_trips(70), sizes=(1, 70))
    assert [(line.rows, line.equal, line.worst) for line in lines] == [(1, 1, 0.0), (70, 70, 0.0)]
    assert all(line.cpu_ms > 0 and line.device_ms > 0 for line in lines)


def test_made_up_trips_have_a_time_every_second_trip() -> None:
    assert np.isnat(gpu.made_up_trips(10)["pickup_datetime"]).tolist() == [True, False] * 5


def test_a_model_without_a_form_is_refused() -> None:
    with pytest.raises(DeviceError, match="no form"):
        gpu.lines(champion(TIP_SHARE), numpy_device(), {}, sizes=(1,))


def test_without_a_gpu_it_says_that_nothing_is_measured() -> None:
    with suppress(DeviceError):
        pytest.skip(f"there is one: {find_gpu().name}")
    said = subprocess.run(
        [sys.executable, "-m", "bench.gpu", "--most", "100"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "What a GPU gains is NOT measured" in said
    assert [int(rows) for rows in re.findall(r"^ +(\d+)", said, re.MULTILINE)] == [1, 10, 100]
    assert len(re.findall(r" 0\.0e\+00$", said, re.MULTILINE)) == 3


def test_the_routes_have_a_name_that_can_be_looked_for() -> None:
    assert set(gpu_routes.ROUTES) == {"hummingbird", "nvforest", "treelite"}
