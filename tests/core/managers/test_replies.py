import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from celery import Celery

from core.managers import replies as module
from core.managers.redis_clients import TIMEOUT_S
from core.managers.replies import KEY_PREFIX, ReplyListener
from tests.core.managers.slow_way import slow_way
from tests.e2e.processes import Broker
from tests.promises import tried_thrice

RECORD = {"status": "SUCCESS", "result": 7.0}
HALF_OPEN_NOTICED_WITHIN_S = 5.0
BACK_WITHIN_S = 2.0


class Replies:
    """What came, and what is waited for."""

    def __init__(self, *pending: str) -> None:
        self.came: list[tuple[str, dict[str, Any]]] = []
        self.pending = list(pending)

    def take(self, task_id: str, record: dict[str, Any]) -> None:
        self.came.append((task_id, record))

    def wants(self, task_id: str) -> bool:
        return task_id in self.pending


async def until(condition: Callable[[], object], *, timeout_s: float = 60.0) -> None:
    """Return once ``condition`` holds; fail if it does not in time."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(broker: Broker, replies: Replies, *, url: str = "") -> AsyncIterator[ReplyListener]:
    """Run a listener, on another way to the broker if one is given; returns once it listens."""
    listener = ReplyListener(
        url or broker.url, prefix="p-", on_reply=replies.take, pending=lambda: replies.pending, wanted=replies.wants
    )
    listener.start()
    try:
        await asyncio.wait_for(listener.connected.wait(), 60)
        yield listener
    finally:
        await listener.stop()


def store(broker: Broker, task_id: str) -> None:
    """Store a result without telling anybody."""
    with broker.client() as client:
        client.set(KEY_PREFIX + task_id, orjson.dumps(RECORD))


def publish(broker: Broker, task_id: str, content: bytes) -> None:
    with broker.client() as client:
        client.publish(KEY_PREFIX + task_id, content)


def exists(broker: Broker, task_id: str) -> bool:
    with broker.client() as client:
        return bool(client.exists(KEY_PREFIX + task_id))


# Celery's own call of redis-py is deprecated there.
@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
async def test_a_result_that_celery_stores_is_delivered_and_then_deleted(broker: Broker) -> None:
    replies = Replies("p-1")
    async with listening(broker, replies):
        with Celery(broker=broker.url, backend=broker.url, set_as_current=False) as app:
            app.backend.store_result("p-1", 7.0, "SUCCESS")
            app.backend.client.close()
        await until(lambda: replies.came)
        await until(lambda: not exists(broker, "p-1"))
    [(task_id, record)] = replies.came
    assert (task_id, record["status"], record["result"]) == ("p-1", "SUCCESS", 7.0)


async def test_a_round_trip_that_is_short_enough_for_a_result_is_so_for_each_of_those_that_subscribe(
    own_broker: Broker,
) -> None:
    replies = Replies("p-1")
    with own_broker.running():
        async with slow_way(own_broker, round_trip_s=TIMEOUT_S / 3) as url, listening(own_broker, replies, url=url):
            store(own_broker, "p-1")
            publish(own_broker, "p-1", orjson.dumps(RECORD))
            await until(lambda: replies.came)


async def test_the_results_of_other_processes_are_left_alone(broker: Broker) -> None:
    replies = Replies("p-1", "q-1")
    async with listening(broker, replies):
        store(broker, "q-1")
        publish(broker, "q-1", orjson.dumps(RECORD))
        publish(broker, "p-1", orjson.dumps(RECORD))
        await until(lambda: replies.came)
    assert [task_id for task_id, _ in replies.came] == ["p-1"]
    assert exists(broker, "q-1")


async def test_a_result_that_nobody_waits_for_is_deleted_unread(broker: Broker) -> None:
    replies = Replies()
    async with listening(broker, replies):
        store(broker, "p-old")
        publish(broker, "p-old", b"not even JSON")
        await until(lambda: not exists(broker, "p-old"))
    assert replies.came == []


async def test_garbage_on_the_channel_does_not_stop_the_listener(broker: Broker) -> None:
    replies = Replies("p-1", "p-2")
    async with listening(broker, replies) as listener:
        for garbage in (b"", b"garbage", b"\xff\xfe", b"\x80\x04N.", b"[" * 100_000, b"x" * 5_000_000):
            publish(broker, "p-1", garbage)
        with broker.client() as client:
            client.publish(f"{KEY_PREFIX}p-".encode() + b"\xff", b"garbage")
        publish(broker, "p-2", orjson.dumps(RECORD))
        await until(lambda: replies.came)
        assert listener.connected.is_set()
    assert replies.came == [("p-2", RECORD)]


async def test_json_that_is_no_record_counts_as_a_failed_task(broker: Broker) -> None:
    replies = Replies("p-1")
    async with listening(broker, replies):
        publish(broker, "p-1", b"[1, 2]")
        await until(lambda: replies.came)
    assert replies.came == [("p-1", {})]


async def test_a_receiver_that_raises_does_not_stop_the_listener(broker: Broker) -> None:
    came: list[str] = []

    def take(task_id: str, record: dict[str, Any]) -> None:
        came.append(task_id)
        raise KeyError(record["status"])

    listener = ReplyListener(broker.url, prefix="p-", on_reply=take, pending=list, wanted=lambda _: True)
    listener.start()
    await asyncio.wait_for(listener.connected.wait(), 60)
    for task_id in ("p-1", "p-2"):
        publish(broker, task_id, orjson.dumps(RECORD))
    await until(lambda: came == ["p-1", "p-2"])
    await listener.stop()


async def test_results_can_be_asked_for(broker: Broker) -> None:
    replies = Replies("p-1", "p-2")
    store(broker, "p-2")
    replies.pending.clear()
    async with listening(broker, replies) as listener:
        replies.pending = ["p-1", "p-2"]
        await listener.read(["p-1", "p-2"])
    assert replies.came == [("p-2", RECORD)]
    assert not exists(broker, "p-2")


async def test_a_result_stored_while_the_connection_was_lost_is_read_afterwards(broker: Broker) -> None:
    replies = Replies("p-1")
    async with listening(broker, replies):
        store(broker, "p-1")
        with broker.client() as client:
            assert client.client_kill_filter(_type="pubsub") == 1
        await until(lambda: replies.came)
        await until(lambda: not exists(broker, "p-1"))
    assert replies.came == [("p-1", RECORD)]


@tried_thrice
async def test_after_the_broker_was_killed_results_are_read_and_heard_again(own_broker: Broker) -> None:
    replies = Replies("p-1", "p-2")
    with own_broker.running() as server:
        with own_broker.client() as client:
            client.flushall()  # what an earlier try has left
        async with listening(own_broker, replies) as listener:
            store(own_broker, "p-1")
            server.kill()
            server.wait()
            await until(lambda: not listener.connected.is_set())
            assert replies.came == []
            running = own_broker.running()
            await asyncio.to_thread(running.__enter__)
            try:
                await until(listener.connected.is_set, timeout_s=BACK_WITHIN_S)
                assert replies.came == [("p-1", RECORD)]
                publish(own_broker, "p-2", orjson.dumps(RECORD))
                await until(lambda: len(replies.came) == 2)
            finally:
                await listener.stop()
                await asyncio.to_thread(running.__exit__, None, None, None)


@tried_thrice
async def test_a_connection_on_which_nothing_answers_is_noticed(own_broker: Broker) -> None:
    replies = Replies("p-1")
    with own_broker.running() as server:
        async with listening(own_broker, replies) as listener:
            server.send_signal(signal.SIGSTOP)
            try:
                await until(lambda: not listener.connected.is_set(), timeout_s=HALF_OPEN_NOTICED_WITHIN_S)
            finally:
                server.send_signal(signal.SIGCONT)
            await until(listener.connected.is_set, timeout_s=BACK_WITHIN_S)
            publish(own_broker, "p-1", orjson.dumps(RECORD))
            await until(lambda: replies.came)


async def test_a_process_that_stood_still_takes_nobody_for_silent(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_INTERVAL_S", 0.5)
    monkeypatch.setattr(module, "SILENCE_LIMIT_S", 1.5)
    # Once it is lost it stays lost, for whoever looks.
    monkeypatch.setattr(module, "RECONNECT_INTERVAL_S", 60.0)
    async with listening(broker, Replies()) as listener:
        await asyncio.sleep(0.1)
        time.sleep(2.5)
        await asyncio.sleep(1.0)
        assert listener.connected.is_set()
