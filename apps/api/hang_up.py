"""Noticing a caller who hangs up while he waits."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

HANG_UP_CHECK_S = 0.25
"""A request that waits longer than this is watched; most are answered before, and a watch is not free."""


@contextmanager
def watch_for_hang_up(receive: Receive, answer: "asyncio.Future[Any]") -> Iterator[None]:
    """Let ``answer`` raise ``ClientDisconnect`` once the caller hangs up. The body must have been read."""
    loop = asyncio.get_running_loop()
    watch: list[asyncio.Task[None]] = []
    timer = loop.call_later(HANG_UP_CHECK_S, lambda: watch.append(loop.create_task(_watch(receive, answer))))
    try:
        yield
    finally:
        timer.cancel()
        for task in watch:
            task.cancel()


async def _watch(receive: Receive, answer: "asyncio.Future[Any]") -> None:
    await receive()
    if not answer.done():
        answer.set_exception(ClientDisconnect())
