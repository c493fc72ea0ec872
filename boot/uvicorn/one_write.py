"""One system call a response instead of two."""

import asyncio
from typing import Any


class OneWriteTransport:
    """A transport that sends together what is written in one turn of the event loop.

    uvicorn writes the head of a response and then its body; each write would be a system call and a segment
    of its own, the dearest part of a small response.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (everything else is the transport's own)
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keep ``data`` until the end of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))
