import json
from collections.abc import Iterator

import pytest
import redis

from core.managers.dead_letters import COUNT_KEY, HEAD_BYTES, KEPT, KEY, bury
from core.managers.redis_clients import create_client
from tests.e2e.processes import Broker, free_port


@pytest.fixture
def client(broker: Broker) -> Iterator[redis.Redis]:
    with create_client(broker.url) as client:
        yield client


def test_a_dead_letter_says_where_it_was_found_and_why(client: redis.Redis) -> None:
    bury(client, b"\x80\x04N.", queue="tasks.trip", reason="not a message: JSONDecodeError")
    [letter] = [json.loads(text) for text in client.lrange(KEY, 0, -1)]
    assert letter.pop("time") > 0
    assert letter == {
        "queue": "tasks.trip",
        "reason": "not a message: JSONDecodeError",
        "bytes": 4,
        "head": "\x80\x04N.",
    }


def test_only_the_start_of_a_giant_is_kept(client: redis.Redis) -> None:
    bury(client, b"x" * 20_000_000, queue="tasks.trip", reason="too large")
    letter = json.loads(client.lindex(KEY, 0) or "")
    assert (letter["bytes"], letter["head"]) == (20_000_000, "x" * HEAD_BYTES)


def test_the_newest_are_kept_and_all_are_counted(client: redis.Redis) -> None:
    for number in range(KEPT + 5):
        bury(client, b"%d" % number, queue="tasks.trip", reason="no reason")
    heads = [json.loads(text)["head"] for text in client.lrange(KEY, 0, -1)]
    assert heads == [str(number) for number in reversed(range(5, KEPT + 5))]
    assert int(client.get(COUNT_KEY) or 0) == KEPT + 5


def test_without_redis_nothing_is_raised() -> None:
    with create_client(f"redis://127.0.0.1:{free_port()}/0") as nowhere:
        bury(nowhere, b"content", queue="tasks.trip", reason="no reason")
