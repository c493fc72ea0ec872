from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from config import ROOT
from core.managers.acceleration import DEVICE_TOLERANCE, accelerate
from core.managers.accelerator import Accelerator
from core.managers.artifacts import LoadedModel, find_champion, load_version
from core.managers.model_cache import ModelCache
from core.schemas.catalog import CATALOG, TIP_SHARE, TRIP_DURATION, CatalogEntry
from core.utilities.array_device import ArrayDevice
from tests.devices import numpy_device, strict_device

MODELS = ROOT / "repo" / "models"


def champion(entry: CatalogEntry = TRIP_DURATION) -> LoadedModel:
    return load_version(find_champion(MODELS, entry.model), entry=entry)


def batch(rows: int) -> dict[str, list[Any]]:
    random = np.random.default_rng(2)
    return {
        "PULocationID": random.integers(1, 266, rows).tolist(),
        "DOLocationID": random.integers(1, 266, rows).tolist(),
        "trip_distance": random.exponential(3.0, rows).round(2).tolist(),
        "pickup_datetime": ["2021-02-03T10:20:30" if late else None for late in random.random(rows) < 0.5],
    }


def spoilt(by: float) -> ArrayDevice:
    """A device whose answers are a little off."""
    good = numpy_device()
    return replace(good, get=lambda values: good.get(values) * (1.0 + by))


@pytest.mark.parametrize("device", [numpy_device(), strict_device()], ids=lambda device: device.name)
def test_a_version_answers_large_batches_on_the_device_as_on_the_cpu(device: ArrayDevice) -> None:
    model, accelerator = champion(), Accelerator(device, min_rows=50)
    there = accelerate(model, accelerator)
    assert f"computes batches of 50 rows and more on {device.name}" in there.device_note
    columns = batch(120)
    assert there.predict(columns).predictions == model.predict(columns).predictions
    assert (accelerator.batches, accelerator.failures) == (1, 0)


def test_a_wrong_row_of_a_large_batch_fails_alone_on_the_device_too() -> None:
    model, accelerator = champion(), Accelerator(numpy_device(), min_rows=50)
    columns = batch(120)
    columns["trip_distance"][7] = -1.0
    outcome = accelerate(model, accelerator).predict(columns)
    assert outcome.predictions == model.predict(columns).predictions
    assert (list(outcome.errors), accelerator.batches) == ([7], 1)


def test_a_device_that_says_something_else_is_not_used() -> None:
    accelerator = Accelerator(spoilt(by=1e-8), min_rows=1)
    model = accelerate(champion(), accelerator)
    assert model.accelerated is None
    assert "is served from the CPU" in model.device_note
    assert f"more than {DEVICE_TOLERANCE:g}" in model.device_note


def test_a_device_that_says_nearly_the_same_is_used() -> None:
    assert accelerate(champion(), Accelerator(spoilt(by=1e-11), min_rows=1)).accelerated is not None


def test_a_device_that_fails_the_proof_is_not_used() -> None:
    def full(_values: Any) -> Any:
        raise MemoryError("out of memory")

    model = accelerate(champion(), Accelerator(replace(numpy_device(), put=full), min_rows=1))
    assert model.accelerated is None
    assert "MemoryError: out of memory" in model.device_note


def test_a_family_without_a_form_for_devices_is_left_as_it_is() -> None:
    model = champion(TIP_SHARE)
    assert accelerate(model, Accelerator(numpy_device(), min_rows=1)) is model


def test_without_a_device_nothing_changes() -> None:
    model = champion()
    assert accelerate(model, None) is model


def test_a_cache_names_the_device_while_a_version_that_it_holds_uses_it() -> None:
    device = numpy_device()
    used = ModelCache(CATALOG, models_dir=MODELS, bare={}, accelerator=Accelerator(device, min_rows=50))
    assert used.device == device.name
    wrong = ModelCache(CATALOG, models_dir=MODELS, bare={}, accelerator=Accelerator(spoilt(by=0.1), min_rows=50))
    assert wrong.device == "cpu"
    assert ModelCache(CATALOG, models_dir=MODELS, bare={}).device == "cpu"


def test_a_cache_counts_and_names_the_cpu_while_the_device_rests() -> None:
    accelerator = Accelerator(numpy_device(), min_rows=50)
    models = ModelCache(CATALOG, models_dir=MODELS, bare={}, accelerator=accelerator)
    accelerator.note_failure(MemoryError("out of memory"))
    assert (models.device, models.device_counts) == ("cpu", (0, 1))
