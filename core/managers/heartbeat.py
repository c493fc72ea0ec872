"""Worker heartbeats: written by each worker process, read by each web process.

Redis keys (on the result backend)
----------------------------------
``tripcast:worker:<id>`` : string, JSON of ``Heartbeat``; lives ``LIFETIME_S``; written by that worker.
``tripcast:workers`` : set of worker ids; each worker adds itself with every beat, a reader removes those
    whose key has expired. No clock is compared, so that workers' clocks may differ.
"""

from typing import TYPE_CHECKING

from pydantic import ValidationError

from core.schemas.heartbeat import Heartbeat

if TYPE_CHECKING:
    import redis.asyncio

INTERVAL_S = 0.25
LIFETIME_S = 1.0
"""Three beats may be late before a worker counts as dead."""
INDEX_KEY = "tripcast:workers"


def worker_key(worker: str) -> str:
    """Return the key of a worker's heartbeat."""
    return f"tripcast:worker:{worker}"


async def read_heartbeats(client: "redis.asyncio.Redis") -> list[Heartbeat]:
    """Return the heartbeats of all living workers.

    Raises
    ------
    redis.RedisError
        If Redis cannot be reached.
    """
    workers = [str(name, "utf-8", "replace") for name in await client.smembers(INDEX_KEY) if isinstance(name, bytes)]
    if not workers:
        return []
    values = await client.mget([worker_key(worker) for worker in workers])
    dead = [worker for worker, value in zip(workers, values, strict=True) if value is None]
    if dead:
        await client.srem(INDEX_KEY, *dead)
    return [heartbeat for value in values if value is not None and (heartbeat := decode_heartbeat(value)) is not None]


def decode_heartbeat(value: bytes | str) -> Heartbeat | None:
    """Return the heartbeat, or ``None`` for what is none: somebody else's key must not stop the readers."""
    try:
        return Heartbeat.model_validate_json(value)
    except ValidationError:
        from loguru import logger  # noqa: PLC0415 (whoever changes a route reads heartbeats, and is in a hurry)

        logger.warning("a heartbeat key holds no heartbeat")
        return None
