"""What wraps every request."""

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api.errors import STARTED


class Stopwatch:
    """Notes when a request came in, for ``Server-Timing`` and the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stamp the scope and pass the request on."""
        scope[STARTED] = time.perf_counter()
        await self._app(scope, receive, send)
