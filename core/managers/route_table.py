"""The route table: the routes as this web process knows them, told of a change at once and looked up all the time."""

import asyncio
from collections.abc import Callable

from loguru import logger
from redis.exceptions import RedisError

from core.managers.redis_clients import TIMEOUT_S, create_async_client
from core.managers.route_board import CHANNEL, PUT_NEWER, ROUTES_KEY, parse_routes
from core.schemas.route import Route
from core.services.routing import choose_version
from core.utilities.background import stop_tasks

SILENCE_S = 5.0
RECONNECT_INTERVAL_S = 1.0


class RouteTable:
    """Holds the newest route of each model; used on the event loop only.

    Parameters
    ----------
    url : str
        Redis of the result backend, where the route board is.
    on_change : callable
        Told of each model whose route has changed.
    """

    def __init__(self, url: str, *, on_change: Callable[[str], None] = lambda model: None) -> None:
        self._client = create_async_client(url)
        # A subscription waits for ever, so its client has no read timeout.
        self._subscriber = create_async_client(url, read_timeout_s=None)
        self._on_change = on_change
        self._routes: dict[str, Route] = {}
        self._left_at: dict[tuple[str, str], float] = {}
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Hear of changes at once from now on; :meth:`poll` finds what was missed."""
        self._listening = asyncio.create_task(self._listen_for_ever(), name="route-listener")

    async def stop(self) -> None:
        """Close the connections."""
        if self._listening is not None:
            await stop_tasks([self._listening])
        await self._subscriber.aclose()
        await self._client.aclose()

    def get(self, model: str) -> Route | None:
        """Return the route of a model, None if none was ever changed: then the workers' files decide."""
        return self._routes.get(model)

    def choose(self, model: str, request_id: str) -> str | None:
        """Return the version that answers a request, None if the workers decide."""
        route = self._routes.get(model)
        return None if route is None else choose_version(route, request_id)

    def seconds_off(self, model: str, version: str) -> float:
        """Return for how long a version has no longer been one that the route answers with; 0 if that is not known."""
        left_at = self._left_at.get((model, version))
        return 0.0 if left_at is None else asyncio.get_running_loop().time() - left_at

    async def poll(self) -> None:
        """Read the board; put back what it has forgotten.

        Raises
        ------
        redis.exceptions.RedisError
            If Redis cannot be reached; what is known still stands.
        """
        board = parse_routes(await self._client.hgetall(ROUTES_KEY))
        for model, route in board.items():
            known = self._routes.get(model)
            if known is None or route.revision > known.revision:
                self._note_who_left(model, known, route)
                self._routes[model] = route
                logger.info("route of {}: {}", model, route.model_dump_json())
                self._on_change(model)
        for model, known in self._routes.items():
            if model not in board or board[model].revision < known.revision:
                put = await self._client.eval(
                    PUT_NEWER, 2, ROUTES_KEY, CHANNEL, model, str(known.revision), known.model_dump_json()
                )
                if put:
                    logger.warning("the route board has lost revision {} of {}; it is put back", known.revision, model)

    def _note_who_left(self, model: str, before: Route | None, after: Route) -> None:
        now = asyncio.get_running_loop().time()
        for version in before.answering if before is not None else ():
            self._left_at[model, version] = now
        for version in after.answering:
            self._left_at.pop((model, version), None)

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                logger.debug("changes of routes are not heard: {}", type(error).__name__)
            await asyncio.sleep(RECONNECT_INTERVAL_S)

    async def _listen(self) -> None:
        async with self._subscriber.pubsub() as pubsub:
            await asyncio.wait_for(pubsub.subscribe(CHANNEL), TIMEOUT_S)
            while True:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=SILENCE_S)
                if message is None:
                    await asyncio.wait_for(pubsub.ping(), TIMEOUT_S)
                else:
                    await self.poll()
