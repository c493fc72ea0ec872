"""A worker beside a GPU that is made of NumPy: the whole way, but for the GPU itself."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from config import ROOT
from core.managers.artifacts import find_champion, load_version
from core.schemas.catalog import TRIP_DURATION
from tests.e2e.processes import ANSWER_TIMEOUT_S, START_TIMEOUT_S, Stack, wait_until

pytestmark = pytest.mark.slow

GPU = "cuda:0 Made Up"
COLUMNS = ("PULocationID", "DOLocationID", "trip_distance")


def some_trips(rows: int) -> dict[str, list[Any]]:
    random = np.random.default_rng(4)
    zones = (random.integers(1, 266, rows).tolist() for _ in range(2))
    return dict(zip(COLUMNS, (*zones, random.exponential(3.0, rows).round(2).tolist()), strict=True))


def ask(stack: Stack, columns: dict[str, list[Any]]) -> list[float]:
    trips = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    body = {"request_id": "b", "trips": trips}
    answer = httpx.post(f"{stack.predict_url}/batch", json=body, timeout=ANSWER_TIMEOUT_S)
    assert answer.status_code == httpx.codes.OK, answer.text
    return [outcome["duration"] for outcome in answer.json()["outcomes"]]


def devices(stack: Stack) -> dict[str, int]:
    told: dict[str, int] = stack.get("/health/ready").json()["devices"]
    return told


def test_large_batches_go_to_the_gpu_and_to_the_cpu_when_it_fails(own_stack: Stack, tmp_path: Path) -> None:
    champion = load_version(find_champion(ROOT / "repo" / "models", TRIP_DURATION.model), entry=TRIP_DURATION)
    columns, full = some_trips(400), tmp_path / "full"
    wanted = champion.predict(columns).predictions
    made_up = {"PYTHONPATH": str(ROOT / "tests" / "made_up_gpu"), "MADE_UP_GPU_FULL": str(full)}
    with own_stack.running(worker={**made_up, "WORKER_GPU_ROWS": "20"}):
        assert devices(own_stack) == {GPU: 1}
        chosen = (
            f"device: {GPU} (WORKER_DEVICE=auto), for batches of 20 rows and more of models that have a form for it"
        )
        own_stack.find_line("tasks/trip", message=chosen)
        assert ask(own_stack, columns) == wanted
        wait_until(
            lambda: any(beat["device_batches"] for beat in own_stack.broker.heartbeats()), what="the GPU answered"
        )

        full.touch()
        assert ask(own_stack, columns) == wanted
        wait_until(lambda: devices(own_stack) == {"cpu": 1}, what="readiness names the device that computes now")
        (beat,) = wait_until(own_stack.broker.heartbeats, what="the worker beats")
        assert (beat["device"], beat["device_failures"]) == ("cpu", 1)
        assert any("MemoryError: out of memory" in line["message"] for line in own_stack.log_lines("tasks/trip"))


def test_a_worker_that_shall_have_a_gpu_does_not_start_without_one(own_stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "cupy.py").write_text("raise ImportError('libcuda.so.1 is not there')")
    with (
        own_stack.broker.running(),
        own_stack.worker(WORKER_DEVICE="gpu", PYTHONPATH=str(tmp_path)) as worker,
    ):
        assert worker.wait(START_TIMEOUT_S) == 1
    said = (own_stack.folder / "worker.log").read_text()
    assert "tripcast worker: WORKER_DEVICE: gpu is asked for, but no GPU can be used" in said
