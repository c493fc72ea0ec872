"""uvicorn's HTTP protocol as the web process runs it."""

import asyncio
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from apps.api.early_refusal import EarlyRefusal
from boot.uvicorn.one_write import OneWriteTransport


class WebProtocol(HttpToolsProtocol):
    """Writes each response at once; answers a request that is refused for overload before it is parsed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 (uvicorn's own)
        super().__init__(*arguments, **options)
        self._refusal: EarlyRefusal = self.app_state["refusal"]
        self._refused_at = 0.0
        self._refused_last = False
        """Whether the last thing that came in was refused: whatever comes next is the start of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a new connection."""
        self._direct = transport
        super().connection_made(OneWriteTransport(transport, self.loop))  # type: ignore[arg-type]  # it quacks

    def data_received(self, data: bytes) -> None:
        """Answer at once what is refused; leave all else to uvicorn."""
        if self._refusal.pressed and (self._refused_last or self._is_between_requests()):
            answer = self._refusal.answer(data, self.server_state.default_headers)
            if answer is not None:
                self._refuse(answer)
                return
        self._refused_last = False
        super().data_received(data)

    def pause_writing(self) -> None:
        """Keep from answering a client that does not read its answers."""
        self._refused_last = False
        super().pause_writing()

    def _refuse(self, answer: bytes) -> None:
        self._refused_last = True
        self._direct.write(answer)
        self.server_state.total_requests += 1
        self._refused_at = time.monotonic()
        if self.timeout_keep_alive_task is None:
            self._close_later(self.timeout_keep_alive)

    def _is_between_requests(self) -> bool:
        """Tell whether what comes next is the start of a request whose answer may be sent at once.

        Bytes in the middle of a request may look like another one: who sends them must not be able to
        have them answered. uvicorn makes a new scope as soon as a request begins, and a cycle with that
        scope once its headers are complete.
        """
        if self.flow.write_paused or self._direct.is_closing():
            return False
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None:
            return self.scope is None
        return cycle.response_complete and cycle.scope is self.scope and not cycle.more_body and cycle.keep_alive

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; one on which requests were refused meanwhile is not idle."""
        rest_s = self._refused_at + self.timeout_keep_alive - time.monotonic()
        if rest_s > 0:
            self._close_later(rest_s)
        else:
            super().timeout_keep_alive_handler()

    def _close_later(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
