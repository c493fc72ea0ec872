"""The backlog board on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from kombu import Connection, Producer

from core.managers.backlog import INDEX_KEY, LIFETIME_S, BacklogBoard, backlog_key
from core.schemas.backlog import Backlog, RowCount
from core.schemas.catalog import TRIP_DURATION
from core.utilities.errors import BrokerUnavailableError
from tests.e2e.processes import Broker

MODEL = TRIP_DURATION.model
LIMIT_S = 30.0


@asynccontextmanager
async def reporting(
    broker: Broker, process: str, *, held: int = 0, sent: int = 0, broker_url: str | None = None
) -> AsyncIterator[BacklogBoard]:
    """Run the board of a web process that has so many rows; it has reported once."""
    board = BacklogBoard(
        process,
        [TRIP_DURATION],
        count=lambda: {MODEL: RowCount(held=held, sent=sent)},
        broker_url=broker_url or broker.url,
        backend_url=broker.url,
    )
    board.start()
    try:
        await read(board)
        yield board
    finally:
        await board.stop()


async def read(board: BacklogBoard) -> Backlog:
    """Return what waits, once the board's process has reported."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await board.read()
            except BrokerUnavailableError:
                await asyncio.sleep(0.02)


def put(broker: Broker, queue: str, *, priority: int = 0) -> None:
    """Put a message on a queue as a Celery client of any kind does it."""
    with Connection(broker.url) as connection:
        Producer(connection.channel()).publish({}, routing_key=queue, exchange="", priority=priority, serializer="json")


async def test_every_process_tells_the_same_sum(broker: Broker) -> None:
    async with reporting(broker, "one", held=3, sent=500) as one, reporting(broker, "two", held=40) as two:
        assert (await one.read()).model_dump() == (await two.read()).model_dump()
        found = await one.read()
    assert (found.rows_waiting, found.web_processes) == (543, 2)
    assert (found.models[MODEL].rows_held, found.models[MODEL].rows_sent) == (43, 500)


async def test_messages_of_the_queue_its_quarantine_and_every_priority_count(broker: Broker) -> None:
    put(broker, TRIP_DURATION.queue)
    put(broker, TRIP_DURATION.quarantine_queue)
    for priority in (3, 6, 9):
        put(broker, TRIP_DURATION.queue, priority=priority)
    async with reporting(broker, "one") as board:
        found = await board.read()
    assert (found.rows_waiting, found.models[MODEL].messages_queued) == (5, 5)


async def test_over_another_broker_the_rows_of_web_processes_count(broker: Broker) -> None:
    async with reporting(broker, "one", held=1, sent=2, broker_url="amqp://nobody@127.0.0.1:1//") as board:
        found = await board.read()
    assert (found.rows_waiting, found.models[MODEL].messages_queued) == (3, None)


async def test_a_process_that_stops_takes_its_rows_along(broker: Broker) -> None:
    async with reporting(broker, "one", held=1) as one:
        async with reporting(broker, "two", held=40):
            assert (await one.read()).rows_waiting == 41
        assert (await one.read()).rows_waiting == 1
    with broker.client() as client:
        assert client.exists(backlog_key("one"), backlog_key("two"), INDEX_KEY) == 0


async def test_a_process_that_died_is_forgotten(broker: Broker) -> None:
    async with reporting(broker, "one", held=1) as one:
        with broker.client() as client:
            assert 0 < client.pttl(backlog_key("one")) <= LIFETIME_S * 1000
            client.sadd(INDEX_KEY, "dead")
            assert (await one.read()).web_processes == 1
            assert client.smembers(INDEX_KEY) == {"one"}


async def test_what_is_no_report_does_not_stop_the_readers(broker: Broker) -> None:
    async with reporting(broker, "one", held=1) as one:
        with broker.client() as client:
            client.sadd(INDEX_KEY, "odd")
            client.set(backlog_key("odd"), '{"rows": 7}')
        assert (await one.read()).rows_waiting == 1


async def test_a_redis_that_has_forgotten_the_reports_is_no_reason_to_say_that_nothing_waits(broker: Broker) -> None:
    async with reporting(broker, "one", held=7) as board:
        with broker.client() as client:
            client.flushall()
        # Should the next report come first, then that is what is told.
        with suppress(BrokerUnavailableError):
            assert (await board.read()).rows_waiting == 7
        assert (await read(board)).rows_waiting == 7


async def test_while_redis_is_away_nothing_is_told(own_broker: Broker) -> None:
    with own_broker.running():
        async with reporting(own_broker, "one", held=7) as board:
            with own_broker.client() as client:
                client.shutdown(nosave=True)
            with pytest.raises(BrokerUnavailableError):
                await board.read()
            with own_broker.running():
                assert (await read(board)).rows_waiting == 7
