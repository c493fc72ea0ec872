"""Waiting for the workers on behalf of a caller: how long, and only while he is there."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from apps.api.bodies import find_header
from apps.api.errors import InvalidHeaderError
from config import Settings

HANG_UP_CHECK_S = 0.25
"""A request that waits longer than this is watched for a caller who hangs up."""
CLIENT_CLOSED_REQUEST = 499
"""Nobody reads this answer; the status is for the log (nginx's convention)."""
TIMEOUT_HEADER = {
    "name": "X-Request-Timeout",
    "in": "header",
    "required": False,
    "description": "Seconds after which the caller no longer waits; lowers the deadline, never raises it.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
"""OpenAPI's description of the header that :func:`timeout_of` reads."""
Answer = TypeVar("Answer")


def timeout_of(scope: Scope, settings: Settings) -> float:
    """Return the seconds that this request may take: the setting, lowered by ``X-Request-Timeout``.

    Raises
    ------
    InvalidHeaderError
        If the header is not a positive number.
    """
    header = find_header(scope, b"x-request-timeout")
    if header is None:
        return settings.request_timeout_s
    try:
        wanted = float(header)
    except ValueError:
        wanted = float("nan")
    if not wanted > 0:
        raise InvalidHeaderError("X-Request-Timeout must be a positive number of seconds")
    return min(wanted, settings.request_timeout_s)


@contextmanager
def watch_for_hang_up(receive: Receive, on_hang_up: Callable[[], None]) -> Iterator[None]:
    """Call ``on_hang_up`` if the caller hangs up meanwhile. The whole body must have been read."""
    loop = asyncio.get_running_loop()
    watch: list[asyncio.Task[None]] = []
    timer = loop.call_later(HANG_UP_CHECK_S, lambda: watch.append(loop.create_task(_watch(receive, on_hang_up))))
    try:
        yield
    finally:
        timer.cancel()
        for task in watch:
            task.cancel()


async def _watch(receive: Receive, on_hang_up: Callable[[], None]) -> None:
    await receive()
    on_hang_up()


async def wait_or_hang_up(receive: Receive, prediction: Coroutine[Any, Any, Answer]) -> Answer:
    """Wait for a prediction, and after a while also for the caller to hang up.

    Raises
    ------
    ClientDisconnect
        If the caller is gone; the prediction is cancelled then, and its rows are out of the line.
    """
    gone = False

    def give_up() -> None:
        nonlocal gone
        gone = True
        waiting.cancel()

    waiting = asyncio.ensure_future(prediction)
    try:
        with watch_for_hang_up(receive, give_up):
            return await waiting
    except asyncio.CancelledError:
        if gone:
            raise ClientDisconnect from None
        raise
    finally:
        waiting.cancel()
