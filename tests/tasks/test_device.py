from collections.abc import Iterator

import pytest
from loguru import logger

from config import Settings
from core.utilities.array_device import ArrayDevice
from core.utilities.errors import DeviceError, SettingsError
from tasks.device import choose_device
from tests.devices import numpy_device


def none_there() -> ArrayDevice:
    raise DeviceError("no GPU can be used (made up)")


def never() -> ArrayDevice:
    raise AssertionError("nobody asked for a GPU")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    told: list[str] = []
    number = logger.add(lambda line: told.append(line.record["message"]))
    yield told
    logger.remove(number)


def test_a_gpu_that_is_there_is_chosen_and_named(lines: list[str]) -> None:
    chosen = choose_device(Settings(worker_gpu_rows=300), forks=False, find=numpy_device)
    assert chosen is not None
    assert (chosen.device.name, chosen.min_rows) == ("cuda:0 made up", 300)
    assert lines[-1].startswith("device: cuda:0 made up (WORKER_DEVICE=auto), for batches of 300 rows and more")


def test_without_one_it_is_the_cpu_and_the_log_says_why(lines: list[str]) -> None:
    assert choose_device(Settings(), forks=False, find=none_there) is None
    assert lines[-1] == "device: cpu (WORKER_DEVICE=auto: no GPU can be used (made up))"


def test_who_wants_the_cpu_gets_it_and_no_library_is_asked(lines: list[str]) -> None:
    assert choose_device(Settings(worker_device="cpu"), forks=False, find=never) is None
    assert lines[-1] == "device: cpu (WORKER_DEVICE=cpu)"


def test_who_wants_a_gpu_is_refused_without_one() -> None:
    with pytest.raises(SettingsError, match="WORKER_DEVICE: gpu is asked for, but no GPU can be used"):
        choose_device(Settings(worker_device="gpu"), forks=False, find=none_there)


def test_a_pool_of_forked_processes_computes_on_the_cpu(lines: list[str]) -> None:
    assert choose_device(Settings(), forks=True, find=never) is None
    assert "forked" in lines[-1]
    with pytest.raises(SettingsError, match="forked"):
        choose_device(Settings(worker_device="gpu"), forks=True, find=never)
