"""The route board: where a change of routes spreads from, in the Redis of the result backend.

Redis keys
----------
``tripcast:routes`` : hash, model -> JSON of ``Route``; written by whoever changes a route, and by a process that finds
    an older one there than it knows (an emptied Redis, one that was set back).
``tripcast:prepare:<model>`` : hash, nonce -> JSON of ``Preparation``; the versions that workers shall load before a
    route names them; each change removes its own, and what a broken one left expires.

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
        with self._client.pipeline() as pipe:
            pipe.hset(prepare_key(model), preparation.nonce, preparation.model_dump_json())
            pipe.pexpire(prepare_key(model), max(1, int(lifetime_s * 1000)))
            pipe.execute()

    def withdraw(self, model: str, preparation: Preparation) -> None:
        """Ask for it no longer; what is loaded may stay."""
        self._client.hdel(prepare_key(model), preparation.nonce)

    def preparations(self, models: Iterable[str]) -> dict[str, list[Preparation]]:
        """Return what workers shall load, by model."""
        names = list(models)
        with self._client.pipeline(transaction=False) as pipe:
            for model in names:
                pipe.hvals(prepare_key(model))
            found: Any = pipe.execute() if names else []
        parsed = {
            model: [_parse(Preparation, value) for value in values] for model, values in zip(names, found, strict=True)
        }
        return {model: [asked for asked in many if asked is not None] for model, many in parsed.items()}

    def workers(self) -> list[Heartbeat]:
        """Return the heartbeats of the living workers."""
        names: Any = self._client.smembers(INDEX_KEY)
        values: Any = (
            self._client.mget([worker_key(bytes(name).decode(errors="replace")) for name in names]) if names else []
        )
        return [beat for value in values if value is not None and (beat := decode_heartbeat(value)) is not None]


class AbsentBoard(RouteBoard):
    """Stands in where no Redis runs: nobody follows a route, and what is stored is what the next start follows."""

    def __init__(self) -> None:
        """Connect to nothing."""

    def close(self) -> None:
        """Close nothing."""

    def read(self) -> dict[str, Route]:
        """Return no routes."""
        return {}

    def publish(self, model: str, route: Route) -> bool:
        """Tell nobody; that is no conflict."""
        del model, route
        return True

    def prepare(self, model: str, preparation: Preparation, *, lifetime_s: float) -> None:
        """Ask nobody."""

    def withdraw(self, model: str, preparation: Preparation) -> None:
        """Ask nobody."""

    def preparations(self, models: Iterable[str]) -> dict[str, list[Preparation]]:
        """Return what nobody is asked for."""
        return {model: [] for model in models}

    def workers(self) -> list[Heartbeat]:
        """Return no worker."""
        return []


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
