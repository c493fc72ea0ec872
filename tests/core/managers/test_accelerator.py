from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.managers.accelerator import REST_S, Accelerated, Accelerator
from core.utilities.array_device import ArrayDevice
from tests.devices import numpy_device

Transform = Callable[[NDArray[Any]], Any]


class Model:
    """Applies a function to its one column, and counts how often."""

    def __init__(self, function: Transform) -> None:
        self.calls = 0
        self._function = function

    def transform(self, columns: Mapping[str, NDArray[Any]]) -> Any:
        self.calls += 1
        return self._function(columns["x"])


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def out_of_memory(_values: NDArray[Any]) -> Any:
    raise MemoryError("out of memory")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accelerator(clock: Clock) -> Accelerator:
    return Accelerator(numpy_device(), min_rows=10, clock=clock)


def rows(number: int) -> dict[str, NDArray[Any]]:
    return {"x": np.arange(float(number))}


def test_a_large_batch_is_computed_on_the_device_and_a_smaller_one_is_not(accelerator: Accelerator) -> None:
    here, there = Model(lambda x: x * 2), Model(lambda x: x + x)
    model = Accelerated(here, there, accelerator)
    assert model.transform(rows(9)).tolist() == (np.arange(9) * 2.0).tolist()
    assert (here.calls, there.calls, accelerator.batches) == (1, 0, 0)
    assert model.transform(rows(10)).tolist() == (np.arange(10) * 2.0).tolist()
    assert (here.calls, there.calls, accelerator.batches) == (1, 1, 1)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (out_of_memory, "MemoryError: out of memory"),
        (lambda x: x * np.nan, "finite"),
        (lambda x: x[:-1], "finite"),
        (lambda x: x.astype(str), "finite"),
    ],
    ids=["raises", "not numbers", "too few", "texts"],
)
def test_a_batch_that_the_device_fails_is_answered_by_the_cpu(
    accelerator: Accelerator, broken: Transform, told: str
) -> None:
    model = Accelerated(Model(lambda x: x * 2), Model(broken), accelerator)
    assert model.transform(rows(10)).tolist() == (np.arange(10) * 2.0).tolist()
    assert (accelerator.failures, accelerator.batches) == (1, 0)
    news = accelerator.news()
    assert told in news
    assert "cuda:0 made up failed 1 batch" in news
    assert accelerator.news() == ""


def test_a_device_that_failed_rests_and_is_tried_again(accelerator: Accelerator, clock: Clock) -> None:
    full = True
    there = Model(lambda x: out_of_memory(x) if full else x * 2)
    model = Accelerated(Model(lambda x: x * 2), there, accelerator)
    for _ in range(3):
        model.transform(rows(10))
    assert (there.calls, accelerator.failures, accelerator.resting) == (1, 1, True)
    clock.now += REST_S
    full = False
    model.transform(rows(10))
    assert (there.calls, accelerator.failures, accelerator.batches, accelerator.resting) == (2, 1, 1, False)


def test_a_device_that_failed_gives_its_free_memory_back_and_one_that_is_gone_cannot(clock: Clock) -> None:
    given_back = []

    def release() -> None:
        given_back.append(True)
        raise RuntimeError("the device is lost")

    numpy_one = numpy_device()
    device = ArrayDevice(name="lost", xp=np, put=numpy_one.put, get=numpy_one.get, release=release)
    model = Accelerated(Model(lambda x: x), Model(out_of_memory), Accelerator(device, min_rows=1, clock=clock))
    assert model.transform(rows(2)).tolist() == [0.0, 1.0]
    assert given_back == [True]


def test_what_the_model_raises_on_both_is_raised(accelerator: Accelerator) -> None:
    model = Accelerated(Model(out_of_memory), Model(out_of_memory), accelerator)
    with pytest.raises(MemoryError):
        model.transform(rows(10))


def test_one_thread_at_a_time_uses_the_device() -> None:
    class Turn:
        inside = 0

        def __enter__(self) -> None:
            self.inside += 1

        def __exit__(self, *_: object) -> None:
            self.inside -= 1

    turn = Turn()
    seen: list[int] = []

    def there(values: NDArray[Any]) -> Any:
        seen.append(turn.inside)
        return values

    accelerator = Accelerator(numpy_device(), min_rows=1, turn=turn)
    model = Accelerated(Model(lambda x: x), Model(there), accelerator)
    model.transform(rows(2))
    assert (seen, turn.inside) == ([1], 0)
