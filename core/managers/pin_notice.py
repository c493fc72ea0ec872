"""The pin notice: a web process whose settings pin a version says so, for whoever wants to change the route.

The key and its type are described with the others of the board: :mod:`core.managers.route_board`.
"""

import asyncio
from collections.abc import Mapping

from loguru import logger
from redis.exceptions import RedisError

from core.managers.redis_clients import create_async_client
from core.managers.route_board import pinned_key
from core.utilities.background import stop_tasks

INTERVAL_S = 0.5
LIFETIME_S = 2.0
"""A web process that is gone pins nothing any more."""


class PinNotice:
    """Says again and again what is pinned; costs nothing where nothing is.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    pinned : mapping of str to str
        Model -> the version that answers whatever its route says.
    """

    def __init__(self, url: str, pinned: Mapping[str, str]) -> None:
        self._client = create_async_client(url)
        self._pinned = dict(pinned)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Say it from now on."""
        if self._pinned:
            self._task = asyncio.create_task(self._say_for_ever(), name="pin-notice")

    async def stop(self) -> None:
        """Say it no more."""
        if self._task is not None:
            await stop_tasks([self._task])
        await self._client.aclose()

    async def _say_for_ever(self) -> None:
        while True:
            try:
                for model, version in self._pinned.items():
                    await self._client.set(pinned_key(model), version, px=int(LIFETIME_S * 1000))
            except (RedisError, OSError, TimeoutError) as error:
                logger.debug("what is pinned cannot be said: {}", type(error).__name__)
            await asyncio.sleep(INTERVAL_S)
