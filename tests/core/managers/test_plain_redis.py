import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest
import redis

from core.managers.plain_redis import PlainRedis, PlainRedisError, redis_errors
from tests.e2e.processes import Broker, wait_until

PASSWORD = "s%crt"  # noqa: S105 (of a broker that lives for a second)


@pytest.fixture
def plain(broker: Broker) -> Iterator[PlainRedis]:
    client = PlainRedis(broker.url)
    yield client
    client.close()


def test_it_gives_what_redis_replies(plain: PlainRedis) -> None:
    large = "x" * 300_000
    assert plain.execute_command("SET", "a", large) == b"OK"
    assert plain.execute_all([("GET", "a"), ("GET", "b"), ("HSET", "h", "one", 1), ("HGETALL", "h")]) == [
        large.encode(),
        None,
        1,
        [b"one", b"1"],
    ]


def test_a_command_that_is_refused_is_an_error_and_the_next_one_is_not(plain: PlainRedis) -> None:
    with pytest.raises(PlainRedisError, match="unknown command"):
        plain.execute_all([("SET", "a", 1), ("NOSUCH",), ("SET", "b", 2)])
    assert plain.execute_all([("GET", "a"), ("GET", "b")]) == [b"1", b"2"]


def test_it_finds_a_redis_again_that_was_away(own_broker: Broker) -> None:
    client = PlainRedis(own_broker.url)
    with own_broker.running():
        assert client.execute_command("PING") == b"PONG"
    for _ in range(2):
        with pytest.raises(redis_errors(), match="Connection"):
            client.execute_command("PING")
    with own_broker.running():
        assert client.execute_command("PING") == b"PONG"
    client.close()


def test_it_gives_the_password_and_takes_the_database_that_the_url_names(own_broker: Broker) -> None:
    with own_broker.running():
        with redis.Redis(port=own_broker.port) as admin:
            admin.config_set("requirepass", PASSWORD)
            admin.acl_setuser("ada", enabled=True, passwords=["+swordfish"], keys="*", commands=["+@all"])
            where = f"127.0.0.1:{own_broker.port}"
            first, second = PlainRedis(f"redis://:s%25crt@{where}/3"), PlainRedis(f"redis://ada:swordfish@{where}/3")
            first.execute_command("SET", "a", 1)
            assert second.execute_command("GET", "a") == b"1"
            with redis.Redis(port=own_broker.port, db=3, password=PASSWORD) as theirs:
                assert theirs.get("a") == b"1"
            guessing = PlainRedis(f"redis://:guess@{where}/3")
            for _ in range(2):
                with pytest.raises(PlainRedisError, match="WRONGPASS"):
                    guessing.execute_command("PING")
        first.close()
        second.close()


def test_what_it_does_not_speak_is_left_to_the_library() -> None:
    spoken = ("redis://localhost", "redis://localhost:6379/", "redis://:pw@host:1/15")
    assert all(map(PlainRedis.speaks, spoken))
    others = ("rediss://host/0", "unix:///run/redis.sock", "redis://host/0?db=3", "redis+socket://x", "redis://host/a")
    assert not any(map(PlainRedis.speaks, others))


def test_a_server_that_is_silent_is_away(own_broker: Broker) -> None:
    client = PlainRedis(own_broker.url)
    with own_broker.running() as process:
        client.execute_command("PING")
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(PlainRedisError, match="Timeout"):
                client.execute_command("PING")
        finally:
            process.send_signal(signal.SIGCONT)
        wait_until(lambda: answers(client))
    client.close()


def answers(client: PlainRedis) -> bool:
    with suppress(PlainRedisError):
        return bool(client.execute_command("PING") == b"PONG")
    return False
