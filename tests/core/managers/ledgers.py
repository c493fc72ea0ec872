"""A ledger and what it meets, for the tests of what travels in it."""

import asyncio
from collections.abc import Iterable

import pytest

from core.managers.ledger import Ledger
from core.managers.line import Line, Row
from core.schemas.catalog import TRIP_DURATION
from core.schemas.task_message import TaskMessage
from core.schemas.wire import PredictRowsRequest
from core.utilities.errors import BrokerUnavailableError, TripcastError
from tests.core.managers.rows import heartbeat, new_row, turn


class Outside:
    """What a ledger meets: a broker that takes messages or is away, results that lie in Redis, a clock that is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: self._now)
        self.messages: list[TaskMessage] = []
        self.results: dict[str, dict[str, object]] = {}
        self.broker_away = False
        self.redis_away = False
        self.ledger = Ledger(TRIP_DURATION, process="p", publish=self.publish, read_results=self.read_results)
        self.line = Line("trip_duration", None, send=self.ledger.send, max_batch_rows=100, max_inflight=lambda: 100)
        self.beat = 0

    def publish(self, message: TaskMessage) -> None:
        if self.broker_away:
            raise BrokerUnavailableError("away")
        self.messages.append(message)

    async def read_results(self, task_ids: Iterable[str]) -> None:
        if self.redis_away:
            raise ConnectionError("away")
        for task_id in task_ids:
            if task_id in self.results:
                self.ledger.on_reply(task_id, self.results[task_id])

    def pass_time(self, seconds: float) -> None:
        self._now += seconds

    async def send(self, count: int = 1) -> list[Row]:
        """Send ``count`` rows as one batch."""
        rows = [new_row(f"r{number}") for number in range(count)]
        for row in rows:
            self.line.join(row)
        await turn()
        return rows

    async def look(self, *tasks: str) -> None:
        """Look for what is lost with one living worker, which has ``tasks`` in hand."""
        self.beat += 1
        await self.ledger.look_for_lost([heartbeat("w", self.beat, *tasks)])

    async def lose_last(self) -> None:
        """Let a worker be seen with the last message, and then without it for long enough."""
        await self.look(self.messages[-1].task_id)
        await self.look()
        await self.look()


def error_of(row: Row) -> TripcastError | None:
    error = row.answer.exception()
    assert isinstance(error, TripcastError | None)
    return error


def names(messages: Iterable[TaskMessage]) -> list[tuple[str, str]]:
    return [(message.task_id, message.queue) for message in messages]


def ids_in(message: TaskMessage) -> list[str]:
    return PredictRowsRequest.decode(message.argument).ids
