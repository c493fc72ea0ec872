"""A uvicorn server that leaves its clients time to go: no request of a rolling restart fails."""

import asyncio
import socket

from uvicorn.server import Server

DRAIN_S = 1.0
"""How long every answer says ``Connection: close`` before the idle connections are closed.

A client that reuses a connection in the instant in which the server closes it loses its request. After this
time the connections still open have been idle for so long that few clients reuse them.
"""
LAST_ARRIVALS_S = 0.25
"""Between the last accept and the close of what is idle: a connection just accepted has its request on the way."""
NOTIFY_INTERVAL_S = 5.0


class DrainingServer(Server):
    """Drains before it shuts down, and tells gunicorn meanwhile that it lives."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of the connections one by one, then shut down as uvicorn does."""
        beating = asyncio.create_task(self._beat())
        try:
            self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
            await asyncio.sleep(DRAIN_S)
            for server in self.servers:
                server.close()
            await asyncio.sleep(LAST_ARRIVALS_S)
            await super().shutdown(sockets)
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        """uvicorn beats in its main loop only, which has ended: gunicorn would kill a long drain."""
        while self.config.callback_notify is not None:
            await self.config.callback_notify()
            await asyncio.sleep(NOTIFY_INTERVAL_S)
