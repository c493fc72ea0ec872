"""A lease: one process of many does something, and another takes over soon after it is gone.

The key is a string, the holder's random name; it lives ``lifetime_s`` after each renewal and is written by the holder.
"""

import uuid
from typing import Any

import redis

_RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
_GIVE_BACK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class RedisLease:
    """One key that at most one process holds.

    Parameters
    ----------
    client : redis.Redis
        Where the key is.
    key : str
        Its name.
    lifetime_s : float
        How long it stays held after its holder was last heard of.
    """

    def __init__(self, client: redis.Redis, key: str, *, lifetime_s: float) -> None:
        self._client = client
        self._key = key
        self._lifetime_ms = int(lifetime_s * 1000)
        self._name = uuid.uuid4().hex

    def hold(self) -> bool:
        """Take the lease or renew it; tell whether it is ours now.

        Raises
        ------
        redis.RedisError
            If Redis is away.
        """
        if self._client.set(self._key, self._name, nx=True, px=self._lifetime_ms):
            return True
        return bool(self._evaluate(_RENEW, self._lifetime_ms))

    def give_back(self) -> None:
        """Let another have it at once, if it is ours."""
        self._evaluate(_GIVE_BACK)

    def _evaluate(self, script: str, *arguments: int) -> Any:  # noqa: ANN401 (redis-py's)
        return self._client.eval(script, 1, self._key, self._name, *arguments)
