"""The result backend of a worker: Celery's for Redis, with one round trip a result instead of two."""

from typing import Any

from celery import states
from celery.backends.redis import RedisBackend
from kombu.utils.encoding import bytes_to_str
from redis.connection import Connection


class ReplyBackend(RedisBackend):
    """Writes what Celery's own backend writes.

    That one first reads what is there, so that a failure does not replace a success; a success needs no such
    care, since predictions are pure. And it sets and publishes in a transaction, which nobody relies on: whoever
    hears the publication has the result in it, and whoever missed it reads the key. Its connections are its own:
    redis-py's pool asks the kernel at each loan whether the connection still stands, which costs as much as the
    rest; here a connection that was closed meanwhile fails, and Celery's retry takes a new one at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (Celery's signature)
        super().__init__(*args, **options)
        self._idle: list[Connection] = []

    def _store_result(
        self,
        task_id: str,
        result: Any,  # noqa: ANN401 (Celery's signature)
        state: str,
        traceback: str | None = None,
        request: Any = None,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        if state != states.SUCCESS:
            return super()._store_result(task_id, result, state, traceback=traceback, request=request, **options)
        meta = self._get_result_meta(result=result, state=state, traceback=traceback, request=request)
        meta["task_id"] = bytes_to_str(task_id)
        self._set_with_state(self.get_key_for_task(task_id), self.encode(meta), state)
        return result

    def _set(self, key: bytes, value: bytes | str, expires: float | None = None) -> None:
        lifetime_s = int(self.expires if expires is None else expires)
        connection = self._idle.pop() if self._idle else self.client.connection_pool.make_connection()
        try:
            commands = [("SET", key, value, "EX", lifetime_s), ("PUBLISH", key, value)]
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            for _ in commands:
                connection.read_response()
        except BaseException:  # a greenlet that is killed in mid-reply must not leave the rest of it to the next
            connection.disconnect()
            raise
        self._idle.append(connection)
