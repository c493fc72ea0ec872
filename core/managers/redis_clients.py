"""Redis clients with one policy: short timeouts, no retries of their own.

redis-py retries ten times by default and can block for a minute; whoever uses these clients decides
himself what a failure means, within a second.
"""

from collections.abc import Sequence
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.managers.plain_redis import TIMEOUT_S, Command

__all__ = ["TIMEOUT_S", "BoardRedis", "create_async_client", "create_client"]


def create_client(url: str) -> redis.Redis:
    """Return a blocking client (cooperative under gevent)."""
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )


def create_async_client(url: str, *, read_timeout_s: float | None = TIMEOUT_S) -> redis.asyncio.Redis:
    """Return an asyncio client; a subscriber, which waits for ever, passes ``read_timeout_s=None``."""
    return redis.asyncio.Redis.from_url(
        url, socket_timeout=read_timeout_s, socket_connect_timeout=TIMEOUT_S, retry=AsyncRetry(NoBackoff(), 0)
    )


class BoardRedis:
    """redis-py as :class:`core.managers.plain_redis.PlainRedis` is asked, safe in threads; raises ``redis.RedisError``."""

    def __init__(self, url: str) -> None:
        self._client = create_client(url)

    def execute_command(self, *command: str | bytes | int) -> Any:  # noqa: ANN401 (a reply)
        """Return the reply to a command."""
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def execute_all(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands that are sent together."""
        with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipe.execute())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
