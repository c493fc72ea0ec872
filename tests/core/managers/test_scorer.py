import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from core.handlers.columns import column_rules
from core.handlers.tables import open_table
from core.managers import scorer as scorer_module
from core.managers.block import Block
from core.managers.score_job import Plan, ScoreJob
from core.managers.scorer import Scorer
from core.schemas.catalog import TRIP_DURATION
from core.schemas.outcome import RowError, RowErrorCode
from core.utilities.errors import (
    BrokerUnavailableError,
    DataError,
    LineFullError,
    NoWorkerError,
    TripcastError,
    UnknownVersionError,
)
from tests.core.managers.blocks import reply_to
from tests.core.managers.rows import heartbeat

PART_ROWS, PARTS = 10, 5
LIMIT_S = 60.0
Answer = Callable[[Block, int], None]


def by_distance(block: Block, _: int) -> None:
    """Let each row's distance be its prediction."""
    block.deliver(0, reply_to(*block.features["trip_distance"].tolist()))


class Queue:
    """The way to workers who answer as a test says; the first calls may fail otherwise."""

    def __init__(self, answer: Answer = by_distance, *, away: str | None = None) -> None:
        self.answer = answer
        self.away = away
        self.asked: list[tuple[str | None, list[float]]] = []
        self.most_at_once = 0
        self._at_once = 0
        self.workers = self

    def serving(self, _: str) -> list[Any]:
        return [heartbeat("w", 1)]

    def missing(self, _: str) -> str | None:
        return self.away

    async def predict_block(self, model: str, version: str | None, features: Any, **_: Any) -> Block:
        loop = asyncio.get_running_loop()
        block = Block(model, version, features, "", 0.0, loop.create_future())
        self.asked.append((version, features["trip_distance"].tolist()))
        number = len(self.asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await self._turn_of(number)
        self._at_once -= 1
        self.answer(block, number)
        return block

    async def _turn_of(self, number: int) -> None:
        """Return at once."""


class Backwards(Queue):
    """Answers two blocks in the wrong order, and the next two."""

    def __init__(self) -> None:
        super().__init__()
        self._answered = [asyncio.Event() for _ in range(PARTS)]

    async def _turn_of(self, number: int) -> None:
        if number % 2 and number < PARTS:
            async with asyncio.timeout(LIMIT_S):
                await self._answered[number].wait()
        self._answered[number - 1].set()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer_module, "WATCH_INTERVAL_S", 0.01)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = PART_ROWS * PARTS
    zones = np.full(rows, 7)
    frame = pl.DataFrame({"PULocationID": zones, "DOLocationID": zones, "trip_distance": np.arange(rows) / 2})
    frame.write_parquet(tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


async def score(source: Path, queue: Queue, *, patience_s: float = 60.0) -> Scorer:
    """Score a file in parts of ten rows."""
    table = open_table(source, kind=".parquet", rules=column_rules(TRIP_DURATION.row), output="duration")
    plan = Plan(input="d", rows=table.rows, part_rows=PART_ROWS, model="trip_duration", version="v")
    job = ScoreJob(source.with_name("out.parquet"))
    with job.held():
        job.begin(plan, restart=False)
        scorer = Scorer(
            queue,  # type: ignore[arg-type]  # it has what a scorer uses
            entry=TRIP_DURATION,
            table=table,
            job=job,
            plan=plan,
            patience_s=patience_s,
            on_rows=lambda _: None,
        )
        await scorer.run(kind=".parquet")
        job.finish()
    return scorer


def durations(source: Path) -> list[float | None]:
    return pl.read_parquet(source.with_name("out.parquet"))["duration"].to_list()


async def test_rows_come_out_in_their_order_whatever_the_order_of_the_answers(source: Path) -> None:
    queue = Backwards()
    scorer = await score(source, queue)
    assert durations(source) == [row / 2 for row in range(PART_ROWS * PARTS)]
    assert {version for version, _ in queue.asked} == {"v"}
    assert scorer.failed_rows == 0
    assert queue.most_at_once > 1


async def test_what_is_under_way_is_bounded_while_the_writer_waits_for_the_first(source: Path) -> None:
    first = asyncio.Event()

    class Stuck(Queue):
        async def predict_block(self, model: str, version: str | None, features: Any, **options: Any) -> Block:
            if features["trip_distance"][0] == 0.0:
                stuck.set()
                await first.wait()
            return await super().predict_block(model, version, features, **options)

    stuck = asyncio.Event()
    queue = Stuck()
    running = asyncio.create_task(score(source, queue))
    await stuck.wait()
    async with asyncio.timeout(30):
        while len(queue.asked) < 3:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # a fourth would come now
    assert len(queue.asked) == 3
    first.set()
    await running


async def test_parts_that_are_there_are_not_predicted_again(source: Path) -> None:
    def fail_late(block: Block, number: int) -> None:
        if number == PARTS:
            raise BrokerUnavailableError("away")
        by_distance(block, number)

    with pytest.raises(BrokerUnavailableError):
        await score(source, Queue(fail_late), patience_s=0.0)
    kept = len(list(source.parent.glob("out.parquet.parts/part-*")))
    again = Queue()
    await score(source, again)
    assert 1 <= kept < PARTS
    assert len(again.asked) == PARTS - kept
    assert durations(source) == [row / 2 for row in range(PART_ROWS * PARTS)]


@pytest.mark.parametrize("error", [BrokerUnavailableError, NoWorkerError, LineFullError])
async def test_a_block_that_is_refused_is_tried_again(source: Path, error: type[TripcastError]) -> None:
    def refuse_twice(block: Block, number: int) -> None:
        if number <= 2:
            raise error("not now")
        by_distance(block, number)

    queue = Queue(refuse_twice)
    await score(source, queue)
    assert len(queue.asked) == PARTS + 2
    assert durations(source) == [row / 2 for row in range(PART_ROWS * PARTS)]


@pytest.mark.parametrize(("away", "error"), [("worker", NoWorkerError), ("broker", BrokerUnavailableError)])
async def test_patience_ends_where_nobody_is_there(source: Path, away: str, error: type[TripcastError]) -> None:
    with pytest.raises(error, match=f"no {away} for 0.1 s"):
        await score(source, Queue(away=away), patience_s=0.1)


async def test_a_run_goes_on_once_the_workers_are_back(source: Path) -> None:
    queue = Queue(away="worker")
    running = asyncio.create_task(score(source, queue))
    await asyncio.sleep(0.1)
    assert queue.asked == []
    queue.away = None
    await running


async def test_a_version_that_is_gone_ends_the_run(source: Path) -> None:
    def unknown(block: Block, _: int) -> None:
        error = RowError(RowErrorCode.UNKNOWN_VERSION, "not held")
        block.deliver(0, reply_to(*[None] * block.rows, errors=dict.fromkeys(range(block.rows), error)))

    with pytest.raises(UnknownVersionError, match="v any more"):
        await score(source, Queue(unknown))


async def test_rows_that_fail_are_counted(source: Path) -> None:
    def fail_one(block: Block, _: int) -> None:
        predictions: list[float | None] = [1.0] * block.rows
        predictions[3] = None
        block.deliver(0, reply_to(*predictions, errors={3: RowError(RowErrorCode.POISON, "it killed")}))

    assert (await score(source, Queue(fail_one))).failed_rows == PARTS
    assert durations(source).count(None) == PARTS


async def test_a_table_that_breaks_off_ends_the_run(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("PULocationID,DOLocationID,trip_distance\n" + "1,2,3\n" * 25 + "1,2,3,4,5\n")
    with pytest.raises(DataError, match="cannot be read"):
        await score(source, Queue())


async def test_a_run_that_is_cancelled_ends_at_once(source: Path) -> None:
    queue = Queue(away="worker")
    running = asyncio.create_task(score(source, queue, patience_s=10 * LIMIT_S))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, LIMIT_S)
