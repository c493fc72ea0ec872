"""Background tasks of an event loop, and how to end them."""

import asyncio
from collections.abc import Iterable
from typing import Any

RETRY_S = 0.2


async def stop_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done.

    One cancellation may be swallowed: a library that turns it into a time-out of its own, in the instant in
    which both happen, lets the task go on.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=RETRY_S)
