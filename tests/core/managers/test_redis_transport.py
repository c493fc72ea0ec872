import json
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Consumer, Message, Producer, Queue

from core.managers.redis_transport import HardenedTransport
from core.schemas.task_message import RESENT_BY_SENDER
from tests.e2e.processes import Broker

QUEUE = Queue("tasks.trip", routing_key="tasks.trip")
RESENT = {RESENT_BY_SENDER: True}


class Reader:
    """Takes messages as a worker does."""

    def __init__(self, broker: Broker, *, prefetch: int = 0) -> None:
        self.connection = Connection(broker.url, transport=HardenedTransport)
        self.messages: list[Message] = []
        self._consumer = Consumer(self.connection, [QUEUE], on_message=self.messages.append, accept=["json"])
        self._consumer.qos(prefetch_count=prefetch)
        self._consumer.consume()

    def read(self, count: int) -> list[Message]:
        while len(self.messages) < count:
            self.connection.drain_events(timeout=30)
        return self.messages


@pytest.fixture
def reader(broker: Broker) -> Iterator[Reader]:
    reader = Reader(broker)
    yield reader
    reader.connection.close()


def put(broker: Broker, content: str, headers: dict[str, Any]) -> None:
    with Connection(broker.url) as connection:
        Producer(connection, auto_declare=False).publish(
            content, exchange="", routing_key="tasks.trip", serializer="json", headers=headers
        )


def unacked(broker: Broker) -> int:
    with broker.client() as client:
        return int(client.hlen("unacked")) + int(client.zcard("unacked_index"))


def waiting(broker: Broker) -> list[dict[str, Any]]:
    with broker.client() as client:
        return [json.loads(entry) for entry in client.lrange("tasks.trip", 0, -1)]


@pytest.mark.parametrize(("headers", "noted"), [({}, 2), (RESENT, 0), ({RESENT_BY_SENDER: "yes"}, 2)])
def test_only_what_nobody_else_would_send_again_is_noted_in_redis(
    broker: Broker, reader: Reader, headers: dict[str, Any], noted: int
) -> None:
    put(broker, "x", headers)
    (message,) = reader.read(1)

    assert unacked(broker) == noted
    message.ack()
    assert unacked(broker) == 0


def test_what_its_sender_sends_again_counts_towards_the_prefetch_limit(broker: Broker) -> None:
    reader = Reader(broker, prefetch=2)
    for number in range(3):
        put(broker, str(number), RESENT)
    reader.read(2)
    with pytest.raises(TimeoutError):
        reader.connection.drain_events(timeout=0.3)

    reader.messages[0].ack()

    assert [message.payload for message in reader.read(3)] == ["0", "1", "2"]
    reader.connection.close()


@pytest.mark.parametrize("headers", [{}, RESENT])
def test_a_reader_that_leaves_gives_back_what_it_did_not_acknowledge(broker: Broker, headers: dict[str, Any]) -> None:
    reader = Reader(broker)
    for number in range(3):
        put(broker, str(number), headers)
    reader.read(3)[1].ack()

    reader.connection.close()

    assert len(waiting(broker)) == 2
    assert unacked(broker) == 0


def test_what_was_not_begun_comes_back_without_suspicion(broker: Broker, reader: Reader) -> None:
    put(broker, "first", RESENT)
    (first,) = reader.read(1)
    put(broker, "second", RESENT)

    first.requeue()

    assert sorted(message.payload for message in reader.read(3)[1:]) == ["first", "second"]
    assert not any(message.delivery_info.get("redelivered") for message in reader.messages)


def test_what_is_refused_is_gone(broker: Broker, reader: Reader) -> None:
    put(broker, "x", RESENT)
    (message,) = reader.read(1)

    message.reject()
    reader.connection.close()

    assert waiting(broker) == []
