import asyncio
import base64
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

import pytest
from celery import Celery
from celery.worker.request import Request
from kombu import Connection

from core.managers import redis_publisher
from core.managers.kombu_publisher import KombuPublisher
from core.managers.publisher import CAPACITY, TIMEOUT_S
from core.managers.redis_publisher import RedisPublisher
from core.schemas.task_message import TaskMessage
from core.utilities.errors import BrokerUnavailableError
from tests.core.managers.slow_way import slow_way
from tests.e2e.processes import Broker, wait_until
from tests.promises import check_time, tried_thrice

Kind = type[RedisPublisher] | type[KombuPublisher]
NOTICED_WITHIN_S = 1.0
BACK_WITHIN_S = 2.0


def task(number: int = 1) -> TaskMessage:
    now = time.time()
    return TaskMessage(
        task_id=f"p-trip-{number}",
        task="tasks.trip.tasks.predict_rows",
        queue="tasks.trip",
        argument={"number": number},
        expires_at=now + 60,
        sent_at=now,
    )


def predict_rows(request: object) -> object:
    return request


class LoopOfItsOwn:
    """A publisher on an event loop that runs in a thread, so that the tests may block."""

    def __init__(self, kind: Kind, url: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop")
        self._thread.start()
        self._publisher = self._run(_call(kind, url, **options))

    @property
    def reachable(self) -> bool:
        return bool(self._publisher.reachable)

    def start(self) -> None:
        self._run(_call(self._publisher.start))

    def publish(self, *messages: TaskMessage) -> None:
        """Publish without a pause between the messages."""
        self._run(_call(lambda: [self._publisher.publish(message) for message in messages]))

    def stop(self) -> None:
        self._run(self._publisher.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=60)


async def _call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return function(*args, **options)


@pytest.fixture(params=[RedisPublisher, KombuPublisher])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Both publishers keep the same promises; kombu's, which serves other brokers, over Redis too."""
    return request.param  # type: ignore[no-any-return]


@contextmanager
def publishing(
    broker: Broker, kind: Kind, *, capacity: int = CAPACITY
) -> Iterator[tuple[LoopOfItsOwn, "Queue[TaskMessage]"]]:
    """Run a publisher; also give what it reports as failed."""
    failed: Queue[TaskMessage] = Queue()
    publisher = LoopOfItsOwn(kind, broker.url, on_failure=failed.put, on_change=lambda _: None, capacity=capacity)
    publisher.start()
    try:
        yield publisher, failed
    finally:
        publisher.stop()


@contextmanager
def reached(
    broker: Broker, kind: Kind, *, capacity: int = CAPACITY
) -> Iterator[tuple[LoopOfItsOwn, "Queue[TaskMessage]"]]:
    """Run a publisher that has reached its broker."""
    with publishing(broker, kind, capacity=capacity) as (publisher, failed):
        wait_until(lambda: publisher.reachable, what="the broker is reached")
        yield publisher, failed


@contextmanager
def stopped(server: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Hold a server still: its connections stand and nothing answers on them."""
    server.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.send_signal(signal.SIGCONT)


def length(broker: Broker) -> int:
    with broker.client() as client:
        return int(client.llen("tasks.trip"))


def test_a_message_reaches_the_list_as_one_that_a_celery_worker_reads(broker: Broker, kind: Kind) -> None:
    sent = task()
    with reached(broker, kind) as (publisher, _):
        publisher.publish(sent)
        wait_until(lambda: length(broker) == 1)
    with Connection(broker.url) as connection, connection.SimpleQueue("tasks.trip") as queue:
        message = queue.get(timeout=30)
        message.ack()
    app = Celery(broker=broker.url, set_as_current=False)
    app.task(name=sent.task, shared=False)(predict_rows)
    request = Request(message, app=app, headers=message.headers, decoded=False, task=app.tasks[sent.task])
    assert (request.id, request.name) == (sent.task_id, sent.task)
    assert request.expires.timestamp() == pytest.approx(sent.expires_at, abs=1e-3)
    args, kwargs, embed = message.payload
    assert (args, kwargs) == ([sent.argument], {})
    assert set(embed) == {"callbacks", "errbacks", "chain", "chord"}


def test_the_envelope_has_what_celerys_own_sender_writes(broker: Broker, kind: Kind) -> None:
    with reached(broker, kind) as (publisher, _):
        publisher.publish(task())
        wait_until(lambda: length(broker) == 1)
    with Celery(broker=broker.url, set_as_current=False) as app:
        app.conf.task_default_queue = "tasks.trip"
        app.send_task(task().task, args=[{"number": 1}])
    with broker.client() as client:
        theirs, ours = (json.loads(text) for text in client.lrange("tasks.trip", 0, -1))
    assert set(ours) == set(theirs)
    assert set(ours["properties"]) >= set(theirs["properties"]) - {"priority"}
    assert {name: ours[name] for name in ("content-type", "content-encoding")} == {
        name: theirs[name] for name in ("content-type", "content-encoding")
    }
    assert ours["properties"]["delivery_info"] == theirs["properties"]["delivery_info"]
    assert body_of(ours) == body_of(theirs)
    optional = {"stamped_headers", "stamps", "group_index", "replaced_task_nesting"}
    assert set(ours["headers"]) >= set(theirs["headers"]) - optional


def body_of(entry: dict[str, Any]) -> Any:
    """Return the decoded body of an entry, plain or in base64 as its properties say."""
    encoded = entry["properties"]["body_encoding"] == "base64"
    return json.loads(base64.b64decode(entry["body"]) if encoded else entry["body"])


def test_messages_keep_their_order(broker: Broker, kind: Kind) -> None:
    with reached(broker, kind) as (publisher, _):
        for number in range(200):
            publisher.publish(task(number))
        wait_until(lambda: length(broker) == 200)
    with broker.client() as client:
        entries = [json.loads(text) for text in reversed(client.lrange("tasks.trip", 0, -1))]
    assert [entry["headers"]["id"] for entry in entries] == [task(number).task_id for number in range(200)]


def test_what_was_handed_over_is_sent_before_it_stops_and_its_thread_ends(broker: Broker, kind: Kind) -> None:
    with reached(broker, kind) as (publisher, _):
        for number in range(50):
            publisher.publish(task(number))
    assert length(broker) == 50
    assert "publisher" not in {thread.name for thread in threading.enumerate()}


def test_a_broker_never_reached_refuses_at_once(own_broker: Broker, kind: Kind) -> None:
    with publishing(own_broker, kind) as (publisher, _), pytest.raises(BrokerUnavailableError):
        publisher.publish(task())


@tried_thrice
def test_a_message_to_a_dead_broker_fails_within_a_second_and_the_next_at_once(own_broker: Broker, kind: Kind) -> None:
    with own_broker.running() as server, reached(own_broker, kind) as (publisher, failed):
        server.kill()
        server.wait()
        started = time.monotonic()
        try:
            publisher.publish(task(7))
        except BrokerUnavailableError:
            pass  # the probe was quicker
        else:
            assert failed.get(timeout=30).task_id == "p-trip-7"
        check_time(time.monotonic() - started, NOTICED_WITHIN_S, what="the refusal")
        with pytest.raises(BrokerUnavailableError):
            publisher.publish(task())


def test_an_idle_publisher_notices_by_itself_that_the_broker_died(own_broker: Broker, kind: Kind) -> None:
    with own_broker.running() as server, reached(own_broker, kind) as (publisher, _):
        server.kill()
        server.wait()
        wait_until(lambda: not publisher.reachable)


@tried_thrice
def test_a_broker_that_is_back_is_used_within_two_seconds(own_broker: Broker, kind: Kind) -> None:
    with own_broker.running() as server, reached(own_broker, kind) as (publisher, _):
        server.kill()
        server.wait()
        wait_until(lambda: not publisher.reachable)
        with own_broker.running():
            before, started = length(own_broker), time.monotonic()
            wait_until(lambda: publisher.reachable)
            publisher.publish(task(8))
            wait_until(lambda: length(own_broker) == before + 1)
            check_time(time.monotonic() - started, BACK_WITHIN_S, what="the return")


async def test_a_round_trip_that_is_short_enough_for_a_message_is_so_for_each_of_those_that_connect(
    own_broker: Broker,
) -> None:
    """Else a broker that is slow, but not too slow, would be lost for good with its connection."""
    with own_broker.running():
        async with slow_way(own_broker, round_trip_s=TIMEOUT_S / 3) as url:
            publisher = RedisPublisher(url, on_failure=lambda _: None, on_change=lambda _: None)
            publisher.start()
            try:
                async with asyncio.timeout(30):
                    while not publisher.reachable:
                        await asyncio.sleep(0.01)
            finally:
                await publisher.stop()


def test_changes_are_told_once_each(own_broker: Broker, kind: Kind) -> None:
    changes: list[bool] = []
    publisher = LoopOfItsOwn(kind, own_broker.url, on_failure=lambda _: None, on_change=changes.append)
    try:
        with own_broker.running() as server:
            publisher.start()
            wait_until(lambda: publisher.reachable)
            server.kill()
            server.wait()
            wait_until(lambda: not publisher.reachable)
        with own_broker.running():
            wait_until(lambda: len(changes) >= 3)
            told = list(changes)
    finally:
        publisher.stop()
    assert told == [True, False, True]


@tried_thrice
def test_a_broker_that_hangs_is_noticed_and_what_waits_is_bounded(own_broker: Broker, kind: Kind) -> None:
    with own_broker.running() as server, reached(own_broker, kind, capacity=1) as (publisher, failed):
        with stopped(server):
            started = time.monotonic()
            publisher.publish(task(1))
            with pytest.raises(BrokerUnavailableError):
                publisher.publish(*(task(number) for number in range(2, 10)))
            check_time(time.monotonic() - started, NOTICED_WITHIN_S, what="the refusal")
            wait_until(lambda: not publisher.reachable)
            assert failed.get(timeout=30).task_id == "p-trip-1"
        wait_until(lambda: publisher.reachable)


async def test_a_process_that_stood_still_in_mid_send_takes_no_broker_for_gone(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_publisher, "TIMEOUT_S", 1.0)
    push = RedisPublisher._push

    async def push_and_stand_still(self: RedisPublisher, messages: list[TaskMessage]) -> object:
        asyncio.get_running_loop().call_soon(time.sleep, 1.5)
        return await push(self, messages)

    monkeypatch.setattr(RedisPublisher, "_push", push_and_stand_still)
    failed: list[TaskMessage] = []
    publisher = RedisPublisher(broker.url, on_failure=failed.append, on_change=lambda _: None)
    publisher.start()
    try:
        async with asyncio.timeout(30):
            while not publisher.reachable:
                await asyncio.sleep(0.01)
        publisher.publish(task())
    finally:
        await publisher.stop()
    with broker.client() as client:
        assert (failed, client.llen("tasks.trip")) == ([], 1)
