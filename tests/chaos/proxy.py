"""A TCP proxy that can delay, drop and reset what passes through it."""

import asyncio
from contextlib import suppress

CHUNK_BYTES = 65536


class Proxy:
    """Listens on a port of its own and forwards to another on the loopback.

    ``delay_s`` holds each chunk back; while ``dropping``, chunks vanish and nothing is closed, as with a
    half-open connection; ``reset`` breaks all connections at once.
    """

    def __init__(self, *, port: int, target: int) -> None:
        self.delay_s = 0.0
        self.dropping = False
        self.port, self._target = port, target
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Stop listening and break what passes."""
        if self._server is not None:
            self._server.close()
        self.reset()

    def reset(self) -> None:
        """Break all connections: RST, not FIN."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, onward}
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))
        finally:
            self._writers -= {writer, onward}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if not self.dropping:
                    writer.write(chunk)
                    await writer.drain()
        writer.transport.abort()
