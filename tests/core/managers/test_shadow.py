import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from core.managers import shadow
from core.managers.block import Block
from core.managers.shadow import ShadowLane, ShadowRow
from core.schemas.outcome import RowError, RowErrorCode
from core.schemas.record import RecordEntry
from core.services import shadow_pace
from core.services.chunk_size import FIRST_ROWS, GROWTH
from core.utilities.errors import NoWorkerError
from tests.core.managers.crowds import Clock
from tests.core.managers.record_rows import FEATURES

MODEL = "trip_duration"


class Workers:
    """Answer a row with its distance, as a block; fail as told."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, Mapping[str, Sequence[Any]]]] = []
        self.errors: dict[int, RowErrorCode] = {}
        self.away = False
        self.chunk_ms = 1.0

    async def predict(self, model: str, version: str, features: Mapping[str, Sequence[Any]]) -> Block:
        if self.away:
            raise NoWorkerError("none")
        self.blocks.append((version, features))
        block = Block(model, version, features, "shadow", 0.0, asyncio.get_running_loop().create_future())
        block.predictions = [None if i in self.errors else miles for i, miles in enumerate(features["trip_distance"])]
        block.chunks, block.predict_ms = 1, self.chunk_ms
        block.errors = {i: RowError(code, "") for i, code in self.errors.items()}
        return block


class Lane:
    """A running lane, and what it recorded."""

    def __init__(self) -> None:
        self.workers = Workers()
        self.recorded: list[RecordEntry] = []
        self.lane = ShadowLane(predict=self.workers.predict, record=self.recorded.append, features=FEATURES)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    def column(self, name: str) -> list[Any]:
        return [value for entry in self.recorded for value in entry.column(name)]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "GATHER_S", 0.01)
    monkeypatch.setattr(shadow, "PAUSE_S", 0.01)


def rows(count: int, name: str = "r") -> list[ShadowRow]:
    return [(f"{name}{i}", f"t-{name}{i}", 0, (130, 205, float(i), None)) for i in range(count)]


async def test_each_row_is_predicted_once_more_and_recorded_as_the_shadows() -> None:
    lane = Lane()
    lane.lane.start()
    assert lane.lane.add(MODEL, "v2", rows(3))
    await lane.until(lambda: lane.recorded)
    await lane.lane.stop()
    ((version, features),) = lane.workers.blocks
    assert (version, sorted(features)) == ("v2", ["DOLocationID", "PULocationID", "trip_distance"])
    assert lane.column("prediction") == [0.0, 1.0, 2.0]
    assert lane.column("transaction_id") == ["t-r0", "t-r1", "t-r2"]
    assert {*lane.column("version"), *lane.column("role"), *lane.column("kept")} == {"v2", "shadow", True}
    assert lane.lane.dropped_rows == len(lane.lane) == 0


async def test_many_rows_leave_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "BLOCK_ROWS", 4)
    lane = Lane()
    lane.lane.start()
    lane.lane.add(MODEL, "v2", rows(10))
    await lane.until(lambda: len(lane.column("row")) == 10)
    await lane.lane.stop()
    assert [len(features["trip_distance"]) for _, features in lane.workers.blocks] == [4, 4, 2]


async def test_what_cannot_wait_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "MAX_WAITING_ROWS", 5)
    lane = Lane()
    assert lane.lane.add(MODEL, "v2", rows(4))
    assert not lane.lane.add(MODEL, "v2", rows(2))
    assert (len(lane.lane), lane.lane.dropped_rows) == (4, 2)


async def test_without_workers_rows_are_dropped_and_later_ones_answered() -> None:
    lane = Lane()
    lane.workers.away = True
    lane.lane.start()
    lane.lane.add(MODEL, "v2", rows(3))
    await lane.until(lambda: lane.lane.dropped_rows == 3)
    lane.workers.away = False
    lane.lane.add(MODEL, "v2", rows(2, "later"))
    await lane.until(lambda: lane.recorded)
    await lane.lane.stop()
    assert lane.column("request_id") == ["later0", "later1"]


async def test_an_error_of_the_version_is_recorded_and_one_of_the_queue_is_not() -> None:
    lane = Lane()
    lane.workers.errors = {0: RowErrorCode.MODEL_ERROR, 1: RowErrorCode.DEADLINE_PASSED}
    lane.lane.start()
    lane.lane.add(MODEL, "v2", rows(3))
    await lane.until(lambda: lane.recorded)
    await lane.lane.stop()
    assert lane.column("request_id") == ["r0", "r2"]
    assert (lane.column("prediction"), lane.column("error")) == ([None, 2.0], ["model_error", None])
    assert lane.lane.dropped_rows == 1


async def test_a_shadow_that_keeps_workers_busy_rests_and_is_given_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(shadow, "time", SimpleNamespace(monotonic=clock, time=clock))
    lane = Lane()
    lane.workers.chunk_ms = 500.0
    lane.lane.start()
    lane.lane.add(MODEL, "slow", rows(100))
    given = [FIRST_ROWS, FIRST_ROWS // GROWTH, 2, 1]
    await lane.until(lambda: len(lane.recorded) == len(given))
    assert (len(lane.lane), lane.lane.dropped_rows) == (0, 100 - sum(given))
    assert not lane.lane.add(MODEL, "slow", rows(1))
    assert lane.lane.add(MODEL, "quick", rows(1))
    clock.advance(shadow_pace.MAX_REST_S)
    assert lane.lane.add(MODEL, "slow", rows(100))
    await lane.until(lambda: len(lane.recorded) == len(given) + 2)
    await lane.lane.stop()
    blocks = [(version, len(features["trip_distance"])) for version, features in lane.workers.blocks]
    assert blocks == [*(("slow", size) for size in given), ("quick", 1), ("slow", 1)]
