"""Dear rows are shared out among the workers there are: docs/adr/0017."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.e2e.pickles import write_team_model
from tests.e2e.processes import ANSWER_TIMEOUT_S, EXAMPLE, Stack, wait_until
from tests.e2e.team_models import CLASS, IS_SLOW

pytestmark = pytest.mark.e2e

CALLERS, TURNS, WORKERS = 24, 8, 2
ROW_S = 0.02


def test_no_batch_of_dear_rows_keeps_one_worker_busy_while_another_has_none(own_stack: Stack, tmp_path: Path) -> None:
    model = {"TRIP_DURATION_MODEL": str(write_team_model(tmp_path)), "MODEL_ALLOWED_CLASSES": CLASS}

    def ask(name: str) -> int:
        trip = EXAMPLE | {"PULocationID": IS_SLOW, "trip_distance": ROW_S, "request_id": name}
        return client.post(own_stack.predict_url, json=trip).status_code

    with ExitStack() as parts:
        parts.enter_context(own_stack.broker.running())
        for _ in range(WORKERS):
            parts.enter_context(own_stack.worker(**model))
        wait_until(lambda: len(own_stack.broker.heartbeats()) == WORKERS, what="all workers beat")
        parts.enter_context(own_stack.web(**model))
        own_stack.wait_until_ready()
        limits = httpx.Limits(max_connections=CALLERS)
        client = parts.enter_context(httpx.Client(timeout=ANSWER_TIMEOUT_S, limits=limits))
        pool = parts.enter_context(ThreadPoolExecutor(CALLERS))
        assert ask("first") == HTTPStatus.OK  # that tells what a row costs
        for turn in range(TURNS):
            names = [f"{turn}-{number}" for number in range(CALLERS)]
            assert set(pool.map(ask, names)) == {HTTPStatus.OK}

    sizes = [len(line["request_ids"]) for line in own_stack.log_lines("tasks/trip") if "request_ids" in line]
    assert sum(sizes) >= 1 + TURNS * CALLERS
    too_large = [size for size in sizes if size > CALLERS / WORKERS]
    # Where a worker has to wait for a core, a batch may look as if its call were dear.
    assert len(too_large) <= TURNS / 4, sizes
