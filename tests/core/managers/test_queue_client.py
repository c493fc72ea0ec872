"""A queue client on a real Redis; what it does for requests is tested end to end."""

import asyncio

import pytest

from core.managers import queue_client
from core.managers.heartbeat import INDEX_KEY, worker_key
from core.managers.line_limits import LineLimits
from core.managers.queue_client import QueueClient
from core.managers.route_board import RouteBoard
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Route
from tests.core.managers.rows import heartbeat
from tests.e2e.processes import Broker

MODEL = TRIP_DURATION.model


async def test_whoever_is_ready_knows_the_route(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the first requests after a start would go to the champion, whoever they belong to."""
    monkeypatch.setattr(queue_client, "START_TIMEOUT_S", 60.0)
    with broker.client() as redis:
        redis.set(worker_key("w"), heartbeat("w", 1).model_dump_json(), px=60_000)
        redis.sadd(INDEX_KEY, "w")
    board = RouteBoard(broker.url)
    board.publish(MODEL, Route(champion="v", revision=1))
    board.close()
    client = QueueClient([TRIP_DURATION], broker_url=broker.url, backend_url=broker.url, limits=LineLimits())
    read = client.routes.poll

    async def read_late() -> None:
        await asyncio.sleep(0.3)
        await read()

    client.routes.poll = read_late  # type: ignore[method-assign]
    await client.start()
    try:
        assert client.missing(MODEL) is None
        assert client.routes.get(MODEL) == Route(champion="v", revision=1)
    finally:
        await client.stop()
