"""The route board: where a change of routes spreads from, in the Redis of the result backend.

Redis keys
----------
``tripcast:routes`` : hash, model -> JSON of ``Route``; written by whoever changes a route, and by a process that finds
    an older one there than it knows (an emptied Redis, one that was set back).
``tripcast:prepare:<model>`` : string, JSON of ``Preparation``; the versions that workers shall load before a route
    names them; lives as long as the change is given.

Channel ``tripcast:routes`` : the name of the model whose route has changed.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from loguru import logger
from pydantic import BaseModel, ValidationError

from core.managers.heartbeat import INDEX_KEY, decode_heartbeat, worker_key
from core.managers.redis_clients import create_client
from core.schemas.heartbeat import Heartbeat
from core.schemas.preparation import Preparation
from core.schemas.route import Route

ROUTES_KEY = "tripcast:routes"
CHANNEL = "tripcast:routes"
ParsedT = TypeVar("ParsedT", bound=BaseModel)
PUT_NEWER = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
    local parsed, content = pcall(cjson.decode, known)
    if parsed and type(content) == 'table' and (tonumber(content.revision) or 0) >= tonumber(ARGV[2]) then
        return 0
    end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PUBLISH', KEYS[2], ARGV[1])
return 1
"""


def prepare_key(model: str) -> str:
    """Return the key of what workers shall prepare for a model."""
    return f"tripcast:prepare:{model}"


class RouteBoard:
    """Reads and writes the board; every method raises ``redis.RedisError`` if Redis cannot be reached.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    """

    def __init__(self, url: str) -> None:
        self._client = create_client(url)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def read(self) -> dict[str, Route]:
        """Return the routes by model; what is no route is left out, and logged."""
        return parse_routes(self._client.hgetall(ROUTES_KEY))

    def publish(self, model: str, route: Route) -> bool:
        """Put a route on the board and tell everybody, unless a newer one is there; return whether it was put."""
        content = route.model_dump_json()
        done: Any = self._client.eval(PUT_NEWER, 2, ROUTES_KEY, CHANNEL, model, str(route.revision), content)
        return bool(done)

    def prepare(self, model: str, preparation: Preparation, *, lifetime_s: float) -> None:
        """Ask the workers to load versions."""
        self._client.set(prepare_key(model), preparation.model_dump_json(), px=max(1, int(lifetime_s * 1000)))

    def preparations(self, models: Iterable[str]) -> dict[str, Preparation]:
        """Return what workers shall load, by model."""
        names = list(models)
        values: Any = self._client.mget([prepare_key(model) for model in names]) if names else []
        parsed = {model: _parse(Preparation, value) for model, value in zip(names, values, strict=True) if value}
        return {model: preparation for model, preparation in parsed.items() if preparation is not None}

    def workers(self) -> list[Heartbeat]:
        """Return the heartbeats of the living workers."""
        names: Any = self._client.smembers(INDEX_KEY)
        values: Any = (
            self._client.mget([worker_key(bytes(name).decode(errors="replace")) for name in names]) if names else []
        )
        return [beat for value in values if value is not None and (beat := decode_heartbeat(value)) is not None]


def parse_routes(values: Mapping[Any, Any]) -> dict[str, Route]:
    """Return the routes of a hash as Redis gave it."""
    parsed = {bytes(model).decode(errors="replace"): _parse(Route, value) for model, value in values.items()}
    return {model: route for model, route in parsed.items() if route is not None}


def _parse(kind: type[ParsedT], value: bytes | str) -> ParsedT | None:
    """Return what a key holds, or None for what is none: somebody else's key must not stop the readers."""
    with suppress(ValidationError):
        return kind.model_validate_json(value)
    logger.warning("a key of the route board holds no {}", kind.__name__)
    return None
