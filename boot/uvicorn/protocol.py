"""uvicorn's HTTP protocol as the web process runs it."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from boot.uvicorn.one_write import OneWriteTransport


class WebProtocol(HttpToolsProtocol):
    """Writes each response at once."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a new connection."""
        super().connection_made(OneWriteTransport(transport, self.loop))  # type: ignore[arg-type]  # it quacks
