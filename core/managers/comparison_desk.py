"""The comparison desk: where the recorder has versions compared, one order after another.

Each is a process of its own: it imports what models need, 200 MiB, and what it does to itself, such as running out of
memory, is not the recorder's end.
"""

import os
import subprocess
import time
from collections.abc import Sequence

import redis
from loguru import logger
from pydantic import ValidationError

from core.managers.comparison_board import ORDERS_KEY, REPLY_LIFETIME_S, reply_key
from core.managers.redis_clients import create_client
from core.schemas.comparison import ComparisonOrder, ComparisonReply

ONE_CORE = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
"""A comparison has time; callers of predictions have none."""


class ComparisonDesk:
    """Has versions compared; an onlooker of the recorder, so that only the one that works does.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    command : sequence of str
        Starts what compares: it is given an order as JSON as its last argument, and prints a ``ComparisonReply``.
    """

    def __init__(self, url: str, *, command: Sequence[str]) -> None:
        self._client = create_client(url)
        self._command = tuple(command)
        self._order: ComparisonOrder | None = None
        self._process: subprocess.Popen[str] | None = None

    def look(self, content: bytes) -> None:
        """See an entry's content: that is nothing here."""

    def tick(self) -> None:
        """Answer the order under way if that is done, and begin the next one.

        Raises
        ------
        redis.RedisError
            If Redis is away.
        """
        if self._order is not None and self._process is not None:
            self._answer(self._order, self._process)
        if self._process is None:
            self._begin()

    def close(self) -> None:
        """End what is under way: who asked is told that it did not come to its end."""
        if self._order is not None and self._process is not None:
            self._process.kill()
            self._process.communicate()
            try:
                self._reply(self._order, ComparisonReply())
            except redis.RedisError as error:
                logger.warning("who asked for a comparison is told nothing: {}", type(error).__name__)
        self._client.close()

    def _begin(self) -> None:
        while (content := self._client.lpop(ORDERS_KEY)) is not None:
            try:
                order = ComparisonOrder.model_validate_json(content)  # type: ignore[arg-type]  # bytes, of one entry
            except ValidationError:
                logger.error("an order to compare is none: {}", str(content)[:100])
                continue
            if order.until <= time.time():
                continue
            try:
                self._process = self._start(order)
                self._order = order
            except OSError as error:
                logger.error("{} cannot be compared: no process can be started ({})", order.request, error.strerror)
                self._reply(order, ComparisonReply())
            return

    def _start(self, order: ComparisonOrder) -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603 (our own command; the order is one argument)
            [*self._command, order.model_dump_json()],
            env={**os.environ, **ONE_CORE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _answer(self, order: ComparisonOrder, process: "subprocess.Popen[str]") -> None:
        late = time.time() > order.until
        if late:
            process.kill()
        elif process.poll() is None:
            return
        told, _ = process.communicate()  # some kilobytes, which the pipe holds until here
        self._order = self._process = None
        if late:
            return
        if process.returncode:
            logger.warning("what compared {} ended with status {}", order.request, process.returncode)
        self._reply(order, _reply_of(told))

    def _reply(self, order: ComparisonOrder, reply: ComparisonReply) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(reply_key(order.id), reply.model_dump_json())
            pipe.expire(reply_key(order.id), REPLY_LIFETIME_S)
            pipe.execute()


def _reply_of(told: str) -> ComparisonReply:
    """Return what a process has printed; one that did not come to its end, printed nothing."""
    try:
        return ComparisonReply.model_validate_json(told)
    except ValidationError:
        return ComparisonReply()
