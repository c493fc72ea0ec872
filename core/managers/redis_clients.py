"""Redis clients with one policy: short timeouts, no retries of their own.

redis-py retries ten times by default and can block for a minute; whoever uses these clients decides
himself what a failure means, within a second.
"""

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_S = 1.0


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
