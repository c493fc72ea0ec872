"""A web process's side and the recorder's, over a real Redis; what compares is a process that prints what it is told."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis

from core.managers.comparison_board import ORDERS_KEY, ComparisonBoard
from core.managers.comparison_desk import ComparisonDesk
from core.managers.records import LEASE_KEY
from core.schemas.comparison import Comparison, ComparisonOrder, ComparisonReply, ComparisonRequest
from core.utilities.errors import (
    ComparisonError,
    ComparisonUnavailableError,
    DeadlinePassedError,
    UnknownVersionError,
)
from tests.e2e.processes import Broker, wait_until

MODEL = "trip_duration"
REQUEST = ComparisonRequest(first="a", second="b", last=3)
FOUND = Comparison(
    versions=("a", "b"),
    rows=0,
    failed=(3, 0),
    recorded=(3, 0),
    mean_abs=None,
    median_abs=None,
    p95_abs=None,
    max_abs=None,
    bound=1.0,
    share_beyond=None,
    quantiles={},
    worst=[],
)
NOWHERE = "redis://127.0.0.1:1/0"
FOR_EVER = "import time; time.sleep(3600)"


@pytest.fixture
async def board(broker: Broker) -> AsyncIterator[ComparisonBoard]:
    """A web process's, while a recorder works."""
    with broker.client() as client:
        client.set(LEASE_KEY, "somebody")
    board = ComparisonBoard(broker.url, timeout_s=60.0)
    yield board
    await board.close()


def printing(content: str) -> str:
    return f"print({content!r})"


@contextmanager
def desk(broker: Broker, code: str) -> Iterator[None]:
    """Let the recorder's side turn, with Python code for what compares."""
    stop = threading.Event()

    def turn(desk: ComparisonDesk) -> None:
        while not stop.wait(0.01):
            desk.tick()

    with closing(ComparisonDesk(broker.url, command=(sys.executable, "-c", code))) as turned:
        thread = threading.Thread(target=turn, args=(turned,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


async def test_what_is_found_reaches_who_asked(broker: Broker, board: ComparisonBoard) -> None:
    with desk(broker, printing(ComparisonReply(comparison=FOUND).model_dump_json())):
        found = await asyncio.gather(*(board.compare(MODEL, REQUEST) for _ in range(3)))
    assert found == [FOUND] * 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (printing(ComparisonReply(unknown_version="no b").model_dump_json()), UnknownVersionError),
        (printing(ComparisonReply(refused="nothing there").model_dump_json()), ComparisonError),
        (printing("no JSON"), ComparisonUnavailableError),
        ("import os; os.kill(os.getpid(), 9)", ComparisonUnavailableError),
    ],
)
async def test_what_went_wrong_is_told(
    broker: Broker, board: ComparisonBoard, code: str, error: type[Exception]
) -> None:
    with desk(broker, code), pytest.raises(error):
        await board.compare(MODEL, REQUEST)


async def test_where_no_process_starts_who_asked_is_told(broker: Broker, board: ComparisonBoard) -> None:
    with closing(ComparisonDesk(broker.url, command=("/no/such/command",))) as desk, broker.client() as client:
        waiting = asyncio.create_task(board.compare(MODEL, REQUEST))
        await asyncio.to_thread(wait_until, lambda: client.exists(ORDERS_KEY), what="the order waits")
        desk.tick()
        with pytest.raises(ComparisonUnavailableError, match="did not come to its end"):
            await waiting


async def test_what_compares_is_given_the_order(broker: Broker, board: ComparisonBoard) -> None:
    code = (
        "import sys; from core.schemas.comparison import *; order = ComparisonOrder.model_validate_json(sys.argv[1]);"
        "print(ComparisonReply(refused=f'{order.model} {order.request.second} {order.request.last}').model_dump_json())"
    )
    with desk(broker, code), pytest.raises(ComparisonError, match="trip_duration b 3"):
        await board.compare(MODEL, REQUEST)


async def test_what_takes_too_long_is_given_up_and_ended(broker: Broker) -> None:
    board = ComparisonBoard(broker.url, timeout_s=1.0)
    with broker.client() as client:
        client.set(LEASE_KEY, "somebody")
    with desk(broker, FOR_EVER):
        with pytest.raises(DeadlinePassedError, match="within 1 s"):
            await board.compare(MODEL, REQUEST)
        with broker.client() as client:
            client.rpush(ORDERS_KEY, "the next one")
            await asyncio.to_thread(wait_until, lambda: not client.exists(ORDERS_KEY), what="the desk is free again")
    await board.close()


async def test_nobody_waits_for_what_no_recorder_takes(broker: Broker, board: ComparisonBoard) -> None:
    waiting = asyncio.create_task(board.compare(MODEL, REQUEST))
    with broker.client() as client:
        await asyncio.to_thread(wait_until, lambda: client.llen(ORDERS_KEY) == 1, what="the order waits")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not client.exists(ORDERS_KEY)
        client.delete(LEASE_KEY)
    with pytest.raises(ComparisonUnavailableError, match="no recorder runs"):
        await board.compare(MODEL, REQUEST)


def test_an_order_that_nobody_waits_for_any_more_is_not_begun(broker: Broker, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    order = ComparisonOrder(id="late", model=MODEL, request=REQUEST, until=time.time() - 1)
    command = (sys.executable, "-c", f"open({str(begun)!r}, 'x')")
    with broker.client() as client, closing(ComparisonDesk(broker.url, command=command)) as late:
        client.rpush(ORDERS_KEY, order.model_dump_json(), order.model_copy(update={"until": 1e12}).model_dump_json())
        late.tick()
        wait_until(begun.exists, what="the second order is begun at once")
        assert not client.exists(ORDERS_KEY)


async def test_a_desk_that_closes_tells_who_asked(broker: Broker, board: ComparisonBoard) -> None:
    with desk(broker, FOR_EVER):
        waiting = asyncio.create_task(board.compare(MODEL, REQUEST))
        with broker.client() as client:
            await asyncio.to_thread(wait_until, lambda: was_taken(client), what="the order is taken")
    with pytest.raises(ComparisonUnavailableError, match="did not come to its end"):
        await waiting


def was_taken(client: redis.Redis) -> bool:
    """Tell whether somebody waits for a reply, and his order is off the list."""
    blocked = any(entry["cmd"] == "blpop" for entry in client.client_list())
    return blocked and not client.exists(ORDERS_KEY)


async def test_without_redis_nothing_is_compared() -> None:
    board = ComparisonBoard(NOWHERE)
    with pytest.raises(ComparisonUnavailableError, match="cannot be reached"):
        await board.compare(MODEL, REQUEST)
    await board.close()
