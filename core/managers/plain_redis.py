"""Plain Redis: a few commands over a socket, for who is in a hurry.

redis-py imports its asyncio and cluster clients with itself, a third of what a rollback on the command line takes. Whoever
runs for longer, or in threads, uses it all the same: :mod:`core.managers.redis_clients`.
"""

import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import hiredis

TIMEOUT_S = 1.0
Command = tuple[str | bytes | int, ...]


class PlainRedisError(Exception):
    """Raised when Redis cannot be reached, or refuses a command."""

    @property
    def kind(self) -> str:
        """What was wrong, in a word that holds no address: ``ConnectionRefusedError``, ``NOAUTH``."""
        return str(self).partition(" ")[0]


class LateCommandError(PlainRedisError):
    """Raised when Redis came to a command so late that whoever gave it had given up, and so left it undone."""


def redis_errors() -> tuple[type[Exception], ...]:
    """Return what says that Redis cannot be reached: ours, and redis-py's where that is imported."""
    library = sys.modules.get("redis.exceptions")
    return (PlainRedisError,) if library is None else (PlainRedisError, library.RedisError)


class PlainRedis:
    """One connection, made with the first command and again after an error; not for several threads.

    Parameters
    ----------
    url : str
        ``redis://[[user]:password@]host[:port][/database]``.
    """

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._socket: socket.socket | None = None
        self._reader = hiredis.Reader()

    @staticmethod
    def speaks(url: str) -> bool:
        """Tell whether it knows what a URL asks for: TLS, sockets of Unix and options are redis-py's."""
        parts = urlsplit(url)
        return parts.scheme == "redis" and not parts.query and parts.path.strip("/").isdecimal() | (not parts.path[1:])

    def execute_command(self, *command: str | bytes | int) -> Any:  # noqa: ANN401 (a reply)
        """Return the reply to a command; raises PlainRedisError."""
        (reply,) = self.execute_all([command])
        return reply

    def execute_all(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands that are sent together; raises PlainRedisError."""
        try:
            if self._socket is None:
                self._connect()
            return self._exchange(commands)
        except (OSError, hiredis.ProtocolError) as error:
            self.close()
            raise PlainRedisError(type(error).__name__) from error

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._reader = None, hiredis.Reader()

    def _connect(self) -> None:
        address = (self._url.hostname or "localhost", self._url.port or 6379)
        self._socket = socket.create_connection(address, timeout=TIMEOUT_S)
        with suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first: list[Command] = []
        if self._url.password:
            first.append(("AUTH", unquote(self._url.username or "default"), unquote(self._url.password)))
        if database := self._url.path.strip("/"):
            first.append(("SELECT", database))
        try:
            self._exchange(first)
        except PlainRedisError:  # a connection that nobody let in is none
            self.close()
            raise

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        assert self._socket is not None  # noqa: S101 (who calls this has connected)
        self._socket.sendall(b"".join(map(_packed, commands)))
        replies: list[Any] = []
        while len(replies) < len(commands):
            reply = self._reader.gets()
            if reply is False:  # what no reply without booleans is
                received = self._socket.recv(65_536)
                if not received:
                    raise ConnectionResetError
                self._reader.feed(received)
                continue
            replies.append(reply)
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                raise PlainRedisError(str(reply))
        return replies


def _packed(command: Command) -> bytes:
    return bytes(hiredis.pack_command(command))  # type: ignore[arg-type] # its stub allows for one word
