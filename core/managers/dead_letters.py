"""Dead letters: messages that nobody can work with, kept with the reason.

Redis keys (on the Redis that is broker, or result backend)
-----------------------------------------------------------
``tripcast:dead-letters`` : list of JSON ``{queue, reason, time, bytes, head}``, newest first, at most
    ``KEPT``; no lifetime; written by the workers. ``head`` is the start of the message, Latin-1.
``tripcast:dead-letters:count`` : integer, all there ever were; no lifetime; written by the workers.
"""

import time

import orjson
import redis
from loguru import logger

KEY = "tripcast:dead-letters"
COUNT_KEY = "tripcast:dead-letters:count"
KEPT = 1000
HEAD_BYTES = 4096


def bury(client: redis.Redis, content: bytes, *, queue: str, reason: str) -> None:
    """Keep the start of a message that cannot be worked with; never raises for want of Redis."""
    letter = orjson.dumps(
        {
            "queue": queue,
            "reason": reason,
            "time": time.time(),
            "bytes": len(content),
            "head": content[:HEAD_BYTES].decode("latin-1"),
        }
    )
    logger.bind(queue=queue, bytes=len(content)).error("a message is set aside: {}", reason)
    try:
        with client.pipeline(transaction=False) as pipe:
            pipe.lpush(KEY, letter)
            pipe.ltrim(KEY, 0, KEPT - 1)
            pipe.incr(COUNT_KEY)
            pipe.execute()
    except redis.RedisError as error:
        logger.error("a dead letter is not kept: {}", type(error).__name__)
