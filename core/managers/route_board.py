"""The route board: where a change of routes spreads from, in the Redis of the result backend.

Redis keys
----------
``tripcast:routes`` : hash, model -> JSON of ``Route``; written by whoever changes a route, and by a web process or a
    worker that finds an older one there than it knows (an emptied Redis, one that was set back).
``tripcast:prepare:<model>`` : hash, nonce -> JSON of ``Preparation``; the versions that workers shall load before a
    route names them; each change removes its own, and what a broken one left expires.
``tripcast:pinned:<model>`` : string, the version that the settings of web processes pin; written by each of them, lives
    two seconds (:mod:`core.managers.pin_notice`).

Channel ``tripcast:routes`` : the name of the model whose route has changed.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from core.managers.heartbeat import INDEX_KEY, decode_heartbeat, worker_key
from core.managers.plain_redis import TIMEOUT_S, LateCommandError, PlainRedis
from core.schemas.heartbeat import Heartbeat
from core.schemas.preparation import Preparation
from core.schemas.route import Route

if TYPE_CHECKING:
    from core.managers.redis_clients import BoardRedis

ROUTES_KEY = "tripcast:routes"
CHANNEL = "tripcast:routes"
MICROSECONDS = 1_000_000
SHOWN = 100
"""Bytes of what is no route, in the log."""
ParsedT = TypeVar("ParsedT", bound=BaseModel)
PUT_NEWER = """
if ARGV[4] then
    local now = redis.call('TIME')
    if now[1] * 1000000 + now[2] > tonumber(ARGV[4]) then return -1 end
end
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
"""Takes a model, a revision and the route, and perhaps until when, in microseconds of Redis's clock: a Redis that stalls
executes what it was sent when it goes on, long after that was given up and undone. Returns 1, 0 where the board's route
is not older, -1 where it is too late."""
PREPARE = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""


def prepare_key(model: str) -> str:
    """Return the key of what workers shall prepare for a model."""
    return f"tripcast:prepare:{model}"


def pinned_key(model: str) -> str:
    """Return the key of what web processes pin for a model."""
    return f"tripcast:pinned:{model}"


class RouteBoard:
    """Reads and writes the board; every method raises one of ``redis_errors()`` if Redis cannot be reached.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    hurried : bool
        Whether it is for one thread that cannot wait for redis-py's import, as on the command line.
    """

    def __init__(self, url: str, *, hurried: bool = False) -> None:
        self._client = _connect(url, hurried=hurried)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def read(self) -> dict[str, Route]:
        """Return the routes by model; what is no route is left out, and logged."""
        found = self._client.execute_command("HGETALL", ROUTES_KEY)
        # redis-py makes a mapping of the names and values that Redis sends in turn.
        return parse_routes(found if isinstance(found, dict) else dict(zip(found[::2], found[1::2], strict=True)))

    def publish(self, model: str, route: Route) -> bool:
        """Put a route on the board and tell everybody, unless a newer one is there; return whether it was put.

        It is put soon or never: where this raises because no reply came, it is not put later either.
        """
        seconds, microseconds = map(int, self._client.execute_command("TIME"))
        until = int((seconds + TIMEOUT_S) * MICROSECONDS) + microseconds
        keys, content = (ROUTES_KEY, CHANNEL), route.model_dump_json()
        put = self._client.execute_command(
            "EVAL", PUT_NEWER, len(keys), *keys, model, str(route.revision), content, str(until)
        )
        if put < 0:
            raise LateCommandError("late")
        return bool(put)

    def prepare(self, model: str, preparation: Preparation, *, lifetime_s: float) -> None:
        """Ask the workers to load versions."""
        content, lifetime_ms = preparation.model_dump_json(), max(1, int(lifetime_s * 1000))
        self._client.execute_command("EVAL", PREPARE, 1, prepare_key(model), preparation.nonce, content, lifetime_ms)

    def withdraw(self, model: str, preparation: Preparation) -> None:
        """Ask for it no longer; what is loaded may stay."""
        self._client.execute_command("HDEL", prepare_key(model), preparation.nonce)

    def preparations(self, models: Iterable[str]) -> dict[str, list[Preparation]]:
        """Return what workers shall load, by model."""
        names = list(models)
        found = self._client.execute_all([("HVALS", prepare_key(model)) for model in names]) if names else []
        parsed = {
            model: [_parse(Preparation, value) for value in values] for model, values in zip(names, found, strict=True)
        }
        return {model: [asked for asked in many if asked is not None] for model, many in parsed.items()}

    def pinned(self, model: str) -> str:
        """Return the version that web processes answer with whatever the route says; empty: they follow it."""
        found = self._client.execute_command("GET", pinned_key(model))
        return bytes(found or b"").decode(errors="replace")

    def workers(self) -> list[Heartbeat]:
        """Return the heartbeats of the living workers."""
        names = [bytes(name).decode(errors="replace") for name in self._client.execute_command("SMEMBERS", INDEX_KEY)]
        values = self._client.execute_command("MGET", *map(worker_key, names)) if names else []
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

    def pinned(self, model: str) -> str:
        """Return that nobody pins anything."""
        del model
        return ""

    def workers(self) -> list[Heartbeat]:
        """Return no worker."""
        return []


def _connect(url: str, *, hurried: bool) -> "PlainRedis | BoardRedis":
    if hurried and PlainRedis.speaks(url):
        return PlainRedis(url)
    from core.managers.redis_clients import BoardRedis  # noqa: PLC0415 (see above)

    return BoardRedis(url)


def parse_routes(values: Mapping[Any, Any]) -> dict[str, Route]:
    """Return the routes of a hash as Redis gave it."""
    parsed = {bytes(model).decode(errors="replace"): _parse(Route, value) for model, value in values.items()}
    return {model: route for model, route in parsed.items() if route is not None}


def _parse(kind: type[ParsedT], value: bytes | str) -> ParsedT | None:
    """Return what a key holds, or None for what is none: somebody else's key must not stop the readers."""
    with suppress(ValidationError):
        return kind.model_validate_json(value)
    _complain(kind.__name__, value)
    return None


@lru_cache(maxsize=64)
def _complain(kind: str, value: bytes | str) -> None:
    """Say once of a value that it is none: the board is read five times a second."""
    from loguru import logger  # noqa: PLC0415 (who changes a route waits for nothing that it does not need)

    logger.warning("a key of the route board holds no {}: {}", kind, value[:SHOWN])
