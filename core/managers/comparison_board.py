"""The comparison board: a web process asks, the recorder has two versions compared.

Web processes hold no model and read no Parquet; the recorder is where the records are.

Redis keys (on the result backend)
----------------------------------
``tripcast:comparisons`` : list of JSON of ``ComparisonOrder``, the oldest first; written by web processes, taken off by
    the recorder that works, or by who asked and waits no longer.
``tripcast:comparison:<id>`` : list of one JSON of ``ComparisonReply``; written by the recorder, read by who asked; lives
    ``REPLY_LIFETIME_S``.
"""

import asyncio
import time
import uuid

from pydantic import ValidationError
from redis.exceptions import RedisError

from core.managers.records import LEASE_KEY
from core.managers.redis_clients import create_async_client
from core.schemas.comparison import Comparison, ComparisonOrder, ComparisonReply, ComparisonRequest
from core.utilities.errors import (
    ComparisonError,
    ComparisonUnavailableError,
    DeadlinePassedError,
    UnknownVersionError,
)

ORDERS_KEY = "tripcast:comparisons"
TIMEOUT_S = 50.0
"""Proxies often wait for a minute."""
REPLY_LIFETIME_S = 60
SLACK_S = 5.0
_AWAY = (RedisError, OSError, TimeoutError)


def reply_key(order_id: str) -> str:
    """Return the key of the reply to an order."""
    return f"tripcast:comparison:{order_id}"


class ComparisonBoard:
    """Asks for one web process; used on the event loop only.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    timeout_s : float
        How long a comparison may take.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._client = create_async_client(url)
        self._patient = create_async_client(url, read_timeout_s=None)
        self._timeout_s = timeout_s

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._patient.aclose()

    async def compare(self, model: str, request: ComparisonRequest) -> Comparison:
        """Return what the recorder finds.

        Raises
        ------
        UnknownVersionError
            If a version must predict, and is neither where the recorder is nor in its storage.
        ComparisonError
            If they cannot be compared: nothing is recorded there, a version does not load.
        ComparisonUnavailableError
            If no recorder works, Redis is away, or what compared did not come to its end.
        DeadlinePassedError
            If it takes too long.
        """
        order = ComparisonOrder(id=uuid.uuid4().hex, model=model, request=request, until=time.time() + self._timeout_s)
        try:
            content = await self._ask(order)
        except _AWAY as error:
            raise ComparisonUnavailableError("Redis, by which the recorder is asked, cannot be reached") from error
        if content is None:
            raise DeadlinePassedError(
                f"not compared within {self._timeout_s:g} s; ask for less, or on the command line, which takes its time"
            )
        return _read(content)

    async def _ask(self, order: ComparisonOrder) -> bytes | str | None:
        """Return the reply to an order, None if there is none in time."""
        if not await self._client.exists(LEASE_KEY):
            raise ComparisonUnavailableError("no recorder runs, which is what compares")
        content = order.model_dump_json()
        try:
            await self._client.rpush(ORDERS_KEY, content)
            # Redis counts the time; what is beyond that says that it is gone.
            async with asyncio.timeout(self._timeout_s + SLACK_S):
                found = await self._patient.blpop([reply_key(order.id)], timeout=self._timeout_s)
        finally:
            await self._client.lrem(ORDERS_KEY, 1, content)
        return None if found is None else found[1]


def _read(content: bytes | str) -> Comparison:
    try:
        reply = ComparisonReply.model_validate_json(content)
    except ValidationError as error:
        raise ComparisonUnavailableError("the recorder is of another revision") from error
    if reply.comparison is not None:
        return reply.comparison
    if reply.unknown_version is not None:
        raise UnknownVersionError(reply.unknown_version)
    if reply.refused is not None:
        raise ComparisonError(reply.refused)
    raise ComparisonUnavailableError("what compared did not come to its end; ask for less, or on the command line")
